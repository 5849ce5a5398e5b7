"""Many tokens to few, with a look at what was lost: a small decoder predicts all tokens from the few.

Average, a random choice, TokenLearner (arXiv:2106.11297), soft k-means, merging (ToMe, arXiv:2210.09461) or Flamingo's
resampler (arXiv:2204.14198). CLS and other leading tokens are kept apart. The decoder's error over the variance of the
tokens is the loss; one minus it is R2. Axes: B batch, N tokens, K fewer tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.attention.layer import CrossLayer
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.connectors.fewer import Average, Merging, Random, Resampler, SoftKMeans, TokenLearner
from core.blocks.connectors.pool import example_tokens
from core.blocks.fusion.sides import mask_of, width_of
from core.blocks.values import Grid, Tokens, full, widened
from core.graph.ports import port
from core.knobs import knob

WAYS = ("average", "random", "token learner", "soft k-means", "merging", "resampler")


@blocks.register("connectors.compress")
class Compress(Block):
    """Makes few tokens of many, and says how much of the many can be told from the few."""

    title = "Compress tokens"
    takes = {"tokens": port("tokens", "many tokens")}
    gives = {
        "tokens": port("tokens", "few tokens, after CLS"),
        "reconstruction": port("loss", "the share of variance that the few cannot tell"),
    }

    batch_losses = ("reconstruction",)  # measured against the mean token of the batch
    counts = ("tokens",)

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """How many and how."""

        how: str = knob(
            "average", "Average: neighbours; random: a random choice; token learner: learned maps; soft k-means: centres; merging: alike tokens (ToMe); resampler: learned latents (Flamingo).",
            choices=WAYS, title="Method",
        )  # fmt: skip
        count: int = knob(
            64, "Tokens that are left, CLS not counted.", low=1, high=65536, unit="tokens", title="Tokens kept"
        )
        depth: int = knob(2, "Resampler: layers.", low=1, high=24, unit="layers")
        heads: int = knob(4, "Heads of the resampler and of the decoder; must divide the width.", low=1, high=64)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        tokens: Tokens = incoming["tokens"]
        width, kept = width_of(tokens), config.count
        self.lead = tokens.grid.extra if tokens.grid is not None else 0
        self.width = tokens.x_BND.shape[1]
        many = self.width - self.lead
        if kept > many:
            raise ValueError(f"There are {many} tokens to compress; {kept} cannot be left of them.")
        flat = tokens.grid is not None and tokens.grid.kind == "patches" and tokens.cells_BN is None
        cells = (tokens.grid.sizes[0], tokens.grid.sizes[1]) if flat and tokens.grid is not None else None
        ways: dict[str, Any] = {
            "average": lambda: Average(kept, cells), "random": lambda: Random(kept), "token learner": lambda: TokenLearner(width, kept),
            "soft k-means": lambda: SoftKMeans(kept, cells), "merging": lambda: Merging(kept),
            "resampler": lambda: Resampler(width, kept, config.depth, config.heads),
        }  # fmt: skip
        self.way: nn.Module = ways[config.how]()
        self.places_ND = nn.Parameter(torch.randn(many, width) * 0.02)
        self.decoder = CrossLayer(width, config.heads, key_width=width, ratio=2.0)
        self.decoder.norm_context = nn.Identity()  # the length of a token is part of what it tells
        self.slots_KD = nn.Parameter(torch.randn(kept, width) * 0.02)
        self.answer = nn.Linear(width, width)
        self.last: Tensor | None = None

    def forward(self, tokens: Tokens) -> dict[str, Any]:
        """[B, extra + N, D] to [B, extra + K, D] and one number."""
        tokens = tokens.zeroed()
        if tokens.x_BND.shape[1] < self.width:  # what is left of a sample must not hang on the longest beside it
            tokens = widened(tokens, self.width)
        lead_BED, x_BND = tokens.x_BND[:, : self.lead], tokens.x_BND[:, self.lead :]
        mask = mask_of(tokens)
        y_BKD, real_BK = self.way(x_BND, mask[:, self.lead :])
        loss = self._unexplained(x_BND, mask[:, self.lead :], y_BKD, real_BK)
        self.last = loss.detach()
        few = Tokens(
            x_BND=torch.cat([lead_BED, y_BKD], 1), mask_BN=torch.cat([mask[:, : self.lead], real_BK], 1),
            modality=tokens.modality, grid=Grid(kind="latents", sizes=(self.config.count,), extra=self.lead),
        )  # fmt: skip
        return {"tokens": few, "reconstruction": loss}

    def _unexplained(self, x_BND: Tensor, real_BN: Tensor, y_BKD: Tensor, real_BK: Tensor) -> Tensor:
        places = self.places_ND[: x_BND.shape[1]].expand(x_BND.shape[0], -1, -1)
        if places.shape[1] < x_BND.shape[1]:
            raise ValueError(f"There are {x_BND.shape[1]} tokens, more than the {places.shape[1]} places learned.")
        made = full(self.answer(self.decoder(places, y_BKD + self.slots_KD, real_BK)))
        target = full(x_BND.detach())
        return ((made - target).pow(2) * real_BN[..., None]).sum() / _spread(target, real_BN).clamp_min(1e-6)

    def counted(self, tokens: Tokens) -> Tensor:  # type: ignore[override]
        """The spread of the real tokens about their mean, which their loss is a share of."""
        return _spread(full(tokens.zeroed().x_BND.detach())[:, self.lead :], mask_of(tokens)[:, self.lead :])

    def readings(self) -> Mapping[str, float | Tensor]:
        """How much of the tokens' variance the decoder tells from the few; 1 is all."""
        return {} if self.last is None else {"reconstruction R2": 1 - self.last}

    def attentions(self) -> Mapping[str, nn.Module]:
        """The resampler's layers, then the decoder's look at the few."""
        layers: Any = self.way.layers if isinstance(self.way, Resampler) else []
        found: dict[str, nn.Module] = {str(number): layer.attention for number, layer in enumerate(layers)}  # type: ignore[misc]
        return {**found, "decoder": self.decoder.attention}

    def detail(self) -> str:
        """How, and how many are left."""
        return f"{self.config.how} · → {self.config.count}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """CLS and four patches, two of them padding in the second sample."""
        return {"tokens": example_tokens()}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Two of four."""
        return {"count": 2}


def _spread(x_BND: Tensor, real_BN: Tensor) -> Tensor:
    """Sum of squares of real tokens about their mean."""
    weight_BN1 = real_BN[..., None].to(x_BND.dtype)
    mean_D = (x_BND * weight_BN1).sum((0, 1)) / weight_BN1.sum().clamp_min(1)
    return ((x_BND - mean_D).pow(2) * weight_BN1).sum()
