"""Late interaction: patches and words meet one by one (FILIP, arXiv:2111.07783; ColBERT's MaxSim, arXiv:2004.12832).

``s(a -> b) = mean over a's real tokens of the largest cosine with b's real tokens``; the loss is InfoNCE on the two tables
``s(left -> right)`` and ``s(right -> left)``. With one token a side that is InfoNCE itself. The table of all pairs of tokens
is made in strips of samples and made again in the backward pass, so memory stays below the knob at any batch.
Axes: B left samples, C right samples, N left tokens, M right tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.blocks.connectors.pool import example_tokens
from core.blocks.objectives.gathering import gathered_tokens
from core.blocks.objectives.info_nce import Contrast, starting_scale
from core.blocks.values import Tokens, full
from core.graph.ports import port
from core.knobs import knob

MEBIBYTE = 2**20


def real(tokens: Tokens) -> Tensor:
    """Where tokens are real, [B, N]."""
    if tokens.mask_BN is not None:
        return tokens.mask_BN
    return torch.ones(tokens.x_BND.shape[:2], dtype=torch.bool, device=tokens.x_BND.device)


def best_matches(left_BND: Tensor, real_BN: Tensor, right_CMD: Tensor, real_CM: Tensor) -> tuple[Tensor, Tensor]:
    """Both tables [B, C]: each left token's best right token averaged over left, and the reverse. Unit vectors in.

    A sample without a real token has the score 0 with everything.
    """
    table_BNCM = torch.einsum("bnd,cmd->bncm", left_BND, right_CMD)
    there_BNC = table_BNCM.masked_fill(~real_CM[None, None], -2.0).amax(3)
    back_BCM = table_BNCM.masked_fill(~real_BN[:, :, None, None], -2.0).amax(1)
    weight_BN, weight_CM = (_shares(mask, table_BNCM.dtype) for mask in (real_BN, real_CM))
    there_BC = torch.einsum("bnc,bn->bc", there_BNC, weight_BN)
    back_BC = torch.einsum("bcm,cm->bc", back_BCM, weight_CM)
    both_BC = real_BN.any(1)[:, None] & real_CM.any(1)[None]
    return torch.where(both_BC, there_BC, 0.0), torch.where(both_BC, back_BC, 0.0)


def _shares(real_BN: Tensor, dtype: torch.dtype) -> Tensor:
    """Weights that take the mean over real tokens."""
    return real_BN.to(dtype) / real_BN.sum(1, keepdim=True).clamp_min(1)


def in_strips(left: Tokens, right: Tokens, mebibytes: float) -> tuple[Tensor, Tensor]:
    """:func:`best_matches` with so many left samples at a time that the table of token pairs fits."""
    left_BND, right_CMD = (F.normalize(full(side.zeroed().x_BND), dim=-1) for side in (left, right))
    real_BN, real_CM = real(left), real(right)
    row_bytes = 4 * left_BND.shape[1] * right_CMD.shape[0] * right_CMD.shape[1]
    rows = max(1, int(mebibytes * MEBIBYTE // max(row_bytes, 1)))
    if rows >= len(left_BND):
        return best_matches(left_BND, real_BN, right_CMD, real_CM)
    made = [
        checkpoint(best_matches, part, mask, right_CMD, real_CM, use_reentrant=False)
        for part, mask in zip(left_BND.split(rows), real_BN.split(rows))
    ]
    return torch.cat([there for there, _ in made]), torch.cat([back for _, back in made])


@blocks.register("objectives.late_interaction")
class LateInteraction(Objective):
    """Each patch looks for its best word and each word for its best patch; the pair with the best matches wins."""

    title = "Late interaction"
    modality = "loss"
    takes = {
        "left": port("tokens", "one side of every pair, such as patches", modality="shared"),
        "right": port("tokens", "the other side, same order, such as words", modality="shared"),
    }
    gives = {"loss": port("loss", "mean over the batch")}
    mixes_samples = True

    @dataclass(frozen=True, kw_only=True)
    class Config(Contrast.Config):
        """Temperature, weight and memory."""

        mebibytes: float = knob(
            256.0, "Memory for the table of all token pairs; beyond it strips are computed one by one.",
            low=1, high=1_000_000, unit="MiB", advanced=True, title="Memory limit",
        )  # fmt: skip

    logit_scale: nn.Parameter
    after_update = Contrast.after_update
    readings = Contrast.readings
    detail = Contrast.detail

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        left, right = (incoming[side].x_BND.shape[-1] for side in ("left", "right"))
        if left != right:
            raise ValueError(f"Both sides need the same width: left D is {left}, right D is {right}.")
        self.logit_scale = starting_scale(config)

    def forward(self, left: Tokens, right: Tokens) -> dict[str, Any]:
        """Two sides [B, N, D] and [B, M, D] to one number."""
        there_BB, back_BB = in_strips(gathered_tokens(left), gathered_tokens(right), self.config.mebibytes)
        scale = self.logit_scale.exp()
        target_B = torch.arange(len(there_BB), device=there_BB.device)
        loss = (F.cross_entropy(scale * there_BB, target_B) + F.cross_entropy(scale * back_BB.T, target_B)) / 2
        return {"loss": self.config.weight * loss}

    def score_tables(self, left: Tokens, right: Tokens) -> tuple[Tensor, Tensor]:
        """What the loss ranks by, for held-out samples."""
        there_NM, back_NM = in_strips(left, right, self.config.mebibytes)
        return there_NM, back_NM.T

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two pairs of tokens, some of them padding."""
        return {"left": example_tokens(8), "right": example_tokens(8, 7, "text")}
