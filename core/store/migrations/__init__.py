"""How an old store becomes a new one: Alembic revisions, run in code by :mod:`core.store.migrate`."""
