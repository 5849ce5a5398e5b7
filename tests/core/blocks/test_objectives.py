"""Closed forms of the contrastive objectives (arXiv:2103.00020, 2303.15343, 2010.07835)."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from core.blocks.catalog import blocks
from core.blocks.objectives.info_nce import InfoNCE
from core.blocks.objectives.nt_xent import NTXent
from core.blocks.objectives.siglip import SigLIP
from core.blocks.objectives.soft_info_nce import SoftInfoNCE, soft_cross_entropy


def pairs(count: int = 8, width: int = 6) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {side: torch.randn(count, width, generator=generator, dtype=torch.float32) for side in ("left", "right")}


def test_equal_logits_give_log_n() -> None:
    same = torch.ones(64, 4)
    loss = InfoNCE(InfoNCE.Config(), {"left": same, "right": same})(same, same)["loss"]
    assert loss.item() == pytest.approx(math.log(64), abs=1e-5)  # 4.1589


def test_symmetric_in_its_sides() -> None:
    sides = pairs()
    objective = InfoNCE(InfoNCE.Config(), sides)
    there, back = objective(**sides)["loss"], objective(sides["right"], sides["left"])["loss"]
    torch.testing.assert_close(there, back)


def test_temperature_gradient_matches_finite_differences() -> None:
    sides = {name: side.double() for name, side in pairs().items()}
    objective = InfoNCE(InfoNCE.Config(), sides).double()
    objective(**sides)["loss"].backward()
    step, losses = 1e-5, []
    for shift in (step, -step):
        with torch.no_grad():
            objective.logit_scale.add_(shift)
            losses.append(float(objective(**sides)["loss"]))
            objective.logit_scale.sub_(shift)
    assert float(objective.logit_scale.grad) == pytest.approx((losses[0] - losses[1]) / (2 * step), rel=1e-7)


@pytest.mark.parametrize("temperature", [0.005, 0.001])
def test_finite_at_small_temperatures(temperature: float) -> None:
    sides = pairs(32, 2)
    objective = InfoNCE(InfoNCE.Config(), sides)
    with torch.no_grad():
        objective.logit_scale.fill_(-math.log(temperature))
    loss = objective(**sides)["loss"]
    loss.backward()
    assert loss.isfinite()
    assert objective.logit_scale.grad.isfinite()


def test_the_clamp_keeps_temperature_at_one_hundredth() -> None:
    objective = InfoNCE(InfoNCE.Config(), pairs())
    with torch.no_grad():
        objective.logit_scale.fill_(9.0)
    objective.after_update()
    assert float(objective.readings()["temperature"]) == pytest.approx(0.01, rel=1e-5)


@pytest.mark.parametrize("key", ["info_nce", "siglip", "late_interaction", "regional", "debiased_info_nce", "nt_xent"])
def test_a_temperature_moves_only_by_learning(key: str) -> None:
    """Above 1 it may begin and stay; frozen or fixed it stays wherever it is; below what is learned it is refused."""
    cls = blocks[f"objectives.{key}"]
    example = cls.example()
    for knobs, frozen in (({"temperature": 5.0}, False), ({"temperature": 0.005, "learned": False}, False), ({}, True)):
        objective = cls(cls.Config(**knobs), example)
        if frozen:
            objective.logit_scale.requires_grad_(False)
            objective.logit_scale.fill_(9.0)
        before = objective.logit_scale.detach().clone()
        objective.after_update()
        assert torch.equal(objective.logit_scale.detach(), before)
    with pytest.raises(ValueError, match=r"0\.005 is no start"):
        cls(cls.Config(temperature=0.005, learned=True), example)


def test_siglip_of_one_pair_is_softplus() -> None:
    left, right = torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0]])
    objective = SigLIP(SigLIP.Config(), {"left": left, "right": right})
    expected = F.softplus(torch.tensor(-(10 * 0.6 - 10.0)))
    torch.testing.assert_close(objective(left, right)["loss"], expected)


def test_one_hot_soft_labels_are_info_nce() -> None:
    sides = pairs()
    hard = InfoNCE(InfoNCE.Config(), sides)(**sides)["loss"]
    soft = SoftInfoNCE(SoftInfoNCE.Config(softness=0.0), {**sides, "guide": sides["left"]})
    torch.testing.assert_close(soft(**sides, guide=sides["left"])["loss"], hard)


def test_soft_loss_is_bounded_by_the_targets_entropy() -> None:
    target = torch.softmax(torch.randn(6, 6, generator=torch.Generator().manual_seed(2)), -1)
    target = (target + target.T) / (target + target.T).sum(-1, keepdim=True)
    entropy = -(target * target.log()).sum(-1).mean()
    at_best = F.cross_entropy(target.log(), target)
    torch.testing.assert_close(at_best, entropy)
    assert soft_cross_entropy(torch.randn(6, 6), target) > entropy


def test_soft_targets_are_rows_that_sum_to_one() -> None:
    sides = pairs()
    objective = SoftInfoNCE(SoftInfoNCE.Config(), {**sides, "guide": sides["left"]})
    torch.testing.assert_close(objective.targets(sides["left"]).sum(-1), torch.ones(8))


def test_different_widths_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="left D is 6, right D is 4"):
        InfoNCE(InfoNCE.Config(), {"left": torch.randn(2, 6), "right": torch.randn(2, 4)})


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_nt_xent_is_the_loop_of_the_paper(temperature: float) -> None:
    """arXiv:2002.05709, algorithm 1, written out: 2N views, each against all but itself."""
    sides = {name: side.double() for name, side in pairs().items()}
    objective = NTXent(NTXent.Config(temperature=temperature), sides).double()
    objective.logit_scale.data.fill_(math.log(1 / temperature))  # in float64 from the start
    unit = [
        F.normalize(row, dim=0) for pair in zip(sides["left"], sides["right"]) for row in pair
    ]  # 2k, 2k + 1: a pair
    total = 0.0
    for i in range(len(unit)):
        other = i + 1 if i % 2 == 0 else i - 1
        among = sum(math.exp(float(unit[i] @ unit[k]) / temperature) for k in range(len(unit)) if k != i)
        total -= math.log(math.exp(float(unit[i] @ unit[other]) / temperature) / among)
    assert float(objective(**sides)["loss"].detach()) == pytest.approx(total / len(unit), abs=1e-12)


def test_nt_xent_of_equal_views_is_the_logarithm_of_the_others() -> None:
    same = torch.ones(16, 4)
    loss = NTXent(NTXent.Config(), {"left": same, "right": same})(same, same)["loss"]
    assert float(loss) == pytest.approx(math.log(31), abs=1e-5)


@pytest.mark.long
def test_nt_xent_equals_pytorch_metric_learning() -> None:
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    sides = {name: side.double() for name, side in pairs(16, 12).items()}
    objective = NTXent(NTXent.Config(temperature=0.25), sides).double()
    objective.logit_scale.data.fill_(math.log(4))
    for side in sides.values():
        side.requires_grad_()
    ours = objective(**sides)["loss"]
    theirs = losses.NTXentLoss(temperature=0.25)(torch.cat([*sides.values()]), torch.arange(16).repeat(2))
    torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=0)
    for own, other in zip(*(torch.autograd.grad(loss, list(sides.values())) for loss in (ours, theirs))):
        torch.testing.assert_close(own, other, atol=1e-12, rtol=0)


@pytest.mark.long
def test_equals_open_clip() -> None:
    open_clip = pytest.importorskip("open_clip.loss")
    sides = {name: F.normalize(side, dim=-1) for name, side in pairs(16, 12).items()}
    ours = InfoNCE(InfoNCE.Config(temperature=0.07), sides)(**sides)["loss"]
    theirs = open_clip.ClipLoss()(sides["left"], sides["right"], logit_scale=torch.tensor(1 / 0.07))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    sigmoid = SigLIP(SigLIP.Config(), sides)(**sides)["loss"]
    expected = open_clip.SigLipLoss()(sides["left"], sides["right"], torch.tensor(10.0), torch.tensor(-10.0))
    torch.testing.assert_close(sigmoid, expected, atol=1e-5, rtol=0)
