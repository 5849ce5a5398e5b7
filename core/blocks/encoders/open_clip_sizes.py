"""Sizes of published OpenCLIP models (arXiv:2212.07143), as data.

Copied from ``open_clip/model_configs/*.json`` of https://github.com/mlfoundations/open_clip (version 3.3.0, MIT); counts of
parameters in ``docs/model_profile.csv`` there. Quick GELU is what OpenAI's own weights use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Tower:
    """One transformer: width, layers, heads, width of the feed-forward part."""

    width: int
    depth: int
    heads: int
    hidden: int


@dataclass(frozen=True, kw_only=True)
class Size:
    """One published pair of towers."""

    shared: int  # width of the shared space
    side: int  # pixels
    patch: int  # pixels
    vision: Tower
    text: Tower
    million_parameters: float  # both towers, projections and temperature


CONTEXT, VOCABULARY = 77, 49_408  # word pieces a sentence, and how many there are

SIZES: Mapping[str, Size] = {
    "ViT-B/32": Size(
        shared=512, side=224, patch=32, million_parameters=151.28,
        vision=Tower(width=768, depth=12, heads=12, hidden=3072), text=Tower(width=512, depth=12, heads=8, hidden=2048),
    ),
    "ViT-B/16": Size(
        shared=512, side=224, patch=16, million_parameters=149.62,
        vision=Tower(width=768, depth=12, heads=12, hidden=3072), text=Tower(width=512, depth=12, heads=8, hidden=2048),
    ),
    "ViT-L/14": Size(
        shared=768, side=224, patch=14, million_parameters=427.62,
        vision=Tower(width=1024, depth=24, heads=16, hidden=4096), text=Tower(width=768, depth=12, heads=12, hidden=3072),
    ),
    "ViT-L/14 336": Size(
        shared=768, side=336, patch=14, million_parameters=427.94,
        vision=Tower(width=1024, depth=24, heads=16, hidden=4096), text=Tower(width=768, depth=12, heads=12, hidden=3072),
    ),
    "ViT-H/14": Size(
        shared=1024, side=224, patch=14, million_parameters=986.11,
        vision=Tower(width=1280, depth=32, heads=16, hidden=5120), text=Tower(width=1024, depth=24, heads=16, hidden=4096),
    ),
    "ViT-g/14": Size(
        shared=1024, side=224, patch=14, million_parameters=1366.68,
        vision=Tower(width=1408, depth=40, heads=16, hidden=6144), text=Tower(width=1024, depth=24, heads=16, hidden=4096),
    ),
    "ViT-bigG/14": Size(
        shared=1280, side=224, patch=14, million_parameters=2539.57,
        vision=Tower(width=1664, depth=48, heads=16, hidden=8192), text=Tower(width=1280, depth=32, heads=20, hidden=5120),
    ),
}  # fmt: skip

FILES: Mapping[str, str] = {  # open_clip's own names
    "ViT-B/32": "ViT-B-32", "ViT-B/16": "ViT-B-16", "ViT-L/14": "ViT-L-14", "ViT-L/14 336": "ViT-L-14-336",
    "ViT-H/14": "ViT-H-14", "ViT-g/14": "ViT-g-14", "ViT-bigG/14": "ViT-bigG-14",
}  # fmt: skip
