"""Annotated pairs of datasets, as they were first: never changed afterwards."""

from __future__ import annotations

from alembic import op

from core.store.migrations.forms import in_words_of

revision = "0003"
down_revision = "0002"

TABLE = (
    'CREATE TABLE pair_mark ( id INTEGER NOT NULL, dataset TEXT NOT NULL, "left" INTEGER NOT NULL, "right" INTEGER NOT '
    "NULL, mark TEXT NOT NULL, made FLOAT NOT NULL, run TEXT NOT NULL, step INTEGER NOT NULL, PRIMARY KEY (id), "
    'UNIQUE (dataset, "left", "right") )'
)


def upgrade() -> None:
    """Make the table."""
    op.execute(in_words_of(op.get_context().dialect.name, TABLE))
