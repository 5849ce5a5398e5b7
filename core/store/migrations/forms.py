"""Statements of the revisions, which were written for SQLite, in another engine's words."""

from __future__ import annotations

FORMS = {  # in this order
    "postgresql": (
        ("id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", "id BIGSERIAL PRIMARY KEY"),
        (" id INTEGER NOT NULL,", " id BIGSERIAL NOT NULL,"),
        (" WITHOUT ROWID", ""),
        (" INTEGER", " BIGINT"),
        (" BLOB", " BYTEA"),
        (" FLOAT", " DOUBLE PRECISION"),
        (" TEXT", ' TEXT COLLATE "C"'),
    ),
}


def in_words_of(engine: str, statement: str) -> str:
    """A statement as that engine takes it; SQLite's own stays as it is."""
    for ours, theirs in FORMS.get(engine, ()):
        statement = statement.replace(ours, theirs)
    return statement
