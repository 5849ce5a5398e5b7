"""The store's own time: machines that share a store need not agree on theirs, so the store says what time it is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Float
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement


class store_now(FunctionElement[float]):
    """Seconds since 1970 by the clock of the store: of this machine for a file, of the server for a database."""

    name = "store_now"
    type = Float()
    inherit_cache = True


@compiles(store_now, "sqlite")
def _of_a_file(*_: Any, **__: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(store_now, "postgresql")
def _of_a_server(*_: Any, **__: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION)"
