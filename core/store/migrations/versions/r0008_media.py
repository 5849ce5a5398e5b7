"""Files beside the store that snapshots name, as it was first: never changed afterwards."""

from __future__ import annotations

from alembic import op

from core.store.migrations.forms import in_words_of

revision = "0008"
down_revision = "0007"

MEDIA = """
CREATE TABLE media (
    id INTEGER NOT NULL,
    snapshot_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (snapshot_id, name),
    FOREIGN KEY(snapshot_id) REFERENCES snapshot (id) ON DELETE CASCADE
)
"""


def upgrade() -> None:
    """Add the table."""
    op.execute(in_words_of(op.get_context().dialect.name, MEDIA))
    op.execute("CREATE INDEX media_name ON media (name)")
