"""Progressive fusion: two encoders that meet at chosen layers (ALBEF, arXiv:2107.07651; BridgeTower, arXiv:2206.08657).

After each fusion point both sides look at each other as they were; without points these are two encoders. The idea is
theirs, the layers are not: ALBEF's second half is one encoder, BridgeTower's cross layers are post-norm and fed by bridges
from every layer of two finished towers, so weights of theirs do not fit.
Axes: B batch, N and M tokens, D and C widths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

from core.blocks.attention.layer import Stack
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.fusion.bidirectional import Exchange
from core.blocks.fusion.sides import FusionKnobs, example_sides, looks_of, two_sides, width_of
from core.blocks.values import Tokens
from core.graph.ports import port
from core.knobs import knob


def points_of(text: str, depth: int) -> tuple[int, ...]:
    """``"3, 6, 9"`` as layer numbers from one. Raises ValueError for anything that is not a layer."""
    parts = [part for part in text.replace(",", " ").split() if part]
    if not all(part.isdigit() and 1 <= int(part) <= depth for part in parts):
        raise ValueError(f"Fusion points are {text!r}; they must be layers from 1 to {depth}, such as '1, 2'.")
    return tuple(sorted({int(part) for part in parts}))


@blocks.register("fusion.progressive")
class Progressive(Block):
    """Two encoders that attend to each other after chosen layers."""

    title = "Progressive fusion"
    modality = "shared"
    takes = two_sides()
    gives = {
        "left": port("tokens", "the left side, updated with the right"),
        "right": port("tokens", "the right side, updated with the left", axes="B M C"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config(FusionKnobs):
        """Layers and where they meet."""

        depth: int = knob(4, "Layers of each encoder.", low=1, high=64, unit="layers")
        points: str = knob(
            "2, 4", "Layers after which the sides attend to each other; empty: never.", title="Fusion points"
        )

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.points = points_of(config.points, config.depth)
        widths = [width_of(incoming[side]) for side in ("left", "right")]
        self.encoders = nn.ModuleList(
            Stack(width, config.depth, config.heads, ratio=config.ratio, dropout=config.dropout, options=config)
            for width in widths
        )
        self.exchanges = nn.ModuleDict(
            {
                str(point): Exchange(
                    widths[0], widths[1], config.heads, ratio=config.ratio, dropout=config.dropout, options=config
                )
                for point in self.points
            }
        )
        self.recompute = False

    def forward(self, left: Tokens, right: Tokens) -> dict[str, Any]:
        """[B, N, D] and [B, M, C] to the same."""
        a, b = left.zeroed().x_BND, right.zeroed().x_BND
        masks = (left.mask_BN, right.mask_BN)
        for number in range(self.config.depth):
            a = self._run(self.encoders[0].layers[number], a, masks[0])  # type: ignore[union-attr, index, arg-type]
            b = self._run(self.encoders[1].layers[number], b, masks[1])  # type: ignore[union-attr, index, arg-type]
            if number + 1 in self.points:
                a, b = self._run(self.exchanges[str(number + 1)], a, b, *masks)
        a, b = self.encoders[0].norm(a), self.encoders[1].norm(b)  # type: ignore[operator]
        return {"left": left.with_x(a), "right": right.with_x(b)}

    def _run(self, layer: nn.Module, *values: Any) -> Any:
        if self.recompute and self.training:
            return checkpoint(layer, *values, use_reentrant=False)
        return layer(*values)

    def attentions(self) -> Mapping[str, nn.Module]:
        """Where the sides look at each other, then within themselves."""
        found: dict[str, nn.Module] = {}
        for point, exchange in self.exchanges.items():
            found |= {f"{point} {side}": getattr(exchange, side).attention for side in ("left", "right")}
        for side, encoder in zip(("left", "right"), self.encoders):
            found |= {f"{side} {number}": module for number, module in encoder.attentions().items()}  # type: ignore[operator]
        return found

    def meets(self, layer: str) -> tuple[str, str]:
        """By the names of its maps."""
        return looks_of(layer)

    def detail(self) -> str:
        """Depth and where the sides meet."""
        return f"d{self.config.depth} @ {self.config.points}" if self.points else f"d{self.config.depth}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Sides of different widths and lengths."""
        return example_sides(left_width=12)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Two layers that meet after the first."""
        return {"depth": 2, "points": "1"}
