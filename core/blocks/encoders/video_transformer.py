"""A transformer over the cells of a film, which knows when each frame was shown.

Frames are cut into patches, or several frames at a time into tubelets (ViViT, arXiv:2103.15691); how the cells then look at each
other is a choice of :mod:`core.blocks.attention.space_time`. Positions in time are sines of *seconds* from the clip's first frame,
so a film read at 15 and at 30 frames a second has the same positions at the same instants; or a vector learned for each frame, as in
TimeSformer (arXiv:2102.05095), stretched to other counts; or none, which makes a control that cannot tell the order.

Axes: B batch, T frames, C channels, H height, W width; F frames of tubelets, G rows and columns of cells, D width, K tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.attention.core import recording
from core.blocks.attention.options import AttentionKnobs, mlp_ratio
from core.blocks.attention.space_time import STEPS, SpaceTimeStack
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.positions import resized, sines
from core.blocks.values import Frames, Grid, Tokens
from core.graph.ports import port
from core.knobs import knob

SECONDS, BY_FRAME, NONE = "seconds", "learned by frame", "none"
PLACES_PER_SECOND = 25.0  # the finest sine turns by one radian in this part of a second, the slowest in 400 seconds


@blocks.register("encoders.video_transformer")
class VideoTransformer(Block):
    """Cuts a video into patches or tubelets and lets them attend over space and time."""

    title = "Video transformer"
    modality = "video"
    takes = {"video": port("video", "frames with their times")}
    gives = {"tokens": port("tokens", "one token per cell of time, height and width, after CLS", modality="video")}

    @dataclass(frozen=True, kw_only=True)
    class Config(AttentionKnobs):
        """Sizes of the tower, and who looks at whom."""

        pattern: str = knob(
            "divided", "Divided: along time, then over each frame. Joint: all cells at once. Axial: time, height, width in turn. Space: "
            "each frame alone.", choices=tuple(STEPS), title="Space-time attention",
        )  # fmt: skip
        patch_size: int = knob(8, "Side of one patch; must divide the frame's sides.", low=2, high=64, unit="px")
        tubelet: int = knob(
            1, "Frames that one token covers; must divide the clip's frames.", low=1, high=64, unit="frames"
        )
        width: int = knob(192, "Size of one token.", low=8, high=4096)
        depth: int = knob(4, "Layers; 0 only cuts the video into cells.", low=0, high=64, unit="layers")
        heads: int = knob(3, "Attention heads; must divide the width.", low=1, high=64)
        ratio: float = mlp_ratio()
        dropout: float = knob(0.0, "Dropped activations in each layer.", low=0, high=0.9)
        cls: bool = knob(True, "A leading token that stands for the whole video.", title="CLS token")
        times: str = knob(
            SECONDS, "Seconds: sines of when each frame was shown. Learned by frame: a vector for each, whatever the frame rate. "
            "None: order is not seen.", choices=(SECONDS, BY_FRAME, NONE), title="Positions in time",
        )  # fmt: skip
        reach: int | None = knob(
            None, "Frames of tokens that are looked at before and after one's own; automatic is all.", low=0, high=100_000,
            title="Temporal window", unit="frames", advanced=True,
        )  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        frames, channels, height, width = incoming["video"].x_BTCHW.shape[1:]
        self.cells = self._cells(frames, height, width)
        if config.times == SECONDS and config.width % 2:
            raise ValueError(f"The width {config.width} must be even for positions in seconds.")
        self.cut = nn.Linear(channels * config.tubelet * config.patch_size**2, config.width)
        self.place_1GD = nn.Parameter(torch.empty(1, self.cells[1] * self.cells[2], config.width))
        self.time_1FD = nn.Parameter(torch.zeros(1, self.cells[0], config.width)) if config.times == BY_FRAME else None
        self.cls_11D = nn.Parameter(torch.empty(1, 1, config.width)) if config.cls else None
        for table in (self.place_1GD, self.cls_11D):
            if table is not None:
                nn.init.trunc_normal_(table, std=0.02)
        self.stack = SpaceTimeStack(
            config.width, config.depth, config.heads, config.pattern, ratio=config.ratio, dropout=config.dropout,
            reach=config.reach, options=config,
        )  # fmt: skip

    def forward(self, video: Frames) -> dict[str, Any]:
        """Frames [B, T, C, H, W] of any count and size that tubelet and patch divide, to tokens [B, K, D]."""
        x_BFHWD = self.entered(video, video.starts_BT[:, :1])
        whole_B1D = None if self.cls_11D is None else self.cls_11D.expand(len(x_BFHWD), -1, -1).to(x_BFHWD.dtype)
        x_BKD = self.stack(x_BFHWD, whole_B1D)
        grid = Grid(kind="frames", sizes=tuple(x_BFHWD.shape[1:4]), extra=int(self.config.cls))
        spans_BT2 = video.spans(self.config.tubelet)
        return {"tokens": Tokens(x_BND=x_BKD, modality="video", grid=grid, spans_BT2=spans_BT2)}

    def entered(self, video: Frames, begin_B1: Tensor) -> Tensor:
        """Cells before the first layer [B, F, H, W, D], with their places; times are counted from ``begin_B1``, in seconds."""
        cells = self._cells(video.x_BTCHW.shape[1], *video.x_BTCHW.shape[-2:])
        x_BFGD = self.cut(self._cut(video.in_unit_range() * 2 - 1, cells))
        x_BFGD = x_BFGD + self._places(cells) + self._times(video.starts_BT - begin_B1, cells[0]).to(x_BFGD.dtype)
        return x_BFGD.unflatten(2, cells[1:])

    def _cells(self, frames: int, height: int, width: int) -> tuple[int, int, int]:
        """Frames, rows and columns of cells. Raises ValueError where they are no whole numbers."""
        t, p = self.config.tubelet, self.config.patch_size
        if height % p or width % p:
            raise ValueError(f"Patch size {p} does not divide the frames, {height} x {width}.")
        if frames % t:
            raise ValueError(f"Tubelets of {t} frames do not divide a clip of {frames} frames.")
        return frames // t, height // p, width // p

    def _cut(self, x_BTCHW: Tensor, cells: tuple[int, int, int]) -> Tensor:
        """Cells as rows of numbers [B, F, G, ...]: channel, frame, row and column, as a convolution's weights lie."""
        t, p = self.config.tubelet, self.config.patch_size
        apart = x_BTCHW.unflatten(1, (cells[0], t)).unflatten(4, (cells[1], p)).unflatten(6, (cells[2], p))
        return apart.permute(0, 1, 4, 6, 3, 2, 5, 7).flatten(4).flatten(2, 3)

    def _places(self, cells: tuple[int, int, int]) -> Tensor:
        """Where in the frame [1, 1, G, D]."""
        if cells[1:] == self.cells[1:]:
            return self.place_1GD[:, None]
        table = self.place_1GD.transpose(1, 2).unflatten(2, self.cells[1:])
        return resized(table.float(), *cells[1:], mode="bicubic").to(self.place_1GD.dtype)[None, None]

    def _times(self, since_BT: Tensor, count: int) -> Tensor:
        """When in the clip [B or 1, F, 1, D]."""
        if self.time_1FD is not None:
            table_1FD: Tensor = self.time_1FD
            if table_1FD.shape[1] != count:
                table_1FD = F.interpolate(table_1FD.transpose(1, 2), size=count, mode="linear").transpose(1, 2)
            return table_1FD[:, :, None]
        if self.config.times == NONE:
            return self.place_1GD.new_zeros(())
        place_BF1 = since_BT.unflatten(1, (count, -1)).mean(2, keepdim=True) * PLACES_PER_SECOND
        return sines(place_BF1, self.config.width)[:, :, None]

    def attentions(self) -> Mapping[str, nn.Module]:
        """Every step's attention."""
        return self.stack.attentions()

    def watched(self, **incoming: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """A forward that also gives every step's map over all tokens of a film [B, heads, K, K]."""
        with recording(dict(self.attentions())) as maps:
            given = self(**incoming)
        tokens: Tokens = given["tokens"]
        assert tokens.grid is not None
        sizes = (len(tokens.x_BND), *tokens.grid.sizes)
        return given, {
            name: self.stack.over_all(name, rows[-1], sizes, tokens.grid.extra) for name, rows in maps.items() if rows
        }

    def detail(self) -> str:
        """Width, depth, patch and pattern."""
        c = self.config
        return f"w{c.width} d{c.depth} p{c.patch_size}" + (f"x{c.tubelet}" if c.tubelet > 1 else "") + f" · {c.pattern}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short films, the second at half the rate."""
        return {"video": example_frames(4, 16)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Four frames of four patches."""
        return {"width": 24, "depth": 2, "heads": 3}


def example_frames(count: int, side: int) -> Frames:
    """Two films of ``count`` frames, the second at half the rate of the first, ten a second."""
    starts_BT = torch.arange(count, dtype=torch.float64) * torch.tensor([[0.1], [0.2]])
    durations_BT = torch.full_like(starts_BT, 0.1)
    return Frames(x_BTCHW=torch.rand(2, count, 3, side, side), starts_BT=starts_BT, durations_BT=durations_BT)
