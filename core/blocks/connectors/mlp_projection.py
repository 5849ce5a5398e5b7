"""LLaVA-1.5's connector: two layers with GELU into the shared space (arXiv:2310.03744). Axes as in projection."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from core.blocks.catalog import blocks
from core.blocks.connectors.projection import Projection
from core.knobs import knob


@blocks.register("connectors.mlp_projection")
class MLPProjection(Projection):
    """Two layers with GELU into the shared space: the strong baseline among connectors."""

    title = "MLP projection"

    @dataclass(frozen=True, kw_only=True)
    class Config(Projection.Config):
        """Width and form."""

        hidden: int = knob(256, "Width between the two layers.", low=2, high=16384)

    def _body(self, width: int) -> nn.Module:
        hidden = self.config.hidden
        return nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, self.config.width, bias=self.config.bias)
        )
