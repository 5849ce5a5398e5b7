"""Images of one object gathered from a table: views, masks, the sentence they share, splits of whole objects."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.data.sources.grouped_views import GroupedViews, in_common
from core.problems import Refused


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six objects; the first is seen from five sides, the others from two."""
    rows = []
    for number in range(6):
        for side in range(5 if number == 0 else 2):
            name = f"{number}_{side}.png"
            pixels = np.full((16, 16, 3), 40 * number + 5 * side, np.uint8)
            Image.fromarray(pixels).save(tmp_path / name)
            split = "train" if number < 4 else "test"
            caption = f"a box of kind {number}, made of wood, seen from side {side}"
            rows.append({"file": name, "caption": caption, "thing": f"box {number}", "lid": "open", "split": split})
    (tmp_path / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return tmp_path


def source(folder: Path, **knobs: object) -> GroupedViews:
    return GroupedViews(GroupedViews.Config(folder=str(folder), object_columns="thing, lid", image_size=16, **knobs))


def test_rows_of_one_object_are_one_sample(folder: Path) -> None:
    opened = source(folder, views=3)
    assert len(opened) == 6
    assert {name: len(some) for name, some in opened.splits().items() if some} == {"train": 4, "test": 2}
    many, few = (opened.part(index, ("views", "sentence")) for index in (0, 1))
    assert many["sentence"] == "a box of kind 0, made of wood"
    shades = [round(float(view.mean()) * 255) for view in many["views"].views_VCHW]
    assert shades == [0, 10, 20], "of five the first, the middle one and the last"
    assert few["views"].real_V.tolist() == [True, True, False]
    assert torch.equal(few["views"].views_VCHW[2], torch.zeros(3, 16, 16))
    assert opened.facts()["objects"] == "6"
    assert opened.meta(2)["views"].x_BVCHW.shape == (2, 3, 3, 16, 16)


def test_what_is_one_object_is_part_of_what_the_data_is(folder: Path) -> None:
    assert source(folder).fingerprint() == source(folder).fingerprint() != source(folder, views=2).fingerprint()


def test_a_column_must_be_named_and_be_there(folder: Path) -> None:
    nothing = GroupedViews(GroupedViews.Config(folder=str(folder)))
    problem = nothing.unready()
    assert problem is not None
    assert "No column" in problem.what
    with pytest.raises(Refused, match="No column"):
        nothing.open()
    with pytest.raises(Refused, match="no column 'colour'"):
        GroupedViews(GroupedViews.Config(folder=str(folder), object_columns="colour")).open()
    unset = GroupedViews(GroupedViews.Config()).unready()
    assert unset is not None
    assert "folder" in unset.what


def test_captions_without_anything_in_common_keep_the_first() -> None:
    assert in_common(["a cat, asleep", "a dog, asleep"]) == "asleep"
    assert in_common(["a cat", "a dog"]) == "a cat"
