"""Faithfulness on a score whose regions are known, in closed form; the bootstrap and the pointing game likewise."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from core.blocks.values import Grid, Text
from core.graph.document import End
from core.inference.answering import Cancelled
from core.inference.certainty import estimate
from core.inference.faithfulness import Faithfulness, area, faithfulness, interval, without
from core.inference.pointing import inside

IMAGE, CUT = End(node="data", port="image"), End(node="vit", port="tokens")
GRID = Grid(kind="patches", sizes=(4, 4), extra=1)


class Bright:
    """A score that is the brightness of one cell of the image alone."""

    ends = (CUT,)

    def of(self, experiment: Any, values: Any) -> torch.Tensor:
        return values[IMAGE][:, :, 4:8, 8:12].mean((1, 2, 3))  # cell 6 of 16


def told(shares: np.ndarray, **more: Any) -> Faithfulness:
    plan = SimpleNamespace(inputs={"vit": {"image": IMAGE}})
    trained: Any = SimpleNamespace(device="cpu", plan=plan, experiment=SimpleNamespace(run=lambda values, wanted: {}))
    image = torch.zeros(1, 3, 16, 16)
    image[:, :, 4:8, 8:12] = 1
    return faithfulness(trained, None, {IMAGE: image}, Bright(), CUT, GRID, shares, **more)  # type: ignore[arg-type]


def test_a_map_that_marks_what_counts_has_the_closed_form_area_and_beats_random() -> None:
    right = told(np.eye(16, dtype=np.float32)[6])
    dark = 1 / 16  # the image's mean
    # at 10 % two of 16 regions are gone, the right one first: one at the beginning, the mean ever after
    assert right.areas["deletion"] == pytest.approx((0.5 * 1 + 9.5 * dark) / 10, abs=1e-6)
    assert right.areas["insertion"] == pytest.approx((0.5 * dark + 9.5) / 10, abs=1e-6)
    assert right.deletion_gain > 0.3
    assert right.insertion_gain > 0.3
    low, high = interval(right.random_deletion_DS)
    assert (right.deletion_S[1:4] < high[1:4]).all()
    assert (low <= high).all()


def test_a_map_that_marks_the_least_first_is_worse_than_random() -> None:
    wrong = told(-np.eye(16, dtype=np.float32)[6])
    assert wrong.deletion_gain < -0.2
    assert wrong.insertion_gain < -0.2


def test_random_orders_are_drawn_with_the_seed() -> None:
    shares = np.arange(16, dtype=np.float32)
    one, same, other = (told(shares, seed=seed).random_deletion_DS for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_it_can_be_cancelled() -> None:
    with pytest.raises(Cancelled):
        told(np.zeros(16, dtype=np.float32), progress=lambda done, of: False)


def test_the_area_of_a_straight_line_is_its_middle() -> None:
    assert area(np.linspace(1, 0, 11, dtype=np.float32)) == pytest.approx(0.5)


def test_removed_words_are_masked_and_others_stay() -> None:
    text = Text(
        ids_BL=torch.ones(2, 5, dtype=torch.long), mask_BL=torch.tensor([[True] * 4 + [False]] * 2), vocabulary=9
    )
    keep = torch.tensor([[True, False, True, True], [False, True, True, True]])
    left = without(text, keep, Grid(kind="words", sizes=(4,)))
    assert left.mask_BL.tolist() == [[True, False, True, True, False], [False, True, True, True, False]]


def test_a_box_is_the_cells_whose_middle_lies_in_it() -> None:
    found = inside(np.asarray([0.25, 0.0, 0.75, 0.5], dtype=np.float32), (4, 4)).reshape(4, 4)
    assert np.argwhere(found).tolist() == [[0, 1], [0, 2], [1, 1], [1, 2]]
    tiny = inside(np.asarray([0.26, 0.26, 0.27, 0.27], dtype=np.float32), (4, 4))
    assert tiny.sum() == 1


def test_the_bootstrap_knows_the_error_of_a_mean() -> None:
    values = np.random.default_rng(0).normal(size=400)
    found = estimate(list(values))
    half = 1.96 * values.std() / 20
    assert found.low == pytest.approx(values.mean() - half, abs=0.02)
    assert found.high == pytest.approx(values.mean() + half, abs=0.02)
    assert estimate([2.0, 2.0]).low == 2.0
    assert estimate([1.0]).is_above_zero
