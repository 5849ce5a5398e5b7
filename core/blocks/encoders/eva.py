"""EVA-02's picture tower (arXiv:2303.11331): a ViT with SwiGLU (arXiv:2002.05202), two-dimensional rotary positions
(RoPE, arXiv:2104.09864) and sub-LN (arXiv:2210.06423): norms inside attention and inside the feed-forward part.

Queries and keys of a patch at row y and column x are turned by angles proportional to y (first half of a head) and x (second
half); CLS is not turned. Axes: B batch, H heads, N tokens, E width of a head, D width, F feed-forward width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from core.blocks.attention.core import FOLLOWED, TOLERANCE, Attention
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.positions import BASE, angles, turned
from core.blocks.values import Grid, Tokens
from core.graph.ports import port
from core.knobs import knob

EPSILON = 1e-6


def rotary_angles(height: int, width: int, head: int, *, base: float = BASE, reference: int = 0) -> Tensor:
    """[height * width, head]: the angle of each number; neighbours form a pair and share it.

    ``reference``: cells are counted as if an edge had so many (0: as they are), so a larger picture spans the same angles.
    """
    y, x = (
        torch.arange(edge, dtype=torch.float32) * (reference / edge if reference else 1.0) for edge in (height, width)
    )
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    return angles(torch.stack([rows, columns], -1).flatten(0, 1), head, base=base)


def turned_cells(x_BHNE: Tensor, angle_NE: Tensor) -> Tensor:
    """The patches turned by their angles; the leading tokens without one stay."""
    extra = x_BHNE.shape[2] - angle_NE.shape[0]
    still, moved = x_BHNE[:, :, :extra], x_BHNE[:, :, extra:]
    return torch.cat([still, turned(moved, angle_NE).to(still.dtype)], 2)


class RotaryAttention(Attention):
    """Self-attention with rotary positions, keys without a constant, and a norm before the output projection."""

    def __init__(self, width: int, heads: int, *, inner_norm: bool) -> None:
        super().__init__(width, heads)
        del self.key_value
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=EPSILON) if inner_norm else nn.Identity()
        for layer in (self.key, self.value):
            nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(self.value.bias)

    def forward(self, x_BND: Tensor, angle_NE: Tensor) -> Tensor:  # type: ignore[override]
        """Tokens in, tokens out."""
        q, k, v = (layer(x_BND).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in self._layers())
        q, k = turned_cells(q, angle_NE), turned_cells(k, angle_NE)
        y_BHNE = F.scaled_dot_product_attention(q, k, v)
        if self.recorded is not None:
            rows_BHNM = _rows(q, k, v, y_BHNE)
            self.recorded.append(rows_BHNM if FOLLOWED.get() else rows_BHNM.detach())
            y_BHNE = (rows_BHNM @ v.float()).to(y_BHNE.dtype) if FOLLOWED.get() else y_BHNE
        made: Tensor = self.out(self.norm(y_BHNE.transpose(1, 2).flatten(2)))
        return made

    def _layers(self) -> tuple[nn.Module, ...]:
        return self.query, self.key, self.value


def _rows(q: Tensor, k: Tensor, v: Tensor, y: Tensor) -> Tensor:
    """The softmax rows, after making sure that rows times values give what the fused kernel gave."""
    rows_BHNM = ((q.float() @ k.float().transpose(-1, -2)) / q.shape[-1] ** 0.5).softmax(-1)
    wrong = (rows_BHNM @ v.float() - y.float()).detach().abs().amax() / y.detach().float().abs().amax().clamp_min(1e-6)
    if wrong > TOLERANCE:
        raise AssertionError(f"recorded attention does not reproduce the output: off by {float(wrong):.2e}")
    return rows_BHNM


class SwiGLU(nn.Module):
    """A gated feed-forward part: ``out(norm(silu(gate x) * up x))``."""

    def __init__(self, width: int, hidden: int, *, inner_norm: bool) -> None:
        super().__init__()
        self.gate, self.up, self.out = nn.Linear(width, hidden), nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norm = nn.LayerNorm(hidden, eps=EPSILON) if inner_norm else nn.Identity()

    def forward(self, x_BND: Tensor) -> Tensor:
        """Tokens in, tokens out."""
        made: Tensor = self.out(self.norm(F.silu(self.gate(x_BND)) * self.up(x_BND)))
        return made


class EvaLayer(nn.Module):
    """Attention and SwiGLU, each after a norm and around a residual."""

    def __init__(self, config: EVA.Config) -> None:
        super().__init__()
        width, hidden = config.width, int(config.width * config.ratio + 1e-6)
        self.norm_1, self.norm_2 = (nn.LayerNorm(width, eps=EPSILON) for _ in range(2))
        self.attention = RotaryAttention(width, config.heads, inner_norm=config.attention_norm)
        self.mlp = SwiGLU(width, hidden, inner_norm=config.feed_forward_norm)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x_BND: Tensor, angle_NE: Tensor) -> Tensor:
        """Tokens in, tokens out."""
        x_BND = x_BND + self.dropout(self.attention(self.norm_1(x_BND), angle_NE))
        made: Tensor = x_BND + self.dropout(self.mlp(self.norm_2(x_BND)))
        return made


@blocks.register("encoders.eva")
class EVA(Block):
    """A Vision Transformer with gated layers and rotary positions (EVA-02)."""

    title = "EVA-02"
    modality = "image"
    takes = {"image": port("image", "images in [0, 1]")}
    gives = {"tokens": port("tokens", "one token per patch, after CLS", modality="image")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Sizes of the tower; EVA02-CLIP-L/14 is 1024 wide, 24 deep, 16 heads."""

        patch_size: int = knob(8, "Side of one patch; must divide the image's side.", low=2, high=64, unit="px")
        width: int = knob(192, "Size of one token.", low=8, high=4096)
        depth: int = knob(6, "Layers.", low=1, high=64, unit="layers")
        heads: int = knob(3, "Attention heads; a head's width must be a multiple of four.", low=1, high=64)
        ratio: float = knob(
            8 / 3, "Width of the gated feed-forward part, relative to the width; 8/3 costs as much as 4 ungated.",
            low=0.5, high=8, title="MLP ratio", advanced=True,
        )  # fmt: skip
        attention_norm: bool = knob(True, "A norm inside attention (sub-LN), as in EVA02-CLIP.", advanced=True)
        feed_forward_norm: bool = knob(
            True, "A norm inside the feed-forward part (sub-LN), as in the base and large models.", advanced=True
        )
        reference: int = knob(
            0, "Cells per edge in pretraining, so a larger image spans the same angles; 0: as many as there are.",
            low=0, high=256, unit="cells", advanced=True, title="Pretraining grid",
        )  # fmt: skip
        dropout: float = knob(0.0, "Dropped activations in each layer.", low=0, high=0.9)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        _, channels, height, width = incoming["image"].shape
        p = config.patch_size
        if height % p or width % p:
            raise ValueError(f"Patch size {p} does not divide the image, {height} x {width}.")
        if config.width % (4 * config.heads):
            raise ValueError(f"The width {config.width} must be a multiple of 4 x {config.heads} heads.")
        self.cells = (height // p, width // p)
        self.cut = nn.Conv2d(channels, config.width, p, p)
        self.cls_11D = nn.Parameter(torch.empty(1, 1, config.width))
        self.position_1ND = nn.Parameter(torch.empty(1, self.cells[0] * self.cells[1] + 1, config.width))
        self.layers = nn.ModuleList(EvaLayer(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width, eps=EPSILON)
        self.recompute = False
        angle = rotary_angles(*self.cells, config.width // config.heads, reference=config.reference)
        self.register_buffer("angle_NE", angle, persistent=False)
        nn.init.trunc_normal_(self.cls_11D, std=0.02)
        nn.init.trunc_normal_(self.position_1ND, std=0.02)

    def forward(self, image: Tensor) -> dict[str, Any]:
        """``image`` [B, C, H, W] in [0, 1]."""
        x_BND = self.cut(image * 2 - 1).flatten(2).transpose(1, 2)
        x_BND = torch.cat([self.cls_11D.expand(x_BND.shape[0], -1, -1).to(x_BND.dtype), x_BND], 1) + self.position_1ND
        for layer in self.layers:
            if self.recompute and self.training:
                x_BND = checkpoint(layer, x_BND, self.angle_NE, use_reentrant=False)
            else:
                x_BND = layer(x_BND, self.angle_NE)
        grid = Grid(kind="patches", sizes=self.cells, extra=1)
        return {"tokens": Tokens(x_BND=self.norm(x_BND), modality="image", grid=grid)}

    def attentions(self) -> Mapping[str, nn.Module]:
        """Every layer's attention."""
        return {str(number): layer.attention for number, layer in enumerate(self.layers)}  # type: ignore[misc]

    def detail(self) -> str:
        """Width, depth, patch."""
        c = self.config
        return f"w{c.width} d{c.depth} p{c.patch_size}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two small pictures."""
        return {"image": torch.rand(2, 3, 16, 24)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Six patches, two layers."""
        return {"width": 24, "depth": 2, "heads": 3}
