"""Sweeps and their trials, as they were first: never changed afterwards."""

from __future__ import annotations

from alembic import op

from core.store.migrations.forms import in_words_of

revision = "0002"
down_revision = "0001"

TABLES = (
    (
        "CREATE TABLE sweep ( id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL, name TEXT NOT NULL, "
        "created FLOAT NOT NULL, document_id TEXT NOT NULL, document_text TEXT NOT NULL, state TEXT NOT NULL, "
        "continue_on_error INTEGER NOT NULL, place TEXT NOT NULL, position FLOAT NOT NULL, deleted FLOAT, process "
        "INTEGER NOT NULL, process_started FLOAT NOT NULL, revision INTEGER NOT NULL, UNIQUE (uid) )"
    ),
    (
        "CREATE TABLE trial ( id INTEGER NOT NULL, sweep_id INTEGER NOT NULL, number INTEGER NOT NULL, position FLOAT "
        "NOT NULL, arm TEXT NOT NULL, seed INTEGER NOT NULL, state TEXT NOT NULL, run_id INTEGER, value FLOAT, figures "
        "TEXT NOT NULL, reason TEXT NOT NULL, process INTEGER NOT NULL, process_started FLOAT NOT NULL, PRIMARY KEY "
        "(id), UNIQUE (sweep_id, number), FOREIGN KEY(sweep_id) REFERENCES sweep (id) ON DELETE CASCADE, FOREIGN "
        "KEY(run_id) REFERENCES run (id) ON DELETE SET NULL )"
    ),
    "CREATE INDEX trial_queue ON trial (sweep_id, state, position)",
    "CREATE INDEX trial_run ON trial (run_id)",
)


def upgrade() -> None:
    """Make both tables."""
    for statement in TABLES:
        op.execute(in_words_of(op.get_context().dialect.name, statement))
