"""Who trains a run, and on which machine, as it was first: never changed afterwards."""

from __future__ import annotations

from alembic import op

from core.store.migrations.forms import in_words_of

revision = "0004"
down_revision = "0003"

COLUMNS = ("host TEXT DEFAULT '' NOT NULL", "claim TEXT DEFAULT '' NOT NULL")


def upgrade() -> None:
    """Add the columns."""
    for column in COLUMNS:
        op.execute(in_words_of(op.get_context().dialect.name, f"ALTER TABLE run ADD COLUMN {column}"))
