"""Retrieval scores against closed forms."""

from __future__ import annotations

import pytest
import torch

from core.telemetry.probes.similarity import alignment, effective_rank, modality_gap, uniformity
from core.training.retrieval import chance, chance_precision, mean_average_precision, ranks, scores


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
