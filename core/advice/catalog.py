"""The registry of decision trees."""

from __future__ import annotations

from typing import Final

from core.advice.proposal import Tree
from core.catalog import Catalog

trees: Final[Catalog[Tree]] = Catalog("core.advice.trees", "decision tree")
