"""RoIAlign (arXiv:1703.06870) by closed forms and against the definition, and the regional objective."""

from __future__ import annotations

import math

import pytest
import torch

from core.blocks.connectors.region_pool import RegionPool, roi_align
from core.blocks.objectives.info_nce import InfoNCE
from core.blocks.objectives.regional import Regional
from core.blocks.values import Grid, Tokens

WHOLE = torch.tensor([[[0.0, 0.0, 1.0, 1.0]]])


def affine(height: int, width: int) -> torch.Tensor:
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.double), torch.arange(width, dtype=torch.double), indexing="ij"
    )
    return (2.0 * x - 3.0 * y + 0.5)[None, None]


@pytest.mark.parametrize(("bins", "points"), [(1, 6), (2, 3), (3, 2)])
def test_a_box_around_the_picture_is_the_global_pool_of_any_map_read_at_its_cells(bins: int, points: int) -> None:
    features = torch.randn(1, 4, 6, 6, dtype=torch.double)
    pooled = roi_align(features, WHOLE.double(), bins, points).mean((-2, -1))[0, 0]
    torch.testing.assert_close(pooled, features.mean((-2, -1))[0])


@pytest.mark.parametrize("box", [(0.2, 0.3, 0.7, 0.9), (0.5, 0.1, 0.9, 0.4)])
def test_the_mean_over_a_box_of_an_affine_map_is_its_value_at_the_middle(box: tuple[float, ...]) -> None:
    features = affine(8, 10)
    found = roi_align(features, torch.tensor([[box]], dtype=torch.double), 2, 3).mean((-2, -1)).item()
    x, y = (box[0] + box[2]) / 2 * 10 - 0.5, (box[1] + box[3]) / 2 * 8 - 0.5
    assert found == pytest.approx(2 * x - 3 * y + 0.5, abs=1e-9)


def by_definition(features: torch.Tensor, box: torch.Tensor, bins: int, points: int) -> torch.Tensor:
    """torchvision's algorithm with ``aligned=True`` and a fixed sampling ratio, written as loops."""
    channels, height, width = features.shape
    left, top, right, bottom = (float(v) * edge - 0.5 for v, edge in zip(box, (width, height, width, height)))
    made = torch.zeros(channels, bins, bins, dtype=features.dtype)
    for row in range(bins):
        for column in range(bins):
            for i in range(points):
                for j in range(points):
                    y = top + (bottom - top) / bins * (row + (i + 0.5) / points)
                    x = left + (right - left) / bins * (column + (j + 0.5) / points)
                    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
                    y0, x0 = math.floor(y), math.floor(x)
                    y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
                    a, b = y - y0, x - x0
                    made[:, row, column] += (
                        features[:, y0, x0] * (1 - a) * (1 - b) + features[:, y0, x1] * (1 - a) * b
                        + features[:, y1, x0] * a * (1 - b) + features[:, y1, x1] * a * b
                    )  # fmt: skip
    return made / points**2


def test_equals_the_definition_for_every_box_of_every_picture() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 3, 5, 7, dtype=torch.double)
    low = torch.rand(2, 4, 2, dtype=torch.double) * 0.6
    boxes = torch.cat([low, low + 0.05 + torch.rand(2, 4, 2, dtype=torch.double) * 0.3], -1)
    found = roi_align(features, boxes, 3, 2)
    for picture in range(2):
        for box in range(4):
            expected = by_definition(features[picture], boxes[picture, box], 3, 2)
            torch.testing.assert_close(found[picture, box], expected)


def test_a_box_that_is_no_number_is_none_and_leaves_the_others() -> None:
    """PyTorch gives finite numbers for it, and ends the process when the gradient is taken."""
    features = torch.randn(2, 3, 4, 4, requires_grad=True)
    boxes = torch.tensor([[[0.1, 0.1, 0.6, 0.6]], [[float("nan"), 0.0, 1.0, 1.0]]])
    read = roi_align(features, boxes, 2, 2)
    assert read[1].isnan().all()
    torch.testing.assert_close(read[:1], roi_align(features[:1], boxes[:1], 2, 2))
    read[0].sum().backward()
    assert features.grad is not None
    assert features.grad[0].abs().sum() > 0
    assert not features.grad[1].any()


def test_tokens_without_a_grid_are_refused() -> None:
    with pytest.raises(ValueError, match="grid"):
        RegionPool(RegionPool.Config(), {"tokens": Tokens(x_BND=torch.randn(1, 4, 8)), "boxes": WHOLE})


def test_one_box_a_picture_is_info_nce() -> None:
    regions = torch.randn(6, 1, 8)
    phrase = torch.randn(6, 8)
    tokens = Tokens(x_BND=regions, grid=Grid(kind="latents", sizes=(1,)))
    block = Regional(Regional.Config(), {"regions": tokens, "phrase": phrase})
    plain = InfoNCE(InfoNCE.Config(), {"left": phrase, "right": phrase})(phrase, regions[:, 0])["loss"]
    torch.testing.assert_close(block(tokens, phrase)["loss"], plain)


def test_ranks_count_the_other_boxes_of_the_same_picture() -> None:
    regions = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]]).repeat(2, 1, 1)
    phrase = torch.tensor([[1.0, 0.1], [0.0, 1.0]])
    block = Regional(Regional.Config(), {"regions": Tokens(x_BND=regions), "phrase": phrase})
    name, ranks, counts = block.own_ranks(Tokens(x_BND=regions), phrase)
    assert (name, ranks.tolist(), counts.tolist()) == ("phrase_to_box", [0, 2], [3, 3])
