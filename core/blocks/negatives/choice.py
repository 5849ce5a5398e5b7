"""What all blocks of the family share: both sides come in, candidates and their weights go out.

Blocks stand in a row: each starts from the negatives of the one before it, or from the whole batch. Choices are made on
detached cosines; only the objective's own logits carry a gradient. Axes: B batch, K further keys, M candidates, D width.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.block import Block
from core.blocks.values import ORIGINS, Negatives, full
from core.graph.ports import port

OUT = float("-inf")


@dataclass(frozen=True, kw_only=True)
class Cosines:
    """Detached cosines of both directions with every candidate."""

    there_BM: Tensor  # left queries
    back_BM: Tensor  # right queries


def whole_batch(left_BD: Tensor, right_BD: Tensor) -> Negatives:
    """Every other sample of the batch counts once: plain InfoNCE."""
    count = len(left_BD)
    zeros = left_BD.new_zeros(count, count)
    return Negatives(
        left_KD=left_BD.new_zeros(0, left_BD.shape[1]),
        right_KD=right_BD.new_zeros(0, right_BD.shape[1]),
        weight_BM=zeros,
        back_BM=zeros,
        origin_BM=torch.zeros_like(zeros, dtype=torch.uint8),
    )


def cosines(left_BD: Tensor, right_BD: Tensor, negatives: Negatives) -> Cosines:
    """With the batch first, then the further keys."""
    there = torch.cat([right_BD, negatives.right_KD])
    back = torch.cat([left_BD, negatives.left_KD])
    return Cosines(there_BM=left_BD @ there.T, back_BM=right_BD @ back.T)


def positives(weight_BM: Tensor) -> Tensor:
    """True on the diagonal [B, M]."""
    rows, columns = weight_BM.shape
    return torch.eye(rows, columns, dtype=torch.bool, device=weight_BM.device)


def left_out(weight_BM: Tensor, out_BM: Tensor) -> Tensor:
    """The weights with some candidates left out; the positives always stay."""
    return weight_BM.masked_fill(out_BM & ~positives(weight_BM), OUT)


class NegativeBlock(Block):
    """A choice of negatives."""

    modality = "shared"
    mixes_samples = True
    in_float32 = True
    takes = {
        "left": port("embedding", "one side of every pair", modality="shared"),
        "right": port("embedding", "the other side, same order", modality="shared"),
        "negatives": port("negatives", "what was chosen before; the whole batch without it", optional=True),
    }
    gives = {"negatives": port("negatives", "candidates with their weights", modality="shared")}

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        left, right = (incoming[side].shape[-1] for side in ("left", "right"))
        if left != right:
            raise ValueError(f"Both sides need the same width: left D is {left}, right D is {right}.")
        self._said: dict[str, Tensor] = {}
        self._is_step = False

    def forward(self, left: Tensor, right: Tensor, negatives: Negatives | None = None, **more: Any) -> dict[str, Any]:
        """Two sides [B, D] to candidates."""
        self._is_step = self.training and torch.is_grad_enabled()  # not a look at the shapes, or an evaluation
        with torch.no_grad():
            left, right = (F.normalize(full(side.detach()), dim=-1) for side in (left, right))
            given = whole_batch(left, right) if negatives is None else negatives
            return {"negatives": self.chosen(given, left, right, **more)}

    @abstractmethod
    def chosen(self, given: Negatives, left_BD: Tensor, right_BD: Tensor) -> Negatives:
        """Other candidates or other weights than the given ones. Both sides have unit length."""

    def readings(self) -> Mapping[str, float | Tensor]:
        """What the choice was like at the last step."""
        return self._said

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Six pairs."""
        return {"left": torch.randn(6, 8), "right": torch.randn(6, 8)}


def marked_as(given: Negatives, origin: str, where_BM: Tensor) -> Tensor:
    """Origins with some candidates renamed."""
    return given.origin_BM.masked_fill(where_BM & ~positives(given.weight_BM), ORIGINS.index(origin))


def with_weights(given: Negatives, weight_BM: Tensor, back_BM: Tensor, **changes: Any) -> Negatives:
    """The same candidates, other weights."""
    return replace(given, weight_BM=weight_BM, back_BM=back_BM, **changes)
