"""ClipCap's connector: the mean of all tokens, through two layers, becomes a prefix of several (arXiv:2111.09734). Axes as in bridge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from core.blocks.catalog import blocks
from core.blocks.connectors.bridge import Bridge, count_knob


@blocks.register("connectors.prefix_tokens")
class PrefixTokens(Bridge):
    """Makes a prefix for a language model of one vector, the mean of the tokens."""

    title = "Prefix connector"

    @dataclass(frozen=True, kw_only=True)
    class Config(Bridge.Config):
        """How many."""

        count: int = count_knob()

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        made = config.count * config.width
        self.body = nn.Sequential(nn.Linear(self.incoming, made // 2), nn.Tanh(), nn.Linear(made // 2, made))

    def _bridged(self, x_BND: Tensor, real_BN: Tensor) -> tuple[Tensor, Tensor | None]:
        mean_BD = x_BND.sum(1) / real_BN.sum(1, keepdim=True).clamp_min(1).to(x_BND.dtype)
        y_BKE = self.body(mean_BD).unflatten(-1, (self.config.count, -1))
        return y_BKE, real_BN.any(1, keepdim=True).expand(-1, self.config.count)
