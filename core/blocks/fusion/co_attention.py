"""Co-attention layers of two streams: across, then within, then feed-forward (LXMERT, arXiv:1908.07490; ViLBERT, arXiv:1908.02265).

Both directions read the old values. LXMERT uses one set of weights for both directions; ViLBERT one for each.
Norms come after each residual sum, as in both papers. Axes: B batch, N and M tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from core.blocks.attention.core import Attention, recording
from core.blocks.attention.options import AttentionKnobs
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.fusion.sides import FusionKnobs, example_sides, fitting, looks_of, two_sides, width_of
from core.blocks.values import Tokens
from core.graph.ports import port
from core.knobs import knob


class PostNormAttention(nn.Module):
    """Attention, residual, norm."""

    def __init__(self, width: int, heads: int, dropout: float, options: AttentionKnobs) -> None:
        super().__init__()
        self.attention = Attention(width, heads, options=options)
        self.dropout, self.norm = nn.Dropout(dropout), nn.LayerNorm(width, eps=1e-12)

    def forward(self, x_BND: Tensor, keys_BMD: Tensor, mask_BM: Tensor | None) -> Tensor:
        """[B, N, D] looking at [B, M, D]."""
        made: Tensor = self.norm(x_BND + self.dropout(self.attention(x_BND, keys_BMD, mask_BM)))
        return made


class PostNormMLP(nn.Module):
    """Feed-forward, residual, norm."""

    def __init__(self, width: int, ratio: float, dropout: float) -> None:
        super().__init__()
        hidden = int(width * ratio)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width), nn.Dropout(dropout))
        self.norm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x_BND: Tensor) -> Tensor:
        """[B, N, D] to the same."""
        made: Tensor = self.norm(x_BND + self.mlp(x_BND))
        return made


class CoLayer(nn.Module):
    """Across, within, feed-forward, for both streams."""

    def __init__(self, width: int, config: Any) -> None:
        super().__init__()
        made = lambda: PostNormAttention(width, config.heads, config.dropout, config)  # noqa: E731
        self.across = nn.ModuleList(made() for _ in range(1 if config.shared else 2))
        self.within = nn.ModuleList(made() for _ in range(2))
        self.mlps = nn.ModuleList(PostNormMLP(width, config.ratio, config.dropout) for _ in range(2))

    def forward(
        self, a: Tensor, b: Tensor, a_mask: Tensor | None = None, b_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Both streams, each knowing the other."""
        a, b = self.across[0](a, b, b_mask), self.across[-1](b, a, a_mask)
        a, b = self.within[0](a, a, a_mask), self.within[1](b, b, b_mask)
        return self.mlps[0](a), self.mlps[1](b)


@blocks.register("fusion.co_attention")
class CoAttention(Block):
    """Two streams that attend to each other, then to themselves."""

    title = "Co-attention"
    modality = "shared"
    takes = two_sides()
    gives = {
        "left": port("tokens", "the left side, updated with the right"),
        "right": port("tokens", "the right side, updated with the left", axes="B M D"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config(FusionKnobs):
        """Layers."""

        width: int = knob(128, "Size of one token; sides of other widths are mapped to it.", low=2, high=8192)
        depth: int = knob(2, "Layers.", low=1, high=64, unit="layers")
        shared: bool = knob(True, "One set of weights for both directions across (LXMERT), or one for each (ViLBERT).", title="Share directions")  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.to_left = fitting(width_of(incoming["left"]), config.width)
        self.to_right = fitting(width_of(incoming["right"]), config.width)
        self.layers = nn.ModuleList(CoLayer(config.width, config) for _ in range(config.depth))
        self.recompute = False

    def forward(self, left: Tokens, right: Tokens) -> dict[str, Any]:
        """[B, N, C] and [B, M, C'] to [B, N, D] and [B, M, D]."""
        a, b = self.to_left(left.zeroed().x_BND), self.to_right(right.zeroed().x_BND)
        for layer in self.layers:
            if self.recompute and self.training:
                a, b = checkpoint(layer, a, b, left.mask_BN, right.mask_BN, use_reentrant=False)
            else:
                a, b = layer(a, b, left.mask_BN, right.mask_BN)
        return {"left": left.with_x(a), "right": right.with_x(b)}

    def attentions(self) -> Mapping[str, nn.Module]:
        """Across, where each direction has its own weights, and within."""
        found: dict[str, nn.Module] = {}
        for number, layer in enumerate(self.layers):
            if not self.config.shared:
                found |= {f"{number} across {s}": m.attention for s, m in zip(("left", "right"), layer.across)}  # type: ignore[arg-type]
            found |= {f"{number} within {s}": m.attention for s, m in zip(("left", "right"), layer.within)}  # type: ignore[arg-type]
        return found

    def watched(self, **incoming: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """With shared weights one module answers twice: its first map is the left side's, its second the right side's."""
        if not self.config.shared:
            return super().watched(**incoming)
        modules: dict[str, nn.Module] = {
            f"{n} across": layer.across[0].attention  # type: ignore[union-attr, index, misc]
            for n, layer in enumerate(self.layers)
        }
        with recording(modules) as maps:
            given, found = super().watched(**incoming)
        both = {f"{name} {side}": rows[i] for name, rows in maps.items() for i, side in enumerate(("left", "right"))}
        return given, both | found

    def meets(self, layer: str) -> tuple[str, str]:
        """By the names of its maps."""
        return looks_of(layer)

    def detail(self) -> str:
        """Width and depth."""
        return f"w{self.config.width} d{self.config.depth}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Sides of different widths and lengths."""
        return example_sides(left_width=12)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Narrow."""
        return {"width": 16, "depth": 1}
