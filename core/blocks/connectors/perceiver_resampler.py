"""Flamingo's Perceiver resampler as a connector (arXiv:2204.14198): learned latents read the tokens and themselves.

Blind to the tokens' order, weights of its own in every layer, norms before; in the modern form it is Idefics2's (arXiv:2405.02246), with
RMSNorm, SwiGLU, shared keys and no biases. Axes as in bridge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from core.blocks.catalog import blocks
from core.blocks.connectors.bridge import Bridge, count_knob
from core.blocks.connectors.fewer import Resampler
from core.blocks.fusion.sides import fitting
from core.knobs import knob


@blocks.register("connectors.perceiver_resampler")
class PerceiverResampler(Bridge):
    """Learned latents read the tokens over several layers and go on in their place."""

    title = "Perceiver resampler"

    @dataclass(frozen=True, kw_only=True)
    class Config(Bridge.Config):
        """Layers."""

        count: int = count_knob()
        depth: int = knob(2, "Layers.", low=1, high=64, unit="layers")
        heads: int = knob(4, "Attention heads; must divide the width.", low=1, high=64)
        key_heads: int | None = knob(
            None, "Heads of keys and values, shared by neighbouring heads (grouped queries); automatic: as many as heads.",
            low=1, high=64, title="Key heads", advanced=True,
        )  # fmt: skip
        modern: bool = knob(
            True, "RMSNorm, SwiGLU and no biases, as in Idefics2; off: Flamingo's own layers.", advanced=True
        )

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.fit = fitting(self.incoming, config.width)
        self.resampler = Resampler(
            config.width, config.count, config.depth, config.heads, modern=config.modern, key_heads=config.key_heads
        )

    def _bridged(self, x_BND: Tensor, real_BN: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.resampler(self.fit(x_BND), real_BN)  # type: ignore[no-any-return]

    def attentions(self) -> Mapping[str, nn.Module]:
        """Every layer's look at the tokens, the latents behind them."""
        layers = self.resampler.layers
        return {str(number): layer.attention for number, layer in enumerate(layers)}  # type: ignore[misc]
