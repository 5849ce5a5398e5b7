"""Who trains a trial on which machine, and how often a run was taken up, as it was first: never changed afterwards."""

from __future__ import annotations

from alembic import op

from core.store.migrations.forms import in_words_of

revision = "0007"
down_revision = "0006"

COLUMNS = {
    "run": ("attempt INTEGER DEFAULT 0 NOT NULL",),
    "sweep": ("host TEXT DEFAULT '' NOT NULL", "heartbeat FLOAT DEFAULT 0 NOT NULL"),
    "trial": ("host TEXT DEFAULT '' NOT NULL", "heartbeat FLOAT DEFAULT 0 NOT NULL"),
}


def upgrade() -> None:
    """Add the columns."""
    for table, columns in COLUMNS.items():
        for column in columns:
            op.execute(in_words_of(op.get_context().dialect.name, f"ALTER TABLE {table} ADD COLUMN {column}"))
