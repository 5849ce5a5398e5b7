"""How often the gallery's experiments use each block: of equal proposals, what is used more comes first."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib import resources


@cache
def block_usage() -> Mapping[str, int]:
    """Examples of the gallery that hold a block, by the block's key."""
    folder = resources.files("resources") / "experiments"
    counts: Counter[str] = Counter()
    for entry in folder.iterdir():
        if entry.name.endswith(".cms.json"):
            nodes = json.loads(entry.read_text("utf-8"))["nodes"]
            counts.update({node["block"] for node in nodes.values()})
    return counts
