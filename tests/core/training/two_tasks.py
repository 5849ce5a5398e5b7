"""Two sources on the same two towers: emoji, and a folder of coloured squares with captions that a test makes itself."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from PIL import Image

from core.graph import edits
from core.graph.document import Document
from core.graph.recipe import Mix, Part

COLOURS = {"red": (220, 40, 40), "green": (40, 190, 60), "blue": (50, 70, 220), "yellow": (230, 210, 40)}
SIZES = ("tiny", "small", "large", "huge", "wide", "high", "thin", "broad", "short", "tall")
SPLITS = ("train", "train", "train", "validation", "test")


def squares(folder: Path, splits: tuple[str, ...] = SPLITS) -> Path:
    """40 pictures: a colour and a size each; 24 of them are trained on, 8 validate, 8 test."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (size, (colour, pixels)) in enumerate(product(SIZES, COLOURS.items())):
        name = f"{colour}-{size}.png"
        picture = Image.new("RGB", (16, 16), "white")
        side = 4 + SIZES.index(size)
        picture.paste(pixels, (1, 1, side, side))
        picture.save(folder / name)
        rows.append({"file": name, "caption": f"a {size} {colour} square", "split": splits[number // 4 % len(splits)]})
    (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    return folder


def two_tasks(document: Document, folder: Path, *, size: int = 16, **mix: Any) -> Document:
    """A document of one emoji source with the folder as a second source before the same first steps.

    ``mix``: fields of the mix; ``parts`` as plain values.
    """
    document, table = edits.add_node(
        document, "sources.caption_table", 0, 200, {"folder": str(folder), "image_size": size}
    )
    document = edits.change_node(document, table, title="Squares")
    document = edits.share_blocks(document, table, "emoji", ("image", "sentence"))
    parts = {source: Part(**part) for source, part in mix.pop("parts", {}).items()}
    return replace(document, recipe=replace(document.recipe, mix=Mix(**mix, parts=parts)))
