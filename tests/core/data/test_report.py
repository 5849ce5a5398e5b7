from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.data.base import Watch
from core.data.contents import Cancelled
from core.data.report import as_text, cropped, difference_hash, report_of
from core.data.sources.caption_table import CaptionTable


def drawing(number: int) -> Image.Image:
    """A different figure of shapes for every number."""
    chance = np.random.default_rng(number)
    picture = Image.new("RGB", (96, 96), "white")
    pen = ImageDraw.Draw(picture)
    for _ in range(6):
        left, top, wide, tall = (int(value) for value in chance.integers(4, 44, 4))
        colour = tuple(int(value) for value in chance.integers(0, 220, 3))
        pen.ellipse((left, top, left + wide, top + tall), fill=colour)
    return picture


@pytest.fixture
def leaky(tmp_path: Path) -> CaptionTable:
    """Forty drawings; three of the test split also lie in the training split: as they are, squeezed, and smaller."""
    lines = []

    def put(name: str, picture: Image.Image, split: str, **more: Any) -> None:
        picture.save(tmp_path / name, **({"quality": 60} if name.endswith("jpg") else {}))
        lines.append({"file": name, "caption": f"drawing {name}", "split": split, **more})

    for number in range(30):
        put(f"{number}.png", drawing(number), "train", family=f"f{number}")
    for number in range(100, 107):
        put(f"{number}.png", drawing(number), "test", family=f"f{number}")
    put("copy.png", drawing(3), "test", family="f-a")
    put("squeezed.jpg", drawing(4), "test", family="f-b")
    put("smaller.png", drawing(5).resize((80, 80), Image.Resampling.LANCZOS), "test", family="f7")
    (tmp_path / "captions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return CaptionTable(CaptionTable.Config(folder=str(tmp_path), image_size=64))


def test_planted_leaks_are_found_and_nothing_else(leaky: CaptionTable) -> None:
    report = report_of(leaky)
    assert report.counts == {"train": 30, "validation": 0, "test": 10}
    assert report.exact_duplicates == ((3, 37),)
    assert report.near_duplicates == ((4, 38), (5, 39))
    assert report.shared_groups == ("f-a", "f7"), "the copy is of one group with what it is a copy of"
    assert report.problems == ()
    assert leaky.facts()["groups in more than one split"] == "2"
    text = "\n".join(as_text(report, leaky))
    assert "drawing 3.png / drawing copy.png" in text


def test_an_unreadable_file_is_a_problem_of_its_own(leaky: CaptionTable, tmp_path: Path) -> None:
    (tmp_path / "11.png").write_bytes((tmp_path / "11.png").read_bytes()[:200])
    report = report_of(leaky)
    assert len(report.problems) == 1
    assert "11.png" in report.problems[0].what
    assert report.near_duplicates == ((4, 38), (5, 39))


def test_the_fingerprint_is_of_the_pixels_too(leaky: CaptionTable, tmp_path: Path) -> None:
    before = report_of(leaky).fingerprint
    again = CaptionTable(leaky.config)
    assert report_of(again).fingerprint == before
    drawing(999).save(tmp_path / "12.png")
    assert report_of(CaptionTable(leaky.config)).fingerprint != before


def test_it_says_how_far_it_is_and_can_be_stopped(leaky: CaptionTable) -> None:
    seen: list[tuple[int, int]] = []
    report_of(leaky, watch=Watch(progress=lambda done, of: seen.append((done, of))))
    assert seen[0] == (0, 40)
    assert seen[-1] == (40, 40)
    with pytest.raises(Cancelled):
        report_of(leaky, watch=Watch(is_cancelled=lambda: len(seen) > 0))


def test_the_difference_hash_survives_light_and_size_but_not_another_drawing() -> None:
    def bits(picture: Image.Image) -> int:
        pixels = np.asarray(picture, dtype=np.float32).transpose(2, 0, 1) / 255
        return difference_hash(cropped(pixels))

    one = bits(drawing(1))
    darker = bits(drawing(1).point(lambda level: int(level * 0.9)))
    assert (one ^ bits(drawing(1).resize((128, 128)))).bit_count() <= 6
    assert (one ^ darker).bit_count() <= 6
    assert (one ^ bits(drawing(2))).bit_count() > 6
