"""Convolutions over time with all bands of a frame as channels, as in x-vectors' first layers (Snyder et al. 2018): a token a frame.

What has few bands that are no neighbours of each other, such as chroma or a pitch with its loudness, has nothing to share along them. No
frame is skipped, so times stay as fine as the hop; a residual layer sees ``kernel`` frames more. What lies behind a clip's end is zero
before every convolution. Axes: B batch, F bands, T frames, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.encoders.spectrogram_cells import example_spectrogram
from core.blocks.values import Grid, Spectrogram, Tokens
from core.graph.ports import port
from core.knobs import knob


@blocks.register("encoders.frame_cnn")
class FrameCNN(Block):
    """Residual convolutions over time; gives a token of every frame."""

    title = "Frame convolutions"
    modality = "audio"
    takes = {"spectrogram": port("spectrogram", "bands over time, of any kind")}
    gives = {"tokens": port("tokens", "one token per frame, in time", axes="B T D", modality="audio")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Sizes."""

        width: int = knob(64, "Size of one token.", low=2, high=4096, unit="channels")
        depth: int = knob(2, "Residual layers behind the first convolution.", low=0, high=16, unit="layers")
        kernel: int = knob(5, "Frames that a convolution sees; odd.", low=1, high=63, unit="frames", title="Kernel")
        dropout: float = knob(0.0, "Share of a layer's numbers dropped in training.", low=0, high=0.9)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        if config.kernel % 2 == 0:
            raise ValueError(f"The kernel {config.kernel} must be odd, so that a frame lies in its middle.")
        bands = incoming["spectrogram"].x_BFT.shape[1]
        widths = [bands] + [config.width] * (config.depth + 1)
        self.layers = nn.ModuleList(
            nn.Conv1d(into, out, config.kernel, padding=config.kernel // 2) for into, out in pairwise(widths)
        )
        self.norm = nn.LayerNorm(config.width)

    def forward(self, spectrogram: Spectrogram) -> dict[str, Any]:
        """[B, F, T] to tokens [B, T, D]; frames behind the real part are masked."""
        x_BFT = spectrogram.x_BFT
        real_BT = torch.arange(x_BFT.shape[2], device=x_BFT.device) < spectrogram.frames_B[:, None]
        x_BDT = self._layer(0, x_BFT, real_BT)
        for place in range(1, len(self.layers)):
            x_BDT = x_BDT + self._layer(place, x_BDT, real_BT)
        grid = Grid(kind="times", sizes=(x_BFT.shape[2],), step=spectrogram.hop / spectrogram.hertz)
        x_BTD = self.norm(x_BDT.transpose(1, 2))
        return {"tokens": Tokens(x_BND=x_BTD, mask_BN=real_BT, modality="audio", grid=grid)}

    def _layer(self, place: int, x_BDT: Tensor, real_BT: Tensor) -> Tensor:
        """A convolution that hears nothing behind the end."""
        kept_BDT = torch.where(real_BT[:, None], x_BDT, 0.0)
        return F.dropout(F.gelu(self.layers[place](kept_BDT)), self.config.dropout, self.training)

    def detail(self) -> str:
        """Width, layers and kernel."""
        return f"w{self.config.width} d{self.config.depth} k{self.config.kernel}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short sounds, the second half as long."""
        return {"spectrogram": example_spectrogram()}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """One narrow layer."""
        return {"width": 8, "depth": 1}
