"""Phrases find their boxes: regional contrast (GLIP, arXiv:2112.03857; RegionCLIP, arXiv:2112.09106).

Of N boxes in each of B pictures the first belongs to the picture's phrase. Each phrase must find its box among all B N
boxes of the batch, those beside it in the same picture included; each of these boxes must find its phrase among B.
Axes: B batch, N boxes a picture, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.blocks.objectives.gathering import gathered, gathered_tokens
from core.blocks.objectives.info_nce import Contrast, starting_scale
from core.blocks.objectives.late_interaction import real
from core.blocks.ranking import choice_ranks
from core.blocks.values import Grid, Tokens, full
from core.graph.ports import port


@blocks.register("objectives.regional")
class Regional(Objective):
    """Each phrase must find its box among all boxes of the batch, and that box its phrase."""

    title = "Phrase and region"
    modality = "loss"
    takes = {
        "regions": port("tokens", "one token per box, the phrase's own box first", modality="image"),
        "phrase": port("embedding", "one phrase per image", modality="text"),
    }
    gives = {"loss": port("loss", "mean over the batch")}
    mixes_samples = True
    Config = Contrast.Config  # type: ignore[assignment]

    logit_scale: nn.Parameter
    after_update = Contrast.after_update
    readings = Contrast.readings
    detail = Contrast.detail

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        regions, phrase = incoming["regions"].x_BND.shape[-1], incoming["phrase"].shape[-1]
        if regions != phrase:
            raise ValueError(f"Both sides need the same width: regions have {regions}, the phrase {phrase}.")
        self.logit_scale = starting_scale(config)

    def forward(self, regions: Tokens, phrase: Tensor) -> dict[str, Any]:
        """Regions [B, N, D] and phrases [B, D] to one number."""
        table_BBN = self.table(gathered_tokens(regions), gathered(phrase))
        count, boxes = table_BBN.shape[0], table_BBN.shape[2]
        own_B = torch.arange(count, device=table_BBN.device)
        there = F.cross_entropy(table_BBN.flatten(1), own_B * boxes)
        back = F.cross_entropy(table_BBN[:, :, 0].T, own_B)
        return {"loss": self.config.weight * (there + back) / 2}

    def table(self, regions: Tokens, phrase: Tensor) -> Tensor:
        """Scaled cosines [B phrases, B pictures, N boxes]; a box that is padding cannot be found."""
        regions_BND, phrase_BD = (F.normalize(full(side), dim=-1) for side in (regions.zeroed().x_BND, phrase))
        cosine = torch.einsum("bd,cnd->bcn", phrase_BD, regions_BND)
        return (self.logit_scale.exp() * cosine).masked_fill(~real(regions)[None], float("-inf"))

    def own_ranks(self, regions: Tokens, phrase: Tensor) -> tuple[str, Tensor, Tensor]:  # type: ignore[override]
        """For each phrase, how many boxes of its own picture score at least as high as the right one, and of how many."""
        regions_BND, phrase_BD = (F.normalize(full(side), dim=-1) for side in (regions.x_BND, phrase))
        cosine_BN = torch.einsum("bd,bnd->bn", phrase_BD, regions_BND)
        first_B = torch.zeros(len(cosine_BN), dtype=torch.int64, device=cosine_BN.device)
        return "phrase_to_box", choice_ranks(cosine_BN, first_B, real(regions)), real(regions).sum(1)

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Three pictures with two boxes each."""
        tokens = Tokens(x_BND=torch.randn(3, 2, 8), modality="image", grid=Grid(kind="latents", sizes=(2,)))
        return {"regions": tokens, "phrase": torch.randn(3, 8)}
