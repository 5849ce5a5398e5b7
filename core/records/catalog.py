"""The registry of readers: a file for each kind of record, found by walking its folder."""

from __future__ import annotations

from typing import Final

from core.catalog import Catalog
from core.records.reader import Reader

readers: Final[Catalog[Reader]] = Catalog("core.records.readers", "kind of record")
