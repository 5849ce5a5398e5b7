"""A small residual network over log-mel spectrograms (after PANNs, arXiv:1912.10211): sound trains from scratch on a CPU.

Group norm keeps samples apart. The bands of each frame are kept as cells, so an attention map finds its way back onto the
spectrogram. Axes: B batch, F mel bands, T frames, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.encoders.resnet import Residual
from core.blocks.values import Grid, Spectrogram, Tokens
from core.graph.ports import port
from core.knobs import knob


@blocks.register("encoders.audio_cnn")
class AudioCNN(Block):
    """Residual convolutions over a spectrogram; gives cells of frequency and time as tokens."""

    title = "Audio CNN"
    modality = "audio"
    takes = {"spectrogram": port("spectrogram", "log-mel bands over time")}
    gives = {"tokens": port("tokens", "one token per cell of frequency and time", modality="audio")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Sizes of the tower."""

        width: int = knob(16, "Channels of the first stage; each stage doubles them.", low=4, high=512, unit="channels")
        stages: int = knob(4, "Stages; each halves bands and frames.", low=1, high=6)
        depth: int = knob(1, "Residual units per stage.", low=1, high=8, unit="units")
        mask_padding: bool = knob(
            True, "Nothing behind looks at what comes after the end of the audio; off: all of it counts.", advanced=True
        )

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        layers: list[nn.Module] = []
        now = 1
        for stage in range(config.stages):
            out = config.width * 2**stage
            for unit in range(config.depth):
                layers.append(Residual(now, out, 2 if unit == 0 else 1, 8 if out % 8 == 0 else 1))
                now = out
        self.body = nn.Sequential(*layers)

    def forward(self, spectrogram: Spectrogram) -> dict[str, Any]:
        """[B, F, T] to tokens [B, F' T', D]; cells behind the real part are masked."""
        x_BDFT = self.body(spectrogram.x_BFT[:, None])
        bands, frames = x_BDFT.shape[2:]
        mask_BN = None
        if self.config.mask_padding:
            mask_BN = spectrogram.real_parts(frames).repeat(1, bands)  # cells lie band by band
        x_BND = x_BDFT.flatten(2).transpose(1, 2)
        grid = Grid(kind="bins", sizes=(bands, frames))
        return {"tokens": Tokens(x_BND=x_BND, mask_BN=mask_BN, modality="audio", grid=grid)}

    def detail(self) -> str:
        """First width, stages and units."""
        return f"w{self.config.width} s{self.config.stages} d{self.config.depth}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short sounds, the second half as long."""
        lengths_B = torch.tensor([160, 80])
        return {
            "spectrogram": Spectrogram(
                x_BFT=torch.randn(2, 16, 21), lengths_B=lengths_B, samples=160, hertz=16_000, hop=8, window=16
            )
        }

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Two narrow stages."""
        return {"width": 8, "stages": 2}
