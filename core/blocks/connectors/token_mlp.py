"""LLaVA's connector: two layers with GELU between them, on every token (arXiv:2310.03744); the strong baseline. Axes as in bridge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from core.blocks.catalog import blocks
from core.blocks.connectors.bridge import Bridge
from core.knobs import knob


@blocks.register("connectors.token_mlp")
class TokenMLP(Bridge):
    """Two layers on every token into the width of a language model; none is lost."""

    title = "MLP connector"

    @dataclass(frozen=True, kw_only=True)
    class Config(Bridge.Config):
        """Widths."""

        hidden: int | None = knob(
            None, "Width between the two layers; automatic: that of the tokens that go out.", low=2, high=65536, advanced=True
        )  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        hidden = config.hidden or config.width
        self.body = nn.Sequential(nn.Linear(self.incoming, hidden), nn.GELU(), nn.Linear(hidden, config.width))

    def _bridged(self, x_BND: Tensor, real_BN: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.body(x_BND), None
