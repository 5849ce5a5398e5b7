"""Costs on meta are torch's own, whether an operation was seen before or not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from core.compiler import compile as compiling
from core.compiler import counting
from core.compiler.compile import analyse
from core.compiler.counting import Counting
from tests.documents import tiny_clip


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_known", {})


def seen(mode: Any, work: Any) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """What comes out of a piece of work on meta, and what is saved for the backward pass."""
    saved: list[tuple[Any, ...]] = []

    def pack(tensor: Tensor) -> Tensor:
        saved.append((tuple(tensor.shape), tensor.stride(), tensor.untyped_storage().nbytes()))
        return tensor

    torch.manual_seed(0)
    with torch.device("meta"), mode, torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = work()
    return [(tuple(x.shape), x.stride(), x.dtype, x.untyped_storage().nbytes(), x.requires_grad) for x in out], saved


def layer() -> list[Tensor]:
    """A transformer's layer, a convolution and some odd operations; twice, as towers have it."""
    x = torch.randn(2, 5, 16, requires_grad=True)
    encoder = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    convolution, norm = nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.GroupNorm(1, 3)
    out: list[Tensor] = []
    for _ in range(2):
        x = encoder(x)
        image = norm(convolution(x[:, None]))
        out += [image, image.flatten(1)[:, ::2], x.transpose(1, 2).clamp(0, 1), x.mean(1).sqrt(), x.argmax(-1)]
        out += [x.add_(1.0) if not x.requires_grad else x + 1, x * 2, x.double(), F.dropout(x, 0.1), x.sum()]
        out += [*x.topk(2), *x.split(3, 1), torch.cat([x, x]), x @ x.transpose(1, 2), (x > 0).float() / 3]
    return out


def test_outputs_saved_bytes_and_flops_are_those_of_torch() -> None:
    theirs = FlopCounterMode(display=False)
    wanted = seen(theirs, layer)
    for known in (False, True):
        ours = Counting()
        assert bool(counting._known) is known
        assert seen(ours, layer) == wanted
        assert ours.flops == theirs.get_total_flops() > 0


def test_a_number_and_its_like_are_three_operations() -> None:
    x = torch.ones(3, dtype=torch.int64, device="meta")
    for _ in range(2):
        with Counting():
            assert [(x * factor).dtype for factor in (2, 2.0, True)] == [torch.int64, torch.float32, torch.int64]


def test_what_is_given_shares_no_memory_with_what_was_given_before() -> None:
    x = torch.ones(3, device="meta")
    with Counting():
        first, second = x + 1, x + 1
        assert first.untyped_storage()._cdata != second.untyped_storage()._cdata
        assert x.view(3, 1).untyped_storage()._cdata == x.untyped_storage()._cdata


def test_a_drawing_costs_the_same_when_its_operations_are_known() -> None:
    document = tiny_clip()
    compiling._tracer._seen.clear()
    first = analyse(document)
    assert counting._known
    compiling._tracer._seen.clear()
    assert analyse(document) == first


def test_what_is_known_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MOST_KEPT", 5)
    with Counting():
        for n in range(1, 20):
            torch.ones(n, device="meta") + 1
    assert len(counting._known) <= 5
