"""Tokens that stay numbers: a projection of a feature map, as [B, C, h, w] to [B, h·w, D], with or without a Gaussian between.

The projection is from C, whatever h·w is. With a weight of the divergence from a standard normal these are a variational autoencoder's
(arXiv:1312.6114) as latent diffusion uses it (arXiv:2112.10752): drawn in training, the mean when evaluated. Without it, no code
book and no noise: what a quantizer is compared with. Axes: B batch, N tokens, C and D widths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.connectors.pool import example_tokens
from core.blocks.fusion.sides import width_of
from core.blocks.values import Tokens
from core.graph.ports import port
from core.knobs import knob

SMALLEST, LARGEST = -30.0, 20.0  # of a log variance


@blocks.register("tokenizers.continuous_tokens")
class ContinuousTokens(Block):
    """Gives every token a few numbers instead of a code; with a weight, drawn from a Gaussian in training."""

    title = "Continuous tokens"
    in_float32 = True
    counts = ("tokens",)
    takes = {"tokens": port("tokens", "tokens to narrow", axes="B N C")}
    gives = {
        "tokens": port("tokens", "a few numbers each"),
        "penalty": port("loss", "divergence from a standard normal; add it to the objectives with an extra loss"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """How many numbers, and how normal they are to be."""

        token_width: int = knob(16, "Numbers in a token. Code books need few.", low=1, high=1024, title="Token width")
        divergence: float = knob(
            0.0, "Weight of the divergence from a standard normal per number; 0: tokens are not drawn at all.", low=0, high=100,
            title="Divergence weight",
        )  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.is_drawn = config.divergence > 0
        self.project = nn.Linear(width_of(incoming["tokens"]), config.token_width * (2 if self.is_drawn else 1))
        self._divergence: Tensor | None = None

    def forward(self, tokens: Tokens) -> dict[str, Any]:
        """[B, N, C] to [B, N, D] and one number."""
        found_BND = self.project(tokens.zeroed().x_BND)
        if not self.is_drawn:
            return {"tokens": tokens.with_x(found_BND), "penalty": found_BND.sum() * 0}
        mean_BND, log_variance_BND = found_BND.chunk(2, -1)
        log_variance_BND = log_variance_BND.clamp(SMALLEST, LARGEST)
        drawn_BND = mean_BND + torch.randn_like(mean_BND) * (log_variance_BND / 2).exp() if self.training else mean_BND
        apart_BN = (mean_BND.pow(2) + log_variance_BND.exp() - 1 - log_variance_BND).mean(-1) / 2
        real_BN = torch.ones_like(apart_BN) if tokens.mask_BN is None else tokens.mask_BN.to(apart_BN)
        divergence = (apart_BN * real_BN).sum() / real_BN.sum().clamp_min(1)
        self._divergence = divergence.detach()
        return {"tokens": tokens.with_x(drawn_BND), "penalty": self.config.divergence * divergence}

    def counted(self, tokens: Tokens) -> Tensor:  # type: ignore[override]
        """Real tokens."""
        return tokens.x_BND.new_tensor(tokens.x_BND[..., 0].numel()) if tokens.mask_BN is None else tokens.mask_BN.sum()

    def readings(self) -> Mapping[str, float | Tensor]:
        """The divergence of the last batch, per number."""
        return {} if self._divergence is None else {"divergence": self._divergence}

    def detail(self) -> str:
        """Numbers in a token."""
        return f"d{self.config.token_width}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """CLS and four patches."""
        return {"tokens": example_tokens()}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Three numbers, drawn."""
        return {"token_width": 3, "divergence": 0.1}
