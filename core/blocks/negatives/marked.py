"""Pairs that a person has judged: false negatives and duplicates are left out, truly hard ones count more.

The judgements travel in the drawing, so a run keeps the very list it was trained with. Samples are told by their number
in the source. Axes: B batch, M candidates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.blocks.catalog import blocks
from core.blocks.negatives.choice import OUT, NegativeBlock, marked_as, positives, with_weights
from core.blocks.values import Negatives
from core.graph.judged import HARD, read_pairs
from core.graph.ports import port
from core.knobs import knob


@blocks.register("negatives.marked")
class Marked(NegativeBlock):
    """Leaves out pairs annotated as false negatives or duplicates, and weights truly hard ones up."""

    title = "Annotated pairs"
    takes = {**NegativeBlock.takes, "sample": port("number", "the samples' numbers in the source")}

    @dataclass(frozen=True, kw_only=True)
    class Config(NegativeBlock.Config):
        """The judgements and their weight."""

        pairs: str = knob("[]", 'Annotated pairs: [[3, 17, "duplicate"], ...]; kept by the similarity monitor.')
        favour: float = knob(
            4.0, "How often a truly hard pair counts.", low=0.01, high=1000, logarithmic=True, title="Hard-pair weight"
        )
        judged_in: str = knob(
            "", "The runs on whose samples the pairs were annotated.", advanced=True, title="Annotated in"
        )

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self._pairs = dict(_both_ways(read_pairs(config.pairs)))
        numbers = sorted(self._pairs)
        self._known = torch.tensor([a * 2**31 + b for a, b in numbers], dtype=torch.int64)
        logs = [math.log(config.favour) if self._pairs[pair] == HARD else OUT for pair in numbers]
        self._logs = torch.tensor(logs, dtype=torch.float64)

    def chosen(self, given: Negatives, left_BD: Tensor, right_BD: Tensor, *, sample: Tensor) -> Negatives:  # type: ignore[override]
        """The same candidates, judged ones weighed."""
        count, keys = len(sample), given.weight_BM.shape[1] - len(sample)
        extra_BB = given.weight_BM.new_zeros(count, count)
        if sample.device.type != "meta":
            extra_BB = self._weights(sample).to(extra_BB.dtype)
        extra_BM = torch.cat([extra_BB, extra_BB.new_zeros(count, keys)], 1)
        extra_BM = extra_BM.masked_fill(positives(extra_BM), 0.0)
        self._said = {"judged": (extra_BM != 0).sum() / 2} if sample.device.type != "meta" else {}
        return with_weights(
            given, given.weight_BM + extra_BM, given.back_BM + extra_BM,
            origin_BM=marked_as(given, "marked", extra_BM != 0),
        )  # fmt: skip

    def _weights(self, sample_B: Tensor) -> Tensor:
        """Logarithmic weight of every pair of the batch [B, B]; 0 for those nobody judged."""
        code_BB = sample_B[:, None].long() * 2**31 + sample_B[None, :].long()
        if not len(self._known):
            return torch.zeros(code_BB.shape, device=sample_B.device)
        known, logs = self._known.to(sample_B.device), self._logs.to(sample_B.device)
        place = torch.searchsorted(known, code_BB).clamp_max(len(known) - 1)
        return torch.where(known[place] == code_BB, logs[place], 0.0)

    def detail(self) -> str:
        """How many."""
        return str(len(self._pairs) // 2)

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Six numbered pairs."""
        return {**super().example(), "sample": torch.arange(6)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Two judgements."""
        return {"pairs": '[[0, 1, "duplicate"], [2, 5, "truly hard"]]'}


def _both_ways(pairs: list[tuple[int, int, str]]) -> Iterator[tuple[tuple[int, int], str]]:
    for left, right, mark in pairs:
        if left != right:
            yield (left, right), mark
            yield (right, left), mark
