"""Scores of quality: closed forms of error and ranking, who is asked, and what held-out scores say beside a guess."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from core.blocks.objectives.quality import Quality, ranking_loss
from core.blocks.ranking_scores import rank_correlation


def made(**knobs: object) -> Quality:
    torch.manual_seed(0)
    return Quality(Quality.Config(**knobs), {"embedding": torch.randn(2, 6)})  # type: ignore[arg-type]


def test_ranking_costs_nothing_once_all_are_in_order_by_more_than_the_margin() -> None:
    true = torch.tensor([0.3, 0.1, 0.9, 0.5])
    assert ranking_loss(true, true, 0.1) == 0
    assert ranking_loss(true, true, 0.3) > 0
    assert ranking_loss(-true, true, 0.0) > 0
    assert ranking_loss(torch.zeros(3), torch.ones(3), 0.5) == 0  # equal scores are no pair


def test_ranking_is_the_mean_over_pairs_of_the_library() -> None:
    torch.manual_seed(0)
    said, true = torch.randn(7), torch.randn(7)
    pairs = [(i, j) for i in range(7) for j in range(7) if true[i] > true[j]]
    first, second = (said[[pair[side] for pair in pairs]] for side in (0, 1))
    wanted = F.margin_ranking_loss(first, second, torch.ones(len(pairs)), margin=0.2)
    torch.testing.assert_close(ranking_loss(said, true, 0.2), wanted)


def test_those_without_a_score_are_not_asked() -> None:
    block, x = made(), torch.randn(5, 6)
    score = torch.tensor([10.0, float("nan"), 90.0, 40.0, float("nan")])
    asked = score.isfinite()
    assert torch.equal(block.eval()(x, score)["loss"], block(x[asked], score[asked])["loss"])
    assert block(x, torch.full((5,), float("nan")))["loss"] == 0
    assert len(block.answers(x, score)["said"]) == 3


def test_error_is_in_units_of_the_range() -> None:
    block = made(lowest=-1.0, highest=3.0, rank_weight=0.0)
    torch.nn.init.zeros_(block.scores.weight)
    loss = block(torch.randn(2, 6), torch.tensor([1.0, 3.0]))["loss"]
    torch.testing.assert_close(loss, torch.tensor(0.125))  # the middle is said: right once, half the range off once
    assert block.answers(torch.randn(2, 6), torch.tensor([1.0, 3.0]))["said"].tolist() == [1.0, 1.0]


def test_held_out_scores_stand_beside_a_guess() -> None:
    block = made().train()
    block(torch.randn(3, 6), torch.tensor([20.0, 40.0, 60.0]))
    true = torch.tensor([10.0, 30.0, 20.0, 80.0])
    found = block.held_out_scores({"said": true * 0.1 + 3, "true": true})
    assert found["rank correlation"] == pytest.approx(1.0)
    assert found["chance mean error"] == pytest.approx(float((true - 40).abs().mean()))
    assert block.held_out_scores({"said": torch.full((4,), 7.0), "true": true})["rank correlation"] == 0.0
    assert block.held_out_scores({"said": true[:0], "true": true[:0]}) == {}


def test_rank_correlation_shares_the_ranks_of_equals() -> None:
    """By hand: ranks 1, 2.5, 2.5, 4 against 1, 3, 2, 4 correlate by 4.5 over the root of 4.5 times 5."""
    said, true = torch.tensor([1.0, 5.0, 5.0, 9.0]), torch.tensor([0.0, 2.0, 1.0, 3.0])
    assert rank_correlation(said, true) == pytest.approx(4.5 / (4.5 * 5) ** 0.5, abs=1e-6)
    assert rank_correlation(-true, true) == pytest.approx(-1.0)


def test_it_learns_an_order() -> None:
    torch.manual_seed(0)
    x = torch.randn(256, 6)
    score = (x @ torch.randn(6)).mul(10).add(50)
    block = made().train()
    optimizer = torch.optim.Adam(block.parameters(), 0.05)
    for _ in range(150):
        optimizer.zero_grad()
        block(x[:192], score[:192])["loss"].backward()
        optimizer.step()
    with torch.no_grad():
        found = block.eval().held_out_scores(block.answers(x[192:], score[192:]))
    assert found["rank correlation"] > 0.95
    assert found["mean error"] < found["chance mean error"] / 3


def test_a_range_without_width_is_refused() -> None:
    with pytest.raises(ValueError, match="must be above"):
        made(lowest=5.0, highest=5.0)
