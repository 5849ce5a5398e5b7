"""Means of neighbouring tokens, then one linear map: the plainest way to fewer tokens (as in MM1, arXiv:2403.09611). Axes as in bridge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from core.blocks.catalog import blocks
from core.blocks.connectors.bridge import Bridge, count_knob
from core.blocks.connectors.fewer import Average


@blocks.register("connectors.token_pool")
class TokenPool(Bridge):
    """Averages neighbouring tokens until so many are left, and maps each into the width of a language model."""

    title = "Pooling connector"

    @dataclass(frozen=True, kw_only=True)
    class Config(Bridge.Config):
        """How many."""

        count: int = count_knob()

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        many = self.count - self.lead
        if config.count > many:
            raise ValueError(f"There are {many} tokens to average; {config.count} cannot be made of them.")
        self.way = Average(config.count, self.cells)
        self.linear = nn.Linear(self.incoming, config.width)

    def _bridged(self, x_BND: Tensor, real_BN: Tensor) -> tuple[Tensor, Tensor | None]:
        mean_BKD, real_BK = self.way(x_BND[:, self.lead :], real_BN[:, self.lead :])
        return self.linear(mean_BKD), real_BK
