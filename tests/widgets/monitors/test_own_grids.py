"""A map over pictures of several sizes: each sample has its own rows and columns, and padding is left out."""

from __future__ import annotations

import numpy as np

from widgets.look.heat.side import on_patches, real_count
from widgets.monitors.attention.attention_map import side_of

SEVERAL = {"kind": "patches", "extra": 1, "height": 3, "width": 4, "each": [[2, 2], [3, 1], [1, 4]]}


def test_every_sample_has_its_own_grid() -> None:
    sides = [side_of(SEVERAL, None, sample, 5) for sample in range(3)]
    assert [(side.kind, side.height, side.width) for side in sides] == [
        ("patches", 2, 2), ("patches", 3, 1), ("patches", 1, 4),
    ]  # fmt: skip
    assert sides[1].patch(3) == (2, 0)
    assert sides[1].patch(4) is None  # padding is no place in the picture
    assert real_count(sides[1], 5) == 4
    weights = np.arange(5, dtype=np.float32)
    assert on_patches(sides[1], weights).tolist() == [[1], [2], [3]]
    assert on_patches(sides[2], weights).tolist() == [[1, 2, 3, 4]]


def test_one_grid_for_all_stays_as_it_was() -> None:
    side = side_of({"kind": "patches", "extra": 1, "height": 2, "width": 2}, None, 7, 5)
    assert (side.height, side.width, real_count(side, 5)) == (2, 2, 5)
