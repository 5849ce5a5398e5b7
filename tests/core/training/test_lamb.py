"""LAMB (arXiv:1904.00962) by its definition, against timm, and through a checkpoint."""

from __future__ import annotations

import warnings
from importlib.util import find_spec

import pytest
import torch
from torch import nn

from core.training.optimizers.lamb import Lamb
from tests.libraries import without_torchvision


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 3))


def groups(module: nn.Module) -> list[dict[str, object]]:
    flat = [p for p in module.parameters() if p.ndim == 1]
    return [
        {"params": [p for p in module.parameters() if p.ndim > 1], "weight_decay": 0.1},
        {"params": flat, "weight_decay": 0.0},
    ]


def descend(module: nn.Module, optimizer: torch.optim.Optimizer, steps: int, first: int = 0) -> None:
    for step in range(first, first + steps):
        generator = torch.Generator().manual_seed(step)
        optimizer.zero_grad()
        x = torch.randn(16, 6, generator=generator)
        (module(x) - x[:, :3].sin()).pow(2).mean().backward()
        optimizer.step()


def test_a_step_of_a_decayed_tensor_is_as_long_as_rate_times_its_norm() -> None:
    weight = nn.Parameter(torch.randn(5, 4))
    weight.grad = torch.randn(5, 4)
    before = weight.detach().clone()
    Lamb([weight], lr=0.01, weight_decay=0.1).step()
    assert float((weight.detach() - before).norm()) == pytest.approx(0.01 * float(before.norm()), rel=1e-5)


def test_going_on_from_saved_moments_is_the_same_run() -> None:
    whole, half = model(), model()
    one = Lamb(groups(whole), lr=0.01)
    descend(whole, one, 6)
    two = Lamb(groups(half), lr=0.01)
    descend(half, two, 3)
    three = Lamb(groups(half), lr=0.01)
    three.load_state_dict(two.state_dict())
    descend(half, three, 3, first=3)
    for a, b in zip(whole.parameters(), half.parameters()):
        assert torch.equal(a, b)


@pytest.mark.long
def test_equals_timm_for_ten_steps() -> None:
    if find_spec("timm") is None:
        pytest.skip("timm is not installed")
    with warnings.catch_warnings(), without_torchvision():
        warnings.simplefilter("ignore")
        from timm.optim.lamb import Lamb as Theirs
    ours, theirs = model(), model()
    descend(ours, Lamb(groups(ours), lr=0.02, betas=(0.9, 0.98), eps=1e-6), 10)
    descend(theirs, Theirs(groups(theirs), lr=0.02, betas=(0.9, 0.98), eps=1e-6, max_grad_norm=None), 10)
    for a, b in zip(ours.parameters(), theirs.parameters()):
        torch.testing.assert_close(a, b, atol=1e-7, rtol=1e-5)
