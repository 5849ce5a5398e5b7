"""Residual convolutions over a film: how a unit looks along time is a choice.

``(2+1)d`` first over the frame, then along time, with a norm and a ReLU between (R(2+1)D, arXiv:1711.11248; as wide between as S3D's,
arXiv:1712.04851);
``3d`` both at once (arXiv:1705.07750); ``shift`` moves an eighth of the channels one frame back and another eighth one ahead before
convolutions over single frames, at no cost (TSM, arXiv:1811.08383); ``2d`` sees every frame alone, which makes a control. With gating a unit's channels are weighed by
what the whole film shows (S3D-G).

Group norm keeps samples apart. Axes: B batch, C channels, D width, T frames, H height, W width of a frame, N tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.encoders.film_convolution import FilmConvolution
from core.blocks.values import Frames, Grid, Tokens
from core.graph.ports import port
from core.knobs import knob

FACTORED, WHOLE, SHIFT, FLAT = "(2+1)d", "3d", "shift", "2d"
EIGHTH = 8


def shifted(x_BDTHW: Tensor, parts: int = EIGHTH) -> Tensor:
    """One of ``parts`` equal parts of the channels from the frame behind, another from the frame before; the rest stays.

    What leaves at an end of the film is lost and zeros come in, as in TSM; ``parts`` 0 moves nothing.
    """
    if not parts:
        return x_BDTHW
    size = x_BDTHW.shape[1] // parts
    behind, before, rest = x_BDTHW.split([size, size, x_BDTHW.shape[1] - 2 * size], 1)
    from_behind, from_before = F.pad(behind[:, :, 1:], (0, 0, 0, 0, 0, 1)), F.pad(before[:, :, :-1], (0, 0, 0, 0, 1, 0))
    return torch.cat([from_behind, from_before, rest], 1)


class OverFrames(nn.Conv2d):
    """A convolution of every frame alone."""

    def forward(self, x_BDTHW: Tensor) -> Tensor:
        """[B, D, T, H, W] with height and width divided by the stride."""
        made = super().forward(x_BDTHW.transpose(1, 2).flatten(0, 1))
        return made.unflatten(0, (len(x_BDTHW), -1)).transpose(1, 2)


class AlongTime(nn.Conv2d):
    """A convolution of three frames at every place alone."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__(channels, out, (3, 1), padding=(1, 0), bias=False)

    def forward(self, x_BDTHW: Tensor) -> Tensor:
        """[B, D, T, H, W]."""
        return super().forward(x_BDTHW.flatten(3)).unflatten(3, x_BDTHW.shape[3:])


class Shift(nn.Module):
    """:func:`shifted` as a layer."""

    def forward(self, x_BDTHW: Tensor) -> Tensor:
        """[B, D, T, H, W]."""
        return shifted(x_BDTHW)


def normed(width: int) -> nn.Module:
    """A norm that keeps samples apart."""
    return nn.GroupNorm(8 if width % 8 == 0 else 1, width)


def _convolution(kind: str, channels: int, out: int, stride: int) -> list[nn.Module]:
    """One convolution of a unit in its kind."""
    if kind == WHOLE:
        return [FilmConvolution(channels, out, (3, 3, 3), (1, stride, stride))]
    flat = OverFrames(channels, out, 3, stride, 1, bias=False)
    if kind == FACTORED:
        return [flat, normed(out), nn.ReLU(inplace=True), AlongTime(out, out)]
    return [Shift(), flat] if kind == SHIFT else [flat]


class Gate(nn.Module):
    """Each channel by how much a film as a whole asks for it; at the beginning by a half."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.asked = nn.Linear(channels, channels)
        nn.init.zeros_(self.asked.weight)
        nn.init.zeros_(self.asked.bias)

    def forward(self, x_BDTHW: Tensor) -> Tensor:
        """[B, D, T, H, W]."""
        return x_BDTHW * self.asked(x_BDTHW.mean((2, 3, 4))).sigmoid()[:, :, None, None, None]


class Unit(nn.Module):
    """Two convolutions around a shortcut; quiet: it starts as the shortcut, which sees every frame alone."""

    def __init__(
        self, kind: str, channels: int, out: int, stride: int, *, gated: bool = False, is_quiet: bool = True
    ) -> None:
        super().__init__()
        last = normed(out)
        self.body = nn.Sequential(
            *_convolution(kind, channels, out, stride), normed(out), nn.ReLU(inplace=True),
            *_convolution(kind, out, out, 1), last, *([Gate(out)] if gated else ()),
        )  # fmt: skip
        same = stride == 1 and channels == out
        self.shortcut: nn.Module = nn.Identity() if same else OverFrames(channels, out, 1, stride, bias=False)
        if is_quiet:
            nn.init.zeros_(last.weight)  # type: ignore[arg-type]

    def forward(self, x_BDTHW: Tensor) -> Tensor:
        """Same frames; height and width divided by the stride."""
        return torch.relu(self.shortcut(x_BDTHW) + self.body(x_BDTHW))


@blocks.register("encoders.video_cnn")
class VideoCNN(Block):
    """Residual convolutions over a video; gives the last feature map of every frame as tokens."""

    title = "Video CNN"
    modality = "video"
    takes = {"video": port("video", "frames with their times")}
    gives = {"tokens": port("tokens", "one token per frame and cell of the last feature map", modality="video")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Sizes of the tower, and how it looks along time."""

        kind: str = knob(
            FACTORED, "(2+1)d: over the frame, then along time. 3d: both at once. Shift: some channels come from the frames beside "
            "(TSM). 2d: each frame alone.", choices=(FACTORED, WHOLE, SHIFT, FLAT), title="Convolutions",
        )  # fmt: skip
        gating: bool = knob(False, "Each unit's channels are weighed by what the whole video shows (S3D-G).")
        width: int = knob(32, "Channels of the first stage; each stage doubles them.", low=8, high=512, unit="channels")
        stages: int = knob(3, "Stages; each but the first halves the frames' sides.", low=1, high=5)
        depth: int = knob(1, "Residual units per stage.", low=1, high=8, unit="units")
        first_stride: int = knob(2, "Stride of the first convolution.", low=1, high=4, advanced=True)
        quiet_start: bool = knob(
            True, "Each stage begins as its shortcut alone, to which every frame is alone and motion is nothing; off: with its convolutions.",
            advanced=True, placed=False,
        )  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        channels = incoming["video"].x_BTCHW.shape[2]
        stem = 5 if config.first_stride > 1 else 3
        layers: list[nn.Module] = [
            OverFrames(channels, config.width, stem, config.first_stride, stem // 2, bias=False), normed(config.width),
            nn.ReLU(inplace=True),
        ]  # fmt: skip
        now = config.width
        for stage in range(config.stages):
            out = config.width * 2**stage
            for unit in range(config.depth):
                stride, is_quiet = 2 if stage and unit == 0 else 1, config.quiet_start or unit > 0
                layers.append(Unit(config.kind, now, out, stride, gated=config.gating, is_quiet=is_quiet))
                now = out
        self.body = nn.Sequential(*layers)

    def forward(self, video: Frames) -> dict[str, Any]:
        """Frames [B, T, C, H, W] to tokens [B, N, D], frame by frame and row by row."""
        x_BDTHW = self.body(video.in_unit_range().transpose(1, 2) * 2 - 1)
        grid = Grid(kind="frames", sizes=tuple(x_BDTHW.shape[2:]))
        x_BND = x_BDTHW.flatten(2).transpose(1, 2)
        return {"tokens": Tokens(x_BND=x_BND, modality="video", grid=grid, spans_BT2=video.spans())}

    def detail(self) -> str:
        """First width, stages, units and kind."""
        gated = " · gated" if self.config.gating else ""
        return f"w{self.config.width} s{self.config.stages} d{self.config.depth} · {self.config.kind}{gated}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short films."""
        starts_BT = (torch.arange(4, dtype=torch.float64) / 10).expand(2, -1)
        video = Frames(
            x_BTCHW=torch.rand(2, 4, 3, 16, 16), starts_BT=starts_BT, durations_BT=torch.full_like(starts_BT, 0.1)
        )
        return {"video": video}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Two narrow stages."""
        return {"width": 8, "stages": 2}
