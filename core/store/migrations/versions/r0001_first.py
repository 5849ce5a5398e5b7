"""The tables of the first release, as they were then: never changed afterwards."""

from __future__ import annotations

from alembic import op

from core.store.migrations.forms import in_words_of

revision = "0001"
down_revision = None

TABLES = (
    (
        "CREATE TABLE run ( id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL, name TEXT NOT "
        "NULL, status TEXT NOT NULL, reason TEXT NOT NULL, created FLOAT NOT NULL, ended FLOAT, step INTEGER NOT "
        "NULL, seconds FLOAT NOT NULL, epoch FLOAT NOT NULL, samples INTEGER NOT NULL, steps INTEGER NOT NULL, "
        "seed INTEGER NOT NULL, place TEXT NOT NULL, parent TEXT NOT NULL, parent_step INTEGER NOT NULL, "
        "document_id TEXT NOT NULL, document_name TEXT NOT NULL, document_text TEXT NOT NULL, environment TEXT "
        "NOT NULL, notes TEXT NOT NULL, deleted FLOAT, process INTEGER NOT NULL, process_started FLOAT NOT NULL, "
        "heartbeat FLOAT NOT NULL, revision INTEGER NOT NULL, UNIQUE (uid) )"
    ),
    (
        "CREATE TABLE checkpoint ( id INTEGER NOT NULL, run_id INTEGER NOT NULL, step INTEGER NOT NULL, path "
        "TEXT NOT NULL, metric TEXT NOT NULL, value FLOAT, best INTEGER NOT NULL, kept INTEGER NOT NULL, PRIMARY "
        "KEY (id), UNIQUE (run_id, path), FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE )"
    ),
    (
        "CREATE TABLE command ( id INTEGER NOT NULL, run_id INTEGER NOT NULL, name TEXT NOT NULL, arguments TEXT "
        "NOT NULL, created FLOAT NOT NULL, taken FLOAT, PRIMARY KEY (id), FOREIGN KEY(run_id) REFERENCES run "
        "(id) ON DELETE CASCADE )"
    ),
    "CREATE INDEX command_run ON command (run_id, taken)",
    (
        "CREATE TABLE exhibit ( id INTEGER NOT NULL, run_id INTEGER NOT NULL, name TEXT NOT NULL, about TEXT NOT "
        "NULL, checksum INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (id), UNIQUE (run_id, name), FOREIGN "
        "KEY(run_id) REFERENCES run (id) ON DELETE CASCADE )"
    ),
    (
        "CREATE TABLE log ( id INTEGER NOT NULL, run_id INTEGER NOT NULL, step INTEGER NOT NULL, seconds FLOAT "
        "NOT NULL, level TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (id), FOREIGN KEY(run_id) REFERENCES run "
        "(id) ON DELETE CASCADE )"
    ),
    "CREATE INDEX log_run ON log (run_id, step)",
    (
        "CREATE TABLE mark ( id INTEGER NOT NULL, run_id INTEGER NOT NULL, step INTEGER NOT NULL, seconds FLOAT "
        "NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (id), FOREIGN "
        "KEY(run_id) REFERENCES run (id) ON DELETE CASCADE )"
    ),
    "CREATE INDEX mark_run ON mark (run_id, step)",
    (
        "CREATE TABLE param ( run_id INTEGER NOT NULL, name TEXT NOT NULL, number FLOAT, text TEXT NOT NULL, "
        "PRIMARY KEY (run_id, name), FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE ) WITHOUT ROWID"
    ),
    "CREATE INDEX param_name ON param (name)",
    (
        "CREATE TABLE series ( id INTEGER NOT NULL, run_id INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT "
        "NULL, size INTEGER NOT NULL, first INTEGER NOT NULL, final INTEGER NOT NULL, last FLOAT, low FLOAT, "
        "high FLOAT, best FLOAT, nonfinite INTEGER NOT NULL, PRIMARY KEY (id), UNIQUE (run_id, kind, name), "
        "FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE )"
    ),
    "CREATE INDEX series_name_last ON series (name, last)",
    (
        "CREATE TABLE tag ( run_id INTEGER NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (run_id, tag), FOREIGN "
        "KEY(run_id) REFERENCES run (id) ON DELETE CASCADE ) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE chunk ( id INTEGER NOT NULL, series_id INTEGER NOT NULL, first INTEGER NOT NULL, final "
        "INTEGER NOT NULL, size INTEGER NOT NULL, last FLOAT, low FLOAT, high FLOAT, nonfinite INTEGER NOT "
        "NULL, stride INTEGER NOT NULL, checksum INTEGER NOT NULL, levels BLOB NOT NULL, keys BLOB NOT NULL, "
        "data BLOB NOT NULL, PRIMARY KEY (id), UNIQUE (series_id, first), FOREIGN KEY(series_id) REFERENCES "
        "series (id) ON DELETE CASCADE )"
    ),
    (
        "CREATE TABLE snapshot ( id INTEGER NOT NULL, series_id INTEGER NOT NULL, step INTEGER NOT NULL, seconds "
        "FLOAT NOT NULL, codec TEXT NOT NULL, about TEXT NOT NULL, checksum INTEGER NOT NULL, data BLOB NOT "
        "NULL, PRIMARY KEY (id), UNIQUE (series_id, step), FOREIGN KEY(series_id) REFERENCES series (id) ON "
        "DELETE CASCADE )"
    ),
    (
        "CREATE TABLE tail ( id INTEGER NOT NULL, series_id INTEGER NOT NULL, size INTEGER NOT NULL, keys BLOB "
        "NOT NULL, data BLOB NOT NULL, PRIMARY KEY (id), FOREIGN KEY(series_id) REFERENCES series (id) ON DELETE "
        "CASCADE )"
    ),
    "CREATE INDEX tail_series ON tail (series_id)",
)


def upgrade() -> None:
    """Make every table."""
    for statement in TABLES:
        op.execute(in_words_of(op.get_context().dialect.name, statement))
