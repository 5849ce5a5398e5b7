"""The field's words: a trial's arm is its configuration; what runs are compared by says callbacks and diagnostics."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


RENAMED = {"habits.": "callbacks.", "probes.": "diagnostics."}


def upgrade() -> None:
    """Rename the column, whose text is read by the words of the day it was written, and the parameters' names."""
    op.execute("ALTER TABLE trial RENAME COLUMN arm TO configuration")
    for old, new in RENAMED.items():
        op.execute(
            f"UPDATE param SET name = '{new}' || substr(name, {len(old) + 1}) WHERE substr(name, 1, {len(old)}) = '{old}'"
        )
