"""Every block on the palette that runs per batch: encoders, connectors, fusion, objectives, ..."""

from __future__ import annotations

from core.blocks.block import Block
from core.catalog import Catalog

blocks: Catalog[Block] = Catalog("core.blocks", "block", Block)
