"""Exercise 5.1: a small CLIP learns a toy to the end. Twelve plain colours and their names, all found first both ways."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from core.graph import edits
from tests.core.training.running import trainer
from tests.documents import tiny_clip

COLOURS = {
    "red": (220, 20, 20), "green": (20, 160, 20), "blue": (20, 20, 220), "yellow": (240, 240, 20), "black": (0, 0, 0),
    "grey": (128, 128, 128), "cyan": (20, 220, 220), "magenta": (220, 20, 220), "orange": (250, 140, 0),
    "brown": (110, 60, 20), "pink": (250, 180, 200), "navy": (0, 0, 90),
}  # fmt: skip


def toy(folder: Path) -> Path:
    """Each colour once to learn and once, a little lighter, to be asked."""
    rows = []
    for name, colour in COLOURS.items():
        for split, lighter in (("train", 0), ("test", 6)):
            file = f"{name}-{split}.png"
            Image.new("RGB", (16, 16), tuple(min(255, value + lighter) for value in colour)).save(folder / file)
            rows.append({"image": file, "caption": name, "split": split})
    (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def test_a_toy_is_learned_to_recall_one_both_ways(tmp_path: Path) -> None:
    document = tiny_clip(
        steps=120, batch_size=12, dropout=0.0, learning_rate=5e-3, callbacks={"evaluation": {"every": 1000}}
    )
    document = edits.set_knob(document, "vit", "patch_dropout", 0.0)
    table = {"folder": str(toy(tmp_path)), "image_size": 16}
    document = edits.change_node(document, "emoji", block="sources.caption_table", knobs=table)
    document = edits.change_node(document, "augment", bypassed=True)
    run = trainer(document)
    assert run.train() == "finished"
    for way in ("image_to_text", "text_to_image"):
        (_, found), (_, chance) = (
            run.listener.scalars(f"retrieval/test/{way}/{name}")[-1] for name in ("R@1", "chance R@1")
        )  # type: ignore[attr-defined]
        assert found == 1.0
        assert chance < 0.09
