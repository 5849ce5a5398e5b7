"""What blocks of experts share: one or two streams of tokens in, the same streams out, all tokens in one list between.

Axes: B batch, N tokens of a stream, T tokens of all streams, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.connectors.pool import example_tokens
from core.blocks.values import Tokens
from core.graph.ports import port


class ExpertBlock(Block):
    """A residual layer of experts behind a norm: ``x + experts(norm(x))``."""

    modality = "shared"
    streams_apart = True
    takes = {
        "tokens": port("tokens", "tokens of one modality, or already joined ones"),
        "more": port("tokens", "tokens of another modality, of the same width", optional=True),
    }
    gives = {
        "tokens": port("tokens", "the same tokens, changed by their experts"),
        "more": port("tokens", "the other tokens, changed by their experts"),
    }

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        streams = [incoming[name] for name in ("tokens", "more") if name in incoming]
        widths = [stream.x_BND.shape[-1] for stream in streams]
        if len(set(widths)) > 1:
            raise ValueError(f"Both streams need the same width: tokens D is {widths[0]}, more D is {widths[1]}.")
        self.width = widths[0]
        self.modalities = tuple(dict.fromkeys(stream.modality for stream in streams))
        self.norm = nn.LayerNorm(self.width)

    def joined(self, streams: list[Tokens]) -> tuple[Tensor, Tensor, Tensor]:
        """Normed tokens [T, D], which are real [T], and their modality's index [T]."""
        x_TD = torch.cat([self.norm(stream.zeroed().x_BND).flatten(0, 1) for stream in streams])
        real = [
            torch.ones(stream.x_BND.shape[:2], dtype=torch.bool, device=x_TD.device)
            if stream.mask_BN is None
            else stream.mask_BN
            for stream in streams
        ]
        kinds = [
            torch.full_like(part, self.modalities.index(s.modality), dtype=torch.int64)
            for part, s in zip(real, streams)
        ]
        return x_TD, torch.cat([part.flatten() for part in real]), torch.cat([part.flatten() for part in kinds])

    def parted(self, streams: list[Tokens], change_TD: Tensor) -> dict[str, Any]:
        """Each stream with its share of the change added."""
        sizes = [stream.x_BND.shape[0] * stream.x_BND.shape[1] for stream in streams]
        parts = change_TD.split(sizes)
        return {
            name: stream.with_x(stream.x_BND + part.view_as(stream.x_BND).to(stream.x_BND.dtype))
            for name, stream, part in zip(("tokens", "more"), streams, parts)
        }

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Five picture tokens and three words, both with padding."""
        return {"tokens": example_tokens(), "more": example_tokens(count=4, modality="text")}


def present(tokens: Tokens, more: Tokens | None) -> list[Tokens]:
    """The streams that are wired."""
    return [tokens] if more is None else [tokens, more]
