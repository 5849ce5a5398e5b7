"""Pairs to tell apart: every sample with its own other side, and once more with somebody else's (ALBEF, arXiv:2107.07651).

Mismatched right sides are drawn from the batch, more often the more alike they are to the left side where embeddings
say so, never the sample's own. When evaluating they are handed round in a fixed order, so scores can be compared.
Axes: B batch, N and M tokens; the outgoing batch is 2B, the pairs that belong together first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils import _pytree as pytree

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.encoders.text_transformer import example_text
from core.blocks.fusion.sides import example_sides, two_sides
from core.blocks.values import Text, Tokens, map_tensors
from core.graph.ports import port
from core.knobs import knob


@blocks.register("fusion.pairs")
class Pairs(Block):
    """Makes pairs that belong together and pairs that do not, for a matching objective."""

    title = "Matched and mismatched pairs"
    modality = "shared"
    mixes_samples = True
    takes = {
        **two_sides(),
        "left_embedding": port("embedding", "says which right sides are alike; no gradient flows back", optional=True),
        "right_embedding": port("embedding", "the same space, of right sides", optional=True),
        "text": port("text", "subwords of the right sides, for blocks that read them anew", optional=True),
    }
    gives = {
        "left": port("tokens", "left sides, twice"),
        "right": port("tokens", "their own right sides, then others'", axes="B M C"),
        "label": port("number", "1 where they belong together, else 0"),
        "text": port("text", "subwords of the right sides that go out, where they come in"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """How hard mismatches are."""

        temperature: float = knob(
            0.1,
            "Cosines are divided by it before sampling; smaller draws harder mismatches.",
            low=0.001,
            high=100,
            logarithmic=True,
        )

    def forward(
        self, left: Tokens, right: Tokens, left_embedding: Tensor | None = None, right_embedding: Tensor | None = None,
        text: Text | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """[B, N, D] and [B, M, C] to [2B, N, D], [2B, M, C] and labels [2B]. A batch of one only has its own pair."""
        count, device = len(left.x_BND), left.x_BND.device
        other_B = self._partners(count, device, left_embedding, right_embedding)
        label = torch.cat(
            [torch.ones(count, device=device), (other_B != torch.arange(count, device=device)).logical_not()]
        )
        both = lambda x: torch.cat([x, x]) if isinstance(x, Tensor) else x  # noqa: E731
        mixed = lambda x: torch.cat([x, x[other_B]]) if isinstance(x, Tensor) else x  # noqa: E731
        made = {"left": pytree.tree_map(both, left), "right": pytree.tree_map(mixed, right), "label": label.float()}
        if text is not None:
            made["text"] = map_tensors(
                mixed, replace(text, ids_BL=text.ids_BL * text.mask_BL)
            )  # nothing of padding goes on
        return made

    def _partners(self, count: int, device: torch.device, left: Tensor | None, right: Tensor | None) -> Tensor:
        """For each left side, whose right side it gets [B]."""
        if count < 2 or device.type == "meta":
            return torch.arange(count, device=device)
        if self.training and left is not None and right is not None:
            alike_BB = F.normalize(left.detach().float(), dim=-1) @ F.normalize(right.detach().float(), dim=-1).T
            odds_BB = (alike_BB / self.config.temperature).fill_diagonal_(-torch.inf).softmax(-1)
            return torch.multinomial(odds_BB, 1)[:, 0]
        fixed = None if self.training else torch.Generator().manual_seed(count)
        round_B = torch.randperm(count, generator=fixed).to(device)
        return torch.empty_like(round_B).scatter_(
            0, round_B, round_B.roll(-1)
        )  # one big circle: nobody keeps their own

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two pairs."""
        sides = {**example_sides(), "text": example_text()}
        return {**sides, "left_embedding": torch.randn(2, 4), "right_embedding": torch.randn(2, 4)}
