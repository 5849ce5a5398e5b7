"""The layers of today's language models: RMSNorm before, rotary places, grouped queries, SwiGLU, no biases (Llama, arXiv:2302.13971).

RMSNorm (arXiv:1910.07467), RoPE (arXiv:2104.09864), SwiGLU (arXiv:2002.05202), grouped queries (arXiv:2305.13245), QK-norm
(arXiv:2302.05442). Who sees whom comes from outside as a mask, so one stack reads both ways, forwards, or forwards behind a prefix
that is read both ways. Axes: B batch, N tokens, M keys, D width, F width of the feed-forward, E width of a head.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from core.blocks.adapters.bottleneck import Bottleneck
from core.blocks.attention.cache import LayerCache
from core.blocks.attention.core import Attention
from core.blocks.attention.options import PLAIN
from core.knobs import knob

EPSILON = 1e-6
SPREAD = 0.02  # of weights at the beginning


@dataclass(frozen=True, kw_only=True)
class Form:
    """Sizes of a stack."""

    width: int
    depth: int
    heads: int
    key_heads: int
    hidden: int  # of the feed-forward
    head: int | None = None  # width of a head; None: the heads share the width
    norms_heads: bool = False
    dropout: float = 0.0
    epsilon: float = EPSILON


def hidden_of(width: int) -> int:
    """Llama's feed-forward: two thirds of four times the width, rounded up to a multiple of eight."""
    return -(-8 * width // 3 // 8) * 8


def key_heads_knob() -> Any:
    """Grouped queries."""
    return knob(
        None, "Heads of keys and values, shared by neighbouring heads (grouped queries); automatic: as many as heads.",
        low=1, high=128, title="Key heads",
    )  # fmt: skip


def hidden_knob() -> Any:
    """The feed-forward's width."""
    return knob(
        None, "Width of the gated feed-forward; automatic: 8/3 of the width.", low=8, high=65536,
        title="Feed-forward width", advanced=True,
    )  # fmt: skip


def norms_heads_knob(default: bool) -> Any:
    """QK-norm."""
    return knob(
        default, "Queries and keys are normed head by head, which keeps attention from growing sharp (QK-norm).",
        title="Norm queries and keys", advanced=True,
    )  # fmt: skip


def form_of(knobs: Any) -> Form:
    """The sizes that a block's knobs say. Raises ValueError where the heads do not share the width in pairs."""
    if knobs.width % (2 * knobs.heads):
        raise ValueError(f"The width {knobs.width} must be a multiple of 2 x {knobs.heads} heads.")
    return Form(
        width=knobs.width, depth=knobs.depth, heads=knobs.heads, key_heads=knobs.key_heads or knobs.heads,
        hidden=knobs.hidden or hidden_of(knobs.width), norms_heads=knobs.norms_heads, dropout=knobs.dropout,
    )  # fmt: skip


class SwiGLU(nn.Module):
    """A gated feed-forward."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate, self.up = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x_BND: Tensor) -> Tensor:
        """[B, N, D] to the same."""
        made: Tensor = self.down(F.silu(self.gate(x_BND)) * self.up(x_BND))
        return made


class ModernLayer(nn.Module):
    """Attention and a gated feed-forward, each after a norm and around a residual."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = (nn.RMSNorm(form.width, eps=form.epsilon) for _ in range(2))
        self.attention = Attention(
            form.width, form.heads, key_heads=form.key_heads, bias=False,
            head_epsilon=form.epsilon if form.norms_heads else None,
            options=replace(PLAIN, rank=form.head * form.heads if form.head else None),
        )  # fmt: skip
        self.mlp = SwiGLU(form.width, form.hidden)
        self.dropout = nn.Dropout(form.dropout)
        self.adapter: nn.Module = nn.Identity()

    def forward(self, x_BND: Tensor, mask_BNM: Tensor, angle_BNE: Tensor, cache: LayerCache | None = None) -> Tensor:
        """``mask_BNM``: True where a query looks at a key."""
        given = self.attention(self.norm_1(x_BND), mask_BM=mask_BNM, angle_BNE=angle_BNE, cache=cache)
        x_BND = x_BND + self.dropout(given)
        return x_BND + self.dropout(self.adapter(self.mlp(self.norm_2(x_BND))))


class ModernStack(nn.Module):
    """Layers in a row and a last norm."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.layers = nn.ModuleList(ModernLayer(form) for _ in range(form.depth))
        self.norm = nn.RMSNorm(form.width, eps=form.epsilon)
        self.recompute = False
        for name, part in self.named_modules():
            if isinstance(part, nn.Linear):
                into_residual = name.endswith((".out", ".down"))
                nn.init.normal_(part.weight, std=SPREAD / (2 * form.depth) ** 0.5 if into_residual else SPREAD)

    def forward(
        self, x_BND: Tensor, mask_BNM: Tensor, angle_BNE: Tensor, caches: Sequence[LayerCache] | None = None,
        let_in: Callable[[int, Tensor], Tensor] | None = None,
    ) -> Tensor:  # fmt: skip
        """Tokens in, tokens out. ``let_in``: what else is added before each layer, by its number."""
        for number, layer in enumerate(self.layers):
            if let_in is not None:
                x_BND = let_in(number, x_BND)
            if self.recompute and self.training:
                x_BND = checkpoint(layer, x_BND, mask_BNM, angle_BNE, use_reentrant=False)  # type: ignore[assignment]
            else:
                x_BND = layer(x_BND, mask_BNM, angle_BNE, caches[number] if caches is not None else None)
        made: Tensor = self.norm(x_BND)
        return made

    def add_bottlenecks(self, narrow: int) -> None:
        """Behind every feed-forward a narrow pass that alone learns from now on."""
        self.requires_grad_(False)
        for layer in self.layers:
            layer.adapter = Bottleneck(self.norm.weight.shape[0], narrow)

    def add_prefixes(self, count: int) -> None:
        """Before the keys and values of every layer so many learned ones, which alone learn from now on."""
        self.requires_grad_(False)
        for layer in self.layers:
            layer.attention.add_prefix(count, SPREAD)  # type: ignore[operator,union-attr]

    def attentions(self) -> dict[str, nn.Module]:
        """Each layer's attention by number."""
        return {str(number): layer.attention for number, layer in enumerate(self.layers)}  # type: ignore[misc]
