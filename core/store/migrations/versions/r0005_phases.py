"""What a run is about now, and its place in the queue, as it was first: never changed afterwards."""

from __future__ import annotations

from alembic import op

from core.store.migrations.forms import in_words_of

revision = "0005"
down_revision = "0004"

COLUMNS = (
    "phase TEXT DEFAULT '' NOT NULL", "done INTEGER DEFAULT 0 NOT NULL", '"of" INTEGER DEFAULT 0 NOT NULL',
    "position FLOAT",
)  # fmt: skip


def upgrade() -> None:
    """Add the columns."""
    for column in COLUMNS:
        op.execute(in_words_of(op.get_context().dialect.name, f"ALTER TABLE run ADD COLUMN {column}"))
