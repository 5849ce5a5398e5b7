"""One learned offset between two streams: every moment is read a little later or earlier, by the same time for all samples.

The offset is a bound times a hyperbolic tangent, so it never leaves the bound. A stream is read through a Gaussian of time whose width
falls from a wide one to half a frame in the course of training: only what lies within it has a gradient, and a narrow one would see
nothing of an offset of several frames. Axes: B batch, T frames, D width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.lags import Stream
from core.blocks.times import in_time
from core.blocks.values import Grid, Tokens
from core.graph.ports import port
from core.knobs import knob

NARROW_BY = 0.8  # share of the run at which the Gaussian is as narrow as it gets


@blocks.register("connectors.time_offset")
class TimeOffset(Block):
    """Learns by how much one stream is late, the same for all samples, and reads it at the right times."""

    title = "Time offset"
    modality = "any"
    takes = {"tokens": port("tokens", "tokens with their times")}
    gives = {"tokens": port("tokens", "one token per time, read later by the learned offset", axes="B T D")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Bound, where it begins, and how wide a gradient sees at first."""

        most: float = knob(2.0, "The offset stays between this much earlier and this much later.", low=0.01, high=60.0, unit="s",
            title="Offset bound")  # fmt: skip
        start: float = knob(0.0, "The offset at the beginning.", low=-60.0, high=60.0, unit="s", title="Initial offset")
        blur: float = knob(
            0.5, "Standard deviation of the Gaussian through which the stream is read at first; it falls to half a frame.", low=0,
            high=60.0, unit="s", title="Initial width",
        )  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        in_time(incoming["tokens"])  # says what lacks
        if abs(config.start) >= config.most:
            raise ValueError(
                f"The offset begins at {config.start:g} s, which is not between -{config.most:g} and {config.most:g} s."
            )
        self.raw = nn.Parameter(torch.tensor(math.atanh(config.start / config.most)))

    @property
    def offset(self) -> Tensor:
        """Seconds by which the stream is late."""
        return self.config.most * self.raw.tanh()

    def forward(self, tokens: Tokens) -> dict[str, Any]:
        """[B, N, D] with times to [B, T, D]; where nothing of the stream lies near a time, zeros that are masked."""
        row, stream = in_time(tokens), Stream.of(tokens)
        weight_BTT, real_BT = self._read(stream)
        x_BTD = torch.einsum("bts,bsd->btd", weight_BTT.to(stream.x_BTD.dtype), stream.x_BTD)
        return {"tokens": replace(row, x_BND=x_BTD, mask_BN=real_BT)}

    def _read(self, stream: Stream) -> tuple[Tensor, Tensor]:
        """How much of each frame is read at each time [B, T, T], and which times lie within the stream [B, T]."""
        share = max(0.0, 1 - self.progress / NARROW_BY) if self.training else 0.0
        time_BT, half_B11 = stream.time_BT, stream.step_B[:, None, None] / 2
        width_B11 = torch.maximum(half_B11, torch.full_like(half_B11, self.config.blur * share))
        wanted_BT1 = (time_BT + self.offset.to(time_BT)).unsqueeze(-1)
        score_BTT = -(((wanted_BT1 - time_BT[:, None]) / width_B11) ** 2) / 2
        score_BTT = score_BTT.masked_fill(~stream.real_BT[:, None], -torch.inf)
        last_B1 = torch.where(stream.real_BT, time_BT, -torch.inf).amax(1, keepdim=True)
        first_B1 = torch.where(stream.real_BT, time_BT, torch.inf).amin(1, keepdim=True)
        slack_B1, at_BT = half_B11[..., 0], wanted_BT1[..., 0]
        inside_BT = stream.real_BT & (at_BT >= first_B1 - slack_B1) & (at_BT <= last_B1 + slack_B1)
        safe_BTT = torch.where(inside_BT[..., None], score_BTT, 0.0)
        return torch.where(inside_BT[..., None], safe_BTT.softmax(-1), 0.0), inside_BT

    def readings(self) -> Mapping[str, float | Tensor]:
        """The offset in seconds."""
        return {"offset": self.offset.detach()}

    def detail(self) -> str:
        """The bound."""
        return f"±{self.config.most:g} s"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two sounds of eight frames; the second ends early."""
        mask = torch.ones(2, 8, dtype=torch.bool)
        mask[1, -2:] = False
        grid = Grid(kind="times", sizes=(8,), step=0.25)
        return {"tokens": Tokens(x_BND=torch.randn(2, 8, 16), mask_BN=mask, modality="audio", grid=grid)}
