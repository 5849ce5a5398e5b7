"""Random crops keep what they must, move boxes with the picture, and draw areas and shapes as they say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from core.data.transforms.scaled_crop import ALL, Crop, ScaledCrop, _cut


def crops(**knobs: Any) -> ScaledCrop:
    return ScaledCrop(ScaledCrop.Config(**knobs))


def painted(box: tuple[float, float, float, float], edge: int = 120) -> torch.Tensor:
    """White, with a black rectangle."""
    image = torch.ones(3, edge, edge)
    left, top, right, bottom = (round(edge * side) for side in box)
    image[:, top:bottom, left:right] = 0
    return image


@pytest.mark.parametrize("seed", range(20))
def test_a_box_stays_around_what_it_is_around(seed: int) -> None:
    box = (0.55, 0.2, 0.8, 0.5)
    given = crops(keep=1.0, least=0.3).apply(
        {"image": painted(box), "boxes": torch.tensor([box])}, np.random.default_rng(seed)
    )
    dark = (given["image"][0] < 0.5).nonzero().float()  # rows and columns of the rectangle as it was cut
    found = torch.cat([dark.min(0).values.flip(0), dark.max(0).values.flip(0) + 1]) / 120
    torch.testing.assert_close(given["boxes"][0], found, atol=1.5 / 120, rtol=0)
    low, high = torch.maximum(given["boxes"][0, :2], found[:2]), torch.minimum(given["boxes"][0, 2:], found[2:])
    areas = [(b[2:] - b[:2]).prod() for b in (given["boxes"][0], found)]
    both = (high - low).prod()
    assert both / (sum(areas) - both) > 0.94  # intersection over union


@pytest.mark.parametrize(("of", "boxes"), [("first", 1), (ALL, 3)])
def test_as_much_of_the_wanted_boxes_is_kept_as_asked_for(of: str, boxes: int) -> None:
    box_N4 = torch.tensor([[0.1, 0.1, 0.3, 0.4], [0.5, 0.5, 0.7, 0.6], [0.2, 0.6, 0.35, 0.9]])
    step, small = crops(keep=0.75, least=0.2, of=of), 0
    for seed in range(200):
        crop = step.drawn(box_N4, np.random.default_rng(seed))
        assert float(crop.kept(box_N4[:boxes]).min()) >= 0.75 - 1e-6
        small += crop != Crop()
    assert small > 100  # and not by giving the whole image always


def test_without_boxes_areas_and_shapes_are_drawn_as_said() -> None:
    step = crops(least=0.2, most=0.5, ratio=1.5, keep=0)
    found = [step.drawn(None, np.random.default_rng(seed)) for seed in range(2000)]
    areas = np.array([(c.right - c.left) * (c.bottom - c.top) for c in found])
    ratios = np.array([math.log((c.right - c.left) / (c.bottom - c.top)) for c in found])
    assert areas.min() >= 0.2
    assert areas.max() <= 0.5 + 1e-9
    assert areas.mean() == pytest.approx(0.35, abs=4 * 0.3 / math.sqrt(12 * 2000))  # uniform
    assert abs(ratios).max() <= math.log(1.5) + 1e-9
    assert ratios.mean() == pytest.approx(0, abs=4 * 2 * math.log(1.5) / math.sqrt(12 * 2000))


def test_the_whole_image_comes_back_as_it_is() -> None:
    image = torch.rand(3, 31, 47)
    given = crops(least=1.0, most=1.0, ratio=1.0).apply({"image": image}, np.random.default_rng(0))
    torch.testing.assert_close(given["image"], image, atol=1e-5, rtol=0)
    assert given["boxes"].shape == (0, 4)


def test_a_crop_is_the_part_of_the_image_it_says() -> None:
    image = torch.rand(3, 40, 40)
    made = _cut(image, Crop(left=0.25, top=0.5, right=0.75, bottom=1.0))
    inner = torch.nn.functional.interpolate(image[None, :, 20:, 10:30], size=(40, 40), mode="bilinear")[0]
    torch.testing.assert_close(made[:, 2:-2, 2:-2], inner[:, 2:-2, 2:-2], atol=1e-5, rtol=0)
