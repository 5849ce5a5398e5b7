"""LLaVA-1.5's connector: two layers with GELU into the shared space (arXiv:2310.03744); with ReLU it is SimCLR's head
(arXiv:2002.05709). Axes as in projection."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from core.blocks.catalog import blocks
from core.blocks.connectors.projection import Projection
from core.knobs import knob

BENDS: dict[str, type[nn.Module]] = {"GELU": nn.GELU, "ReLU": nn.ReLU}


@blocks.register("connectors.mlp_projection")
class MLPProjection(Projection):
    """Two layers with a bend between them into the shared space: the strong baseline among connectors."""

    title = "MLP projection"

    @dataclass(frozen=True, kw_only=True)
    class Config(Projection.Config):
        """Width and form."""

        hidden: int = knob(256, "Width between the two layers.", low=2, high=16384)
        activation: str = knob("GELU", "What stands between the two layers.", choices=tuple(BENDS), advanced=True)

    def _body(self, width: int) -> nn.Module:
        hidden = self.config.hidden
        return nn.Sequential(
            nn.Linear(width, hidden),
            BENDS[self.config.activation](),
            nn.Linear(hidden, self.config.width, bias=self.config.bias),
        )
