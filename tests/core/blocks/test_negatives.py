"""Negatives: every choice has a setting in which it is plain InfoNCE, and a number that shows it is what it says."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.negatives.choice import whole_batch
from core.blocks.negatives.hardest import Hardest
from core.blocks.negatives.levels import Levels, levels_of
from core.blocks.negatives.marked import Marked, read_pairs
from core.blocks.negatives.mix import Mix
from core.blocks.negatives.queue import Queue
from core.blocks.objectives.debiased_info_nce import DebiasedInfoNCE
from core.blocks.objectives.info_nce import InfoNCE
from core.blocks.values import ORIGINS, Negatives


def sides(count: int = 12, width: int = 8, seed: int = 0) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return {
        "left": torch.randn(count, width, dtype=torch.float64),
        "right": torch.randn(count, width, dtype=torch.float64),
    }


def block(cls: Any, pairs: dict[str, Tensor], **knobs: Any) -> Any:
    return cls(cls.Config(**knobs), pairs)


def loss(pairs: dict[str, Tensor], negatives: Negatives | None = None) -> Tensor:
    objective = InfoNCE(InfoNCE.Config(), pairs)
    return objective(left=pairs["left"], right=pairs["right"], negatives=negatives)["loss"]


def chosen(choice: Any, pairs: dict[str, Tensor], **more: Any) -> Negatives:
    return choice(left=pairs["left"], right=pairs["right"], **more)["negatives"]


def test_the_whole_batch_is_plain_info_nce() -> None:
    pairs = sides()
    torch.testing.assert_close(loss(pairs, whole_batch(pairs["left"], pairs["right"])), loss(pairs))


def test_all_hardest_are_plain_info_nce_and_fewer_are_less() -> None:
    pairs = sides()
    for count in (11, 500):
        torch.testing.assert_close(loss(pairs, chosen(block(Hardest, pairs, count=count), pairs)), loss(pairs))
    losses = [float(loss(pairs, chosen(block(Hardest, pairs, count=count), pairs)).detach()) for count in (1, 3, 6, 11)]
    assert losses == sorted(losses)
    assert losses[0] < losses[-1]


def test_the_hardest_are_the_most_similar_both_ways() -> None:
    pairs = sides()
    cosine = F.normalize(pairs["left"], dim=-1) @ F.normalize(pairs["right"], dim=-1).T
    found = chosen(block(Hardest, pairs, count=2, skip=1), pairs)
    for weight, score in ((found.weight_BM, cosine), (found.back_BM, cosine.T)):
        off = score.clone().fill_diagonal_(-2)
        expected = off.topk(3).indices[:, 1:].sort().values
        kept = torch.stack([row.isfinite().nonzero()[:, 0] for row in weight.clone().fill_diagonal_(-math.inf)])
        assert torch.equal(kept, expected)


def test_an_empty_queue_and_one_of_size_zero_are_plain_info_nce() -> None:
    pairs = sides()
    for size in (0, 7):
        torch.testing.assert_close(loss(pairs, chosen(block(Queue, pairs, size=size), pairs)), loss(pairs))


@pytest.mark.parametrize("batch", [3, 4, 25])
def test_after_pushes_the_queue_holds_the_last_keys(batch: int) -> None:
    pairs = sides(batch)
    queue = block(Queue, pairs, size=10, momentum=0.0).double()
    pushed = []
    for seed in range(6):
        step = sides(batch, seed=seed)
        queue.push(step["left"], step["right"])
        pushed.append(F.normalize(step["left"], dim=-1))
    last = torch.cat(pushed)[-10:]
    assert torch.equal(queue.left_KD.sort(0).values, last.sort(0).values)
    if batch == 4:  # in order of time around the ring
        first = int(queue.filled) % 10
        torch.testing.assert_close(torch.roll(queue.left_KD, -first, 0), last)


def test_queue_keys_count_as_negatives_without_a_gradient() -> None:
    pairs = {name: side.requires_grad_() for name, side in sides().items()}
    queue = block(Queue, pairs, size=20, momentum=0.0).train()
    queue.push(**{f"{name}_BD": side for name, side in sides(20, seed=3).items()})
    found = chosen(queue, pairs)
    assert not found.right_KD.requires_grad
    assert (found.origin_BM[:, 12:] == ORIGINS.index("queue")).all()
    unit = {name: F.normalize(side, dim=-1) for name, side in pairs.items()}
    there = torch.cat([unit["left"] @ unit["right"].T, unit["left"] @ found.right_KD.double().T], 1) / 0.07
    back = torch.cat([unit["right"] @ unit["left"].T, unit["right"] @ found.left_KD.double().T], 1) / 0.07
    target = torch.arange(12)
    expected = (F.cross_entropy(there, target) + F.cross_entropy(back, target)) / 2
    torch.testing.assert_close(loss(pairs, found).double(), expected, atol=1e-5, rtol=1e-5)
    queue.after_update()
    assert int(queue.filled) == 32


@pytest.mark.parametrize(("hard", "expected"), [(0.2, 0.2), (0.0, 0.0), (1.0, 1.0)])
def test_the_mix_has_the_share_it_says(hard: float, expected: float) -> None:
    pairs = sides(40)
    found = chosen(block(Mix, pairs, count=10, hard=hard), pairs)
    kept = found.weight_BM.isfinite() & ~torch.eye(40, dtype=torch.bool)
    assert (kept.sum(1) == 10).all()
    mined = found.origin_BM == ORIGINS.index("mined")
    assert int((mined & kept).sum()) == expected * int(kept.sum())


def test_all_hard_is_the_hardest_block() -> None:
    pairs = sides(20)
    mixed, top = chosen(block(Mix, pairs, count=5, hard=1.0), pairs), chosen(block(Hardest, pairs, count=5), pairs)
    assert torch.equal(mixed.weight_BM, top.weight_BM)
    assert torch.equal(mixed.back_BM, top.back_BM)


def test_random_ones_are_drawn_evenly() -> None:
    """Each of 19 wrong partners is drawn with probability 5/19: 400 draws of 20 rows within five standard errors."""
    pairs = sides(20)
    mix = block(Mix, pairs, count=5, hard=0.0)
    drawn = sum(chosen(mix, pairs).weight_BM.isfinite().float() for _ in range(400)) / 400
    off = drawn[~torch.eye(20, dtype=torch.bool)]
    share = 5 / 19
    assert float((off - share).abs().max()) < 5 * math.sqrt(share * (1 - share) / 400)


def test_the_curriculum_follows_the_run() -> None:
    pairs = sides()
    mix = block(Mix, pairs, schedule="thirds", hard=0.3, middle=0.5, last=0.7)
    assert [mix.share(t) for t in (0, 0.33, 0.34, 0.5, 0.67, 1.0)] == [0.3, 0.3, 0.5, 0.5, 0.7, 0.7]
    linear = block(Mix, pairs, schedule="linear", hard=0.3, last=0.7)
    assert [linear.share(t) for t in (0, 0.5, 1.0)] == pytest.approx([0.3, 0.5, 0.7])
    mix.progress = 1.0
    chosen(mix, pairs)
    assert float(mix.readings()["hard share"]) == pytest.approx(0.7)


def test_levels_grow_more_similar_and_weigh_what_they_say() -> None:
    """Vectors made of a group's, a subgroup's and an own direction: nearer levels are more alike, one by one."""
    torch.manual_seed(0)
    codes = torch.tensor([[g, 3 * g + s, 0] for g in range(4) for s in range(3) for _ in range(4)])
    parts = [torch.randn(int(codes[:, level].max()) + 1, 64)[codes[:, level]] for level in (0, 1)]
    side = (parts[0] + parts[1] + torch.randn(len(codes), 64)).double()
    pairs = {"left": side, "right": side + 0.1 * torch.randn_like(side)}
    levels = Levels(Levels.Config(far=0.0, near=1.0, nearest=3.0), {**pairs, "classes": codes})
    found = chosen(levels, pairs, classes=codes)
    said = [float(levels.readings()[f"similarity, level {n}"]) for n in (1, 2, 3)]
    assert said == sorted(said)
    assert said[2] - said[0] > 0.3
    level = levels_of(codes)
    off = ~torch.eye(len(codes), dtype=torch.bool)
    assert found.weight_BM[(level == 1) & off].isneginf().all()
    assert (found.weight_BM[(level == 2) & off] == 0).all()
    torch.testing.assert_close(
        found.weight_BM[(level == 3) & off].exp(),
        torch.full((int(((level == 3) & off).sum()),), 3.0, dtype=torch.float64),
    )


def test_equal_weights_of_levels_are_plain_info_nce() -> None:
    pairs = sides(6)
    example = Levels.example()["classes"]
    levels = Levels(Levels.Config(), {**pairs, "classes": example})
    torch.testing.assert_close(loss(pairs, chosen(levels, pairs, classes=example)), loss(pairs))


def test_a_weight_of_two_is_a_candidate_twice() -> None:
    pairs = sides(2)
    marked = Marked(Marked.Config(pairs='[[0, 1, "truly hard"]]', favour=2.0), {**pairs, "sample": torch.arange(2)})
    unit = {name: F.normalize(side, dim=-1) for name, side in pairs.items()}
    logits = unit["left"] @ unit["right"].T / 0.07
    twice = torch.cat([logits, logits[:, [1, 0]]], 1)[:, [0, 1, 2, 3]]
    twice[0, 3], twice[1, 2] = twice[0, 1], twice[1, 0]
    twice[0, 2], twice[1, 3] = -math.inf, -math.inf
    back = torch.tensor([[logits[0, 0], logits[1, 0], logits[1, 0]], [logits[1, 1], logits[0, 1], logits[0, 1]]])
    expected = (F.cross_entropy(twice, torch.arange(2)) + F.cross_entropy(back, torch.zeros(2, dtype=torch.long))) / 2
    found = chosen(marked, pairs, sample=torch.arange(2))
    torch.testing.assert_close(loss(pairs, found).double(), expected, atol=1e-5, rtol=1e-5)


def test_judged_pairs_are_left_out_wherever_they_stand() -> None:
    pairs = sides(4)
    numbers = torch.tensor([9, 4, 7, 2])
    marked = Marked(
        Marked.Config(pairs='[[7, 9, "duplicate"], [2, 4, "false negative"], [100, 4, "duplicate"]]'),
        {**pairs, "sample": numbers},
    )
    found = chosen(marked, pairs, sample=numbers)
    out = {(int(a), int(b)) for a, b in found.weight_BM.isneginf().nonzero()}
    assert out == {(0, 2), (2, 0), (1, 3), (3, 1)}
    assert torch.equal(found.weight_BM, found.back_BM)
    assert float(marked.readings()["judged"]) == 2


@pytest.mark.parametrize(
    "text", ["{", "[[1]]", '[[1, 2, "other"]]', "[[1, -2, \"duplicate\"]]", '[[1, 99999999999, "duplicate"]]', "3",
             '[[true, 2, "duplicate"]]'],
)  # fmt: skip
def test_nonsense_in_the_list_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"[Pp]air"):
        read_pairs(text)


def test_choices_stand_in_a_row() -> None:
    """A queue, then the hardest of everything: some of the kept are the queue's."""
    pairs = sides(10)
    queue, top = block(Queue, pairs, size=60, momentum=0.0), block(Hardest, pairs, count=8)
    more = sides(60, seed=9)
    queue.push(more["left"], more["right"])
    found = chosen(top, pairs, negatives=chosen(queue, pairs))
    kept = found.weight_BM.isfinite() & ~torch.eye(10, 70, dtype=torch.bool)
    assert (kept.sum(1) == 8).all()
    assert kept[:, 10:].any()
    assert kept[:, :10].any()


def test_smoothing_over_what_was_left_out_is_refused() -> None:
    pairs = sides()
    with pytest.raises(ValueError, match="smoothing"):
        InfoNCE(
            InfoNCE.Config(label_smoothing=0.1),
            {**pairs, "negatives": whole_batch(**{f"{n}_BD": s for n, s in pairs.items()})},
        )


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_in_float64_choices_and_their_loss_are_exact(momentum: float) -> None:
    """A queue, and what follows it, in float64: the loss is that of the keys written out, to 1e-12."""
    earlier, pairs = sides(5, seed=1), sides(4)
    queue = block(Queue, pairs, size=8, momentum=momentum).double()
    queue.push(earlier["left"], earlier["right"])
    given = chosen(
        block(Levels, pairs, nearest=3.0),
        pairs,
        negatives=chosen(queue, pairs),
        classes=torch.tensor([[0, 0], [0, 0], [0, 1], [1, 2]]),
    )
    assert {given.left_KD.dtype, given.right_KD.dtype, given.weight_BM.dtype} == {torch.float64}
    objective = InfoNCE(InfoNCE.Config(temperature=0.1), pairs).double()
    unit = {name: F.normalize(side, dim=-1) for name, side in {**pairs}.items()}
    old = {name: F.normalize(side, dim=-1) for name, side in earlier.items()}
    scale, loss = objective.logit_scale.detach().exp(), 0.0
    for one, other in (("left", "right"), ("right", "left")):
        logits = scale * torch.cat([unit[one] @ unit[other].T, unit[one] @ old[other].T], 1)
        logits[0, 1] += math.log(3.0)
        logits[1, 0] += math.log(3.0)
        loss += F.cross_entropy(logits, torch.arange(4)) / 2
    torch.testing.assert_close(objective(**pairs, negatives=given)["loss"].detach(), loss, atol=1e-12, rtol=0)


def test_debiased_without_prior_and_hardness_is_info_nce() -> None:
    pairs = sides()
    plain = block(DebiasedInfoNCE, pairs, prior=0.0, hardness=0.0)(**pairs)["loss"]
    torch.testing.assert_close(plain, loss(pairs), atol=1e-12, rtol=0)


def test_debiased_equals_the_papers_formula() -> None:
    """Written out as in the authors' code, in float64, where no floor and no overflow comes into it."""
    pairs = sides(9)
    objective = block(DebiasedInfoNCE, pairs, prior=0.05, hardness=0.7, temperature=0.5)
    logits = objective.logits(**pairs).double()
    off = ~torch.eye(9, dtype=torch.bool)

    def one_way(table: Tensor) -> Tensor:
        positive, negative = table.diagonal().exp(), table[off].view(9, 8).exp()
        importance = negative**0.7
        reweighted = (importance * negative).sum(-1) / importance.mean(-1)
        total = ((-0.05 * 8 * positive + reweighted) / 0.95).clamp_min(8 * math.exp(-1 / 0.5))
        return -(positive / (positive + total)).log().mean()

    expected = (one_way(logits) + one_way(logits.T)) / 2
    torch.testing.assert_close(objective(**pairs)["loss"].double(), expected, atol=1e-5, rtol=1e-5)


def test_debiased_stays_finite_at_a_small_temperature() -> None:
    pairs = {name: side.requires_grad_() for name, side in sides().items()}
    objective = block(DebiasedInfoNCE, pairs, prior=0.1, hardness=2.0, temperature=0.005, learned=False)
    value = objective(**pairs)["loss"]
    value.backward()
    assert value.isfinite()
    assert pairs["left"].grad.isfinite().all()  # type: ignore[union-attr]
