"""What the command line prints: tables that cut no value, JSON that any reader takes."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console

WIDTH_IN_A_PIPE = 500  # characters; a file or a pipe has no edge to break lines at


def console() -> Console:
    """As wide as the terminal; where there is none, lines are as long as they are. Words are never taken for markup."""
    return Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else WIDTH_IN_A_PIPE)


def as_json(value: Any, indent: int | None = None) -> str:
    """JSON text; a number that is not finite becomes null, which JSON has a word for."""
    return json.dumps(_finite(value), ensure_ascii=False, indent=indent, allow_nan=False, default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
