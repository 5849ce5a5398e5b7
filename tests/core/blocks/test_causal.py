"""A causal query sees the keys up to its own place, counted from the last: right for equal lengths, and for kept keys."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.nn.attention.bias import causal_lower_right

from core.blocks.attention import flex
from core.blocks.attention.core import Attention, recording
from core.blocks.attention.direction import seen
from core.blocks.attention.kernel import Reach, kinds
from core.blocks.attention.options import PRECISIONS, AttentionKnobs
from core.blocks.attention.sparse import Sparse

WITH_DIRECTION = [kind for kind in kinds if kind != "linear"]  # which refuses it
LENGTHS = [(1, 1), (9, 9), (40, 40), (1, 40), (3, 40), (25, 40), (39, 40), (7, 5), (40, 1)]
REACH = Reach(window=3, block=4, global_tokens=2)


def heads(n: int, m: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return tuple(torch.randn(2, 3, length, 8, dtype=torch.float64, requires_grad=True) for length in (n, m, m))


def by_bias(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    """The textbook, with a bias of minus infinity; a query that sees nothing gives zeros."""
    has = allowed.any(-1, keepdim=True)
    bias = torch.zeros(allowed.shape, dtype=q.dtype).masked_fill(~(allowed | ~has), -torch.inf)
    made = ((q @ k.mT) / q.shape[-1] ** 0.5 + bias).softmax(-1) @ v
    return torch.where(has, made, 0.0)


def rule(n: int, m: int) -> torch.Tensor:
    return torch.tensor([[j <= i + (m - n) for j in range(m)] for i in range(n)])


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("kind", WITH_DIRECTION)
@pytest.mark.parametrize(("n", "m"), LENGTHS)
def test_every_kind_is_the_textbook_with_a_bias(kind: str, n: int, m: int, padded: bool) -> None:
    q, k, v = heads(n, m)
    kernel = kinds[kind](REACH)
    allowed = rule(n, m)
    if isinstance(kernel, Sparse):  # of the whole sequence, the last rows
        whole = (
            torch.from_numpy(kernel.band(max(n, m), m).allowed())
            if n > m
            else torch.from_numpy(kernel.band(m, m).allowed())
        )
        allowed = allowed & (whole if n > m else whole[m - n :])
    mask = torch.arange(m).expand(2, m) < torch.tensor([[m], [max(1, m // 2)]]) if padded else None
    given = kernel(q, k, v, mask, causal=True, dropout=0.0)
    expected = by_bias(q, k, v, allowed if mask is None else allowed & mask[:, None, None])
    torch.testing.assert_close(given, expected, atol=1e-12, rtol=0)
    weight = torch.randn_like(given)
    for ours, theirs in zip(
        torch.autograd.grad((given * weight).sum(), (q, k, v)),
        torch.autograd.grad((expected * weight).sum(), (q, k, v)),
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=0)


@pytest.mark.parametrize("kind", ["dense", "naive"])
@pytest.mark.parametrize(("n", "m"), [(n, m) for n, m in LENGTHS if n <= m])
def test_it_is_pytorchs_lower_right_bias(kind: str, n: int, m: int) -> None:
    q, k, v = heads(n, m)
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=causal_lower_right(n, m))
    torch.testing.assert_close(
        kinds[kind](REACH)(q, k, v, None, causal=True, dropout=0.0), expected, atol=1e-12, rtol=0
    )
    assert torch.equal(seen(n, m, torch.device("cpu")), rule(n, m))


@pytest.mark.filterwarnings("ignore:flex_attention called without")
@pytest.mark.parametrize("kind", ["sliding window", "block-sparse"])
@pytest.mark.parametrize(("n", "m"), [(40, 40), (25, 40), (3, 40)])
def test_the_flex_form_has_the_same_direction(kind: str, n: int, m: int) -> None:
    q, k, v = (x.detach().float() for x in heads(n, m))
    kernel = kinds[kind](REACH)
    assert isinstance(kernel, Sparse)
    given = flex.attend(q, k, v, None, kernel.placed(n, m, causal=True), causal=True, compiled=False)
    torch.testing.assert_close(given, kernel(q, k, v, None, causal=True, dropout=0.0), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("kind", WITH_DIRECTION)
@pytest.mark.parametrize("step", [1, 4])
def test_the_last_rows_of_the_whole_are_a_step_with_kept_keys(kind: str, precision: str, step: int) -> None:
    torch.manual_seed(0)
    options = AttentionKnobs(attention=kind, window=3, block=4, global_tokens=2, precision=precision)
    attention = Attention(16, 4, causal=True, options=options).double().eval()
    if precision == "bfloat16":
        attention.float()
    x = torch.randn(2, 21, 16, dtype=next(attention.parameters()).dtype)
    with torch.no_grad():
        whole = attention(x)
        given = attention.keys_values(x)
        with recording({"0": attention}) as maps:
            last = attention(x[:, -step:], given=given)
    torch.testing.assert_close(last, whole[:, -step:], atol=1e-2 if precision == "bfloat16" else 1e-12, rtol=0)
    assert maps["0"][0].shape == (2, 4, step, 21)


@pytest.mark.parametrize("kind", WITH_DIRECTION)
def test_what_comes_later_changes_nothing_before(kind: str) -> None:
    torch.manual_seed(0)
    options = AttentionKnobs(attention=kind, window=3, block=4, global_tokens=2)
    attention = Attention(16, 4, causal=True, options=options).eval()
    x = torch.randn(2, 30, 16)
    other = x.clone()
    other[:, 20:] = torch.randn(2, 10, 16) * 50
    torch.testing.assert_close(attention(x)[:, :20], attention(other)[:, :20], atol=1e-6, rtol=0)
