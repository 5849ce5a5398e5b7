"""NaN is no answer: whatever an objective, a probe or a distance makes of it, it is never a good score and never left out."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.graph.selection import is_lower_better
from core.training.callbacks.linear_probe import probed
from core.training.likeness import frechet_distance, kernel_distance
from tests.core.test_every_block import build

ASKED = sorted(
    key for key, cls in blocks.items() if issubclass(cls, Objective) and cls.answers is not Objective.answers
)


def without_numbers(value: Any) -> Any:
    is_number = isinstance(value, Tensor) and value.is_floating_point()
    return torch.full_like(value, math.nan) if is_number else value


@pytest.mark.parametrize("key", ASKED)
def test_an_objective_scores_nothing_of_what_is_not_finite(key: str) -> None:
    block, example = build(key)
    assert isinstance(block, Objective)
    block.eval()
    truth = {
        "real",
        "label",
        "score",
        "labels",
        "classes",
        "segments",
        "text",
        "codes",
        "hidden",
    }  # what is right stays as it is
    broken = {name: v if name in truth else pytree.tree_map(without_numbers, v) for name, v in example.items()}
    with torch.no_grad():
        whole = block.held_out_scores(block.answers(**example))
        scores = block.held_out_scores(block.answers(**broken))
    of_times = {name for name in whole if name.endswith(" noise")}  # the times are numbers too
    assert set(scores) == set(whole) - of_times, "a score that is not finite is told, not left out"
    for name, value in scores.items():
        if "chance" not in name and not name.startswith(("pooled", "mean image", "images", "discriminator")):
            good = math.isfinite(value) and (is_lower_better(name) or value > 0)
            assert not good, (name, value)


@pytest.mark.parametrize("broken", [1, 7, 40])
def test_a_linear_probe_says_nothing_of_features_that_are_not_finite(broken: int) -> None:
    torch.manual_seed(0)
    names = ["a" if number % 3 else "b" for number in range(40)]
    x_ND = torch.randn(40, 4, dtype=torch.float64)
    x_ND[:, 0] = torch.tensor([3.0 if name == "a" else -3.0 for name in names])
    other_ND = x_ND.clone()
    other_ND[:broken] = math.nan
    for train_ND in (x_ND, other_ND):
        accuracy = probed({"train": (train_ND, names), "test": (other_ND, names)})["test"]["accuracy"]
        assert 1 - broken / 40 - 0.06 <= accuracy <= 1 - broken / 40


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_distance_of_what_is_not_finite_is_none(
    distance: Any, value: float, capfd: pytest.CaptureFixture[str]
) -> None:
    left_ND, right_ND = torch.rand(20, 6), torch.rand(20, 6)
    left_ND[3, 2] = value
    assert not math.isfinite(distance(left_ND, right_ND))
    assert capfd.readouterr().err == ""
