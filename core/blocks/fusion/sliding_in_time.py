"""Attention between two streams of one clip within a sliding window of time: a frame looks at the other stream around its own moment.

The other stream is read at the frames' own times first, so that the band of the one attention core (Longformer, arXiv:2004.05150) lies
along time, however many frames either has and however unevenly they are shown. With an offset between both of at most the window, what
belongs together is still seen. Axes: B batch, N and M tokens of the two, T frames, D and C their widths.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from core.blocks.attention.kernel import kinds
from core.blocks.catalog import blocks
from core.blocks.fusion.cross_attention import CrossAttention
from core.blocks.lags import Stream, placed
from core.blocks.times import in_time
from core.blocks.values import Grid, Tokens
from core.graph.ports import port
from core.knobs import knob

SLIDING = "sliding window"


@blocks.register("fusion.sliding_in_time")
class SlidingInTime(CrossAttention):
    """Lets every moment of one stream attend to the moments of another around it."""

    title = "Sliding attention in time"
    modality = "shared"
    takes = {
        "tokens": port("tokens", "queries, with their times"),
        "context": port("tokens", "keys and values, with their times", axes="B M C"),
    }
    gives = {
        "tokens": port("tokens", "one token per time, updated with what lies around it in the context", axes="B T D")
    }

    @dataclass(frozen=True, kw_only=True)
    class Config(CrossAttention.Config):
        """Layers, and how far is looked."""

        attention: str = knob(
            SLIDING, "Sliding window: moments around one's own. Dense: all of them. The others as elsewhere.",
            choices=tuple(kinds), advanced=True, title="Kind of attention",
        )  # fmt: skip
        window: int = knob(
            8,
            "Moments of the context that are looked at before and after one's own.",
            low=1,
            high=1_000_000,
            unit="frames",
            title="Window in frames",
        )
        global_tokens: int = knob(
            0,
            "Sparse kinds: leading tokens that see all and are seen by all.",
            low=0,
            high=4096,
            unit="tokens",
            advanced=True,
        )

    def forward(self, tokens: Tokens, context: Tokens) -> dict[str, Any]:
        """Queries [B, N, D] and context [B, M, C], both with times, to [B, T, D]."""
        row = in_time(tokens)
        asks, answers = Stream.of(row), Stream.of(context)
        where = placed(answers, asks.time_BT)
        then = replace(row, x_BND=where.read(answers.x_BTD), mask_BN=where.inside_BN)
        return super().forward(row, then)

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Eight frames of film that look at sixteen of sound; the second sound ends early."""
        start_BT = (torch.arange(8, dtype=torch.float64) * 0.25).expand(2, -1)
        spans_BT2 = torch.stack([start_BT, start_BT + 0.25], -1)
        mask = torch.ones(2, 16, dtype=torch.bool)
        mask[1, -4:] = False
        film = Tokens(
            x_BND=torch.randn(2, 8, 12), modality="video", grid=Grid(kind="times", sizes=(8,)), spans_BT2=spans_BT2
        )
        sound = Tokens(
            x_BND=torch.randn(2, 16, 16), mask_BN=mask, modality="audio",
            grid=Grid(kind="times", sizes=(16,), first=0.013, step=0.125),
        )  # fmt: skip
        return {"tokens": film, "context": sound}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """A narrow window."""
        return {"window": 2}
