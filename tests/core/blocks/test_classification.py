"""Classification: the closed form, who is asked, and scores beside chance."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from core.blocks.objectives.classification import Classification
from core.problems import Refused


def made(classes: int = 4, **knobs: object) -> Classification:
    torch.manual_seed(0)
    return Classification(Classification.Config(classes=classes, **knobs), {"embedding": torch.randn(2, 6)})  # type: ignore[arg-type]


def test_the_loss_is_cross_entropy_over_those_with_a_class() -> None:
    block, x = made(), torch.randn(5, 6)
    codes = torch.tensor([[0], [3], [-1], [1], [-1]])
    asked = codes[:, 0] >= 0
    torch.testing.assert_close(block(x, codes)["loss"], F.cross_entropy(block.scores(x[asked]), codes[asked, 0]))
    assert block(x, torch.full((5, 1), -1))["loss"] == 0
    assert block.counts_K.tolist() == [1, 1, 0, 1]


def test_it_begins_near_chance() -> None:
    block = made(classes=50)
    loss = block(torch.randn(64, 6), torch.randint(50, (64, 1)))["loss"]
    assert float(loss.detach()) == pytest.approx(math.log(50), abs=0.05)


def test_nested_classes_are_asked_at_a_level() -> None:
    codes = torch.tensor([[0, 3], [1, 2]])
    x = torch.randn(2, 6)
    block = made(level=2)
    torch.testing.assert_close(block(x, codes)["loss"], F.cross_entropy(block.scores(x), codes[:, 1]))
    torch.testing.assert_close(made(level=8)(x, codes)["loss"], block(x, codes)["loss"])


def test_scores_stand_beside_chance() -> None:
    block = made(classes=3)
    block.train()(torch.randn(4, 6), torch.tensor([[2], [2], [0], [1]]))
    answers = {"truth": torch.tensor([2, 2, 2, 0]), "said": torch.tensor([2, 2, 0, 0])}
    assert block.held_out_scores(answers) == {
        "accuracy": 0.75, "chance accuracy": 0.75, "mean class accuracy": (2 / 3 + 1) / 2, "chance mean class accuracy": 0.5,
    }  # fmt: skip


def test_a_score_that_is_no_number_is_no_answer() -> None:
    block = made()
    x = torch.randn(3, 6)
    x[1] = float("nan")
    assert block.answers(x, torch.tensor([[0], [0], [-1]]))["said"].tolist()[1] == -1


def test_a_class_too_many_is_refused_in_words() -> None:
    with pytest.raises(Refused, match="number 5; this block knows 4"):
        made()(torch.randn(2, 6), torch.tensor([[0], [4]]))


def test_a_focus_lets_what_is_right_count_little() -> None:
    x, codes = torch.randn(5, 6), torch.tensor([[0], [3], [2], [1], [1]])
    plain, focused = made()(x, codes)["loss"], made(gamma=2.0)
    right = focused.scores(x).softmax(-1)[torch.arange(5), codes[:, 0]]
    torch.testing.assert_close(focused(x, codes)["loss"], (-((1 - right) ** 2) * right.log()).mean())
    assert made(gamma=0.0)(x, codes)["loss"] == plain


def test_several_looks_are_averaged_by_probability() -> None:
    """Where two of three looks are unsure of a wrong class and one is sure of the right one, the mean is right."""
    block, codes = made(classes=3), torch.tensor([[1], [-1], [2]])
    x = torch.randn(3, 6)
    chances = block.chances(x, codes)
    torch.testing.assert_close(chances, block.scores(x[[0, 2]]).softmax(-1))
    looks = torch.tensor(
        [[[0.4, 0.35, 0.25], [0, 0, 1.0]], [[0.4, 0.35, 0.25], [0, 0, 1]], [[0.0, 1.0, 0.0], [0, 0, 1]]]
    )
    answers = block.averaged(block.answers(x, codes), looks.mean(0))
    assert answers["said"].tolist() == answers["truth"].tolist() == [1, 2]
    assert block.held_out_scores(answers)["accuracy"] == 1
    assert block.averaged(block.answers(x, codes), looks.mean(0) * float("nan"))["said"].tolist() == [-1, -1]
