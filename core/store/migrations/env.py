"""What Alembic runs: the revisions, on the connection that it was given."""

from __future__ import annotations

from alembic import context

from core.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True,
    transactional_ddl=False,
)  # fmt: skip
context.run_migrations()
