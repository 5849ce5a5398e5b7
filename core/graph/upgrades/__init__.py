"""One function per old document version: takes its data, gives the next version's. Version 1 is the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.graph.upgrades import v1

UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: v1.upgraded}
