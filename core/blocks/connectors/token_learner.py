"""TokenLearner as a connector: each token that goes out is a learned weighting of all that came in (arXiv:2106.11297). Axes as in bridge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from core.blocks.catalog import blocks
from core.blocks.connectors import fewer
from core.blocks.connectors.bridge import Bridge, count_knob


@blocks.register("connectors.token_learner")
class TokenLearner(Bridge):
    """Learns so many weightings over the tokens, each a token for a language model."""

    title = "TokenLearner connector"

    @dataclass(frozen=True, kw_only=True)
    class Config(Bridge.Config):
        """How many."""

        count: int = count_knob()

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.way = fewer.TokenLearner(self.incoming, config.count)
        self.linear = nn.Linear(self.incoming, config.width)

    def _bridged(self, x_BND: Tensor, real_BN: Tensor) -> tuple[Tensor, Tensor | None]:
        mean_BKD, real_BK = self.way(x_BND, real_BN)
        return self.linear(mean_BKD), real_BK
