"""Every dataset and every per-sample step on the palette. Keys: ``sources.emoji``, ``transforms.tokenizer``."""

from __future__ import annotations

from core.catalog import Catalog
from core.data.base import Source, Transform

sources: Catalog[Source] = Catalog("core.data.sources", "source", Source)
transforms: Catalog[Transform] = Catalog("core.data.transforms", "transform", Transform)
