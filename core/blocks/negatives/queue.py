"""A queue of keys from earlier batches, made by a slowly following copy of the towers (MoCo, arXiv:1911.05722).

With momentum 0 the keys are the online embeddings of their time (cross-batch memory, arXiv:1912.06798): cheaper, but
stale. The copy's weights follow ``k <- m k + (1 - m) q`` after every step; its keys carry no gradient. Size 0 is plain
InfoNCE. Axes: B batch, K keys, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.catalog import blocks
from core.blocks.negatives.choice import OUT, NegativeBlock
from core.blocks.values import ORIGINS, Negatives, full
from core.knobs import knob


@blocks.register("negatives.queue")
class Queue(NegativeBlock):
    """Adds the keys of earlier batches to every pair's negatives."""

    title = "Queue"

    @dataclass(frozen=True, kw_only=True)
    class Config(NegativeBlock.Config):
        """How many keys, and who makes them."""

        size: int = knob(
            1024, "Keys of earlier batches, each side.", low=0, high=1_000_000, unit="keys", title="Queue length"
        )
        momentum: float = knob(
            0.99, "How slowly the copy that makes the keys follows the towers; 0 keeps the batch's own embeddings.",
            low=0, high=0.99999,
        )  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        width = incoming["left"].shape[-1]
        self.left_KD: Tensor
        self.right_KD: Tensor
        self.filled: Tensor
        self.register_buffer("left_KD", torch.zeros(config.size, width))
        self.register_buffer("right_KD", torch.zeros(config.size, width))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))  # keys ever pushed
        self._latest: list[tuple[Tensor, Tensor]] = []

    def chosen(self, given: Negatives, left_BD: Tensor, right_BD: Tensor) -> Negatives:
        """The given candidates and the queue's."""
        if self._is_step and not self.config.momentum and left_BD.device.type != "meta":
            self._latest.append((left_BD, right_BD))
        count, size = len(left_BD), len(self.left_KD)
        empty_K = torch.arange(size, device=left_BD.device) >= self.filled
        weight_BK = left_BD.new_zeros(count, size).masked_fill(empty_K[None], OUT)
        origin_BK = torch.full((count, size), ORIGINS.index("queue"), dtype=torch.uint8, device=left_BD.device)
        return replace(
            given,
            left_KD=torch.cat([given.left_KD, self.left_KD.to(left_BD.dtype)]),
            right_KD=torch.cat([given.right_KD, self.right_KD.to(left_BD.dtype)]),
            weight_BM=torch.cat([given.weight_BM, weight_BK], 1),
            back_BM=torch.cat([given.back_BM, weight_BK], 1),
            origin_BM=torch.cat([given.origin_BM, origin_BK], 1),
        )

    @torch.no_grad()
    def push(self, left_BD: Tensor, right_BD: Tensor) -> None:
        """The newest keys take the place of the oldest."""
        size = len(self.left_KD)
        if not size:
            return
        for buffer, keys in ((self.left_KD, left_BD), (self.right_KD, right_BD)):
            newest = F.normalize(full(keys.detach()), dim=-1)[-size:].to(buffer.dtype)
            first = int(self.filled) + len(keys) - len(newest)
            places = (first + torch.arange(len(newest), device=buffer.device)) % size
            buffer[places] = newest
        self.filled += len(left_BD)

    def after_update(self) -> None:
        """Without momentum, this step's embeddings are the keys."""
        for left_BD, right_BD in self._latest:
            self.push(left_BD, right_BD)
        self._latest.clear()

    def readings(self) -> Mapping[str, float | Tensor]:
        """How many keys there are."""
        return {"keys": float(min(int(self.filled), len(self.left_KD)))}

    def detail(self) -> str:
        """Size and momentum."""
        return f"K{self.config.size} m{self.config.momentum:g}"

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Ten keys."""
        return {"size": 10}
