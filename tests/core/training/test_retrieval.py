"""Retrieval scores against closed forms."""

from __future__ import annotations

import pytest
import torch

from core.blocks.ranking import best_first, choice_ranks
from core.telemetry.diagnostics.similarity import alignment, effective_rank, modality_gap, uniformity
from core.training.retrieval import (
    asked,
    chance,
    chance_precision,
    choice_scores,
    mean_average_precision,
    ranks,
    scores,
)


def test_a_perfect_table_finds_everything() -> None:
    labels = [str(n) for n in range(20)]
    found = scores(torch.eye(20), labels)
    assert found["R@1"] == 1.0
    assert found["mean rank"] == 1.0


def test_a_constant_table_finds_nothing() -> None:
    assert scores(torch.zeros(20, 20), [str(n) for n in range(20)])["R@10"] == 0.0


def test_chance_is_k_over_n_and_what_random_tables_give() -> None:
    labels = [str(n) for n in range(50)]
    assert chance(labels) == pytest.approx({1: 1 / 50, 5: 0.1, 10: 0.2})
    twins = [str(n // 2) for n in range(50)]
    generator = torch.Generator().manual_seed(0)
    hits = torch.stack([(ranks(torch.rand(50, 50, generator=generator), twins) < 5).float().mean() for _ in range(400)])
    assert float(hits.mean()) == pytest.approx(chance(twins)[5], abs=0.01)


def test_mean_average_precision_by_hand_and_by_chance() -> None:
    table = torch.tensor([[0.9, 0.8, 0.7, 0.1], [0.9, 0.8, 0.7, 0.1], [0.4, 0.3, 0.2, 0.1], [0.1, 0.1, 0.1, 0.1]])
    labels = ["a", "b", "a", "c"]
    by_hand = [(1 + 2 / 3) / 2, 1 / 2, (1 + 2 / 3) / 2, 1 / 4]  # the last row is all equal: its answer comes last
    assert mean_average_precision(table, labels) == pytest.approx(sum(by_hand) / 4)
    assert mean_average_precision(torch.eye(20), [str(n) for n in range(20)]) == 1.0
    generator = torch.Generator().manual_seed(0)
    for names in ([str(n) for n in range(30)], [str(n // 3) for n in range(30)], ["a", "a", "b"]):
        size = len(names)
        drawn = [
            mean_average_precision(torch.rand(size, size, generator=generator), names) for _ in range(2000 // size)
        ]
        error = torch.tensor(drawn).std() / len(drawn) ** 0.5
        assert sum(drawn) / len(drawn) == pytest.approx(chance_precision(names), abs=5 * float(error))


def test_equal_captions_are_equal_answers() -> None:
    table = torch.tensor([[0.1, 0.9, 0.0], [0.9, 0.1, 0.0], [0.0, 0.0, 1.0]])
    assert scores(table, ["cat", "cat", "dog"])["R@1"] == 1.0


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), -float("inf")])
def test_a_score_that_is_not_finite_ranks_last(broken: float) -> None:
    names = [str(n) for n in range(12)]
    nothing = scores(torch.full((12, 12), broken), names)
    assert (nothing["R@1"], nothing["R@10"], nothing["mean rank"]) == (0.0, 0.0, 13.0)
    assert scores(torch.full((3, 3), broken), ["a", "b", "c"])["R@10"] == 0.0, "last, however few answers there are"
    one = torch.eye(12)
    one[0, 0] = broken  # the right answer of one question
    assert scores(one, names)["R@1"] == pytest.approx(11 / 12)
    other = torch.eye(12)
    other[0, 5] = broken  # a wrong answer hides nothing
    assert scores(other, names)["R@1"] == 1.0
    assert mean_average_precision(torch.full((12, 12), broken), names) < 0.1


def test_a_choice_with_a_broken_score_is_not_found() -> None:
    table = torch.tensor([[0.9, 0.1, 0.0], [float("nan"), 0.1, 0.0], [0.5, float("nan"), 0.1]])
    rank = choice_ranks(table, torch.tensor([0, 0, 0]))
    assert rank.tolist() == [0, 3, 0]
    assert choice_scores(rank, torch.tensor([3, 3, 3]))["R@10"] == pytest.approx(2 / 3)
    there = torch.tensor([[True, True, False]] * 3)
    assert choice_ranks(torch.tensor([[0.1, 0.0, 9.0]] * 3), torch.tensor([0, 0, 0]), there).tolist() == [0, 0, 0]


def test_what_is_best_is_finite() -> None:
    values, places = best_first(torch.tensor([float("nan"), 0.2, float("inf"), 0.7]), 3)
    assert places.tolist() == [3, 1]
    assert values.tolist() == pytest.approx([0.7, 0.2])


def test_a_perfect_model_of_five_captions_a_picture_is_perfect() -> None:
    """Identity embeddings: each picture lies on one of its captions at least. Both ways, every picture once."""
    pictures = [n // 5 for n in range(60)]
    captions = [f"caption {n}" for n in range(60)]
    for table in (torch.eye(60), torch.tensor([[float(a == b) for b in pictures] for a in pictures])):
        there, back = scores(table, captions, pictures, captions), scores(table.T, captions, captions, pictures)
        assert there["R@1"] == back["R@1"] == there["mean rank"] == 1.0
        assert back["mAP"] == 1.0
    assert there["chance R@1"] == pytest.approx(5 / 60)
    assert back["chance R@1"] == pytest.approx(1 / 12)


def test_any_caption_of_the_picture_is_right_and_no_other() -> None:
    captions, pictures = ["dog", "brown dog", "dog", "white dog"], ["A", "A", "B", "B"]
    what = asked(torch.zeros(4, 4), captions, pictures, captions)
    assert what.right_QA.tolist() == [[True, True, False], [True, False, True]]  # dog, brown dog, white dog
    back = asked(torch.zeros(4, 4), captions, captions, pictures)
    assert back.right_QA.tolist() == [[True, True], [True, False], [False, True]]


def test_equal_candidates_count_once() -> None:
    """Nine copies of one wrong caption are one wrong caption."""
    captions = ["cat", *["dog"] * 9]
    pictures = [str(n) for n in range(10)]
    table = torch.zeros(10, 10)
    table[:, 1:] = 1.0  # everything is taken for a dog
    found = scores(table, captions, pictures, captions)
    assert found["R@1"] == pytest.approx(0.9)
    assert found["R@5"] == 1.0
    assert found["chance R@1"] == pytest.approx(0.5)


def test_effective_rank_of_parallel_and_of_orthogonal_vectors() -> None:
    assert float(effective_rank(torch.ones(10, 4))) == pytest.approx(1.0, abs=1e-3)
    assert float(effective_rank(torch.eye(6))) == pytest.approx(6.0, abs=1e-3)


def test_a_shifted_copy_has_a_known_gap() -> None:
    x = torch.randn(100, 8)
    shift = torch.zeros(8)
    shift[0] = 3.0
    assert float(modality_gap(x, x + shift)) == pytest.approx(3.0, abs=1e-5)
    assert float(alignment(x, x)) == 0.0
    assert float(uniformity(torch.ones(5, 3))) == pytest.approx(0.0, abs=1e-6)
