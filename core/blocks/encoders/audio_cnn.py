"""A small residual network over log-mel spectrograms (after PANNs, arXiv:1912.10211): sound trains from scratch on a CPU.

Group norm keeps samples apart. The bands of each frame are kept as cells, so an attention map finds its way back onto the
spectrogram. Axes: B batch, F mel bands, T frames, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.encoders.resnet import Residual
from core.blocks.values import Grid, Tokens
from core.graph.ports import port
from core.knobs import knob


@blocks.register("encoders.audio_cnn")
class AudioCNN(Block):
    """Residual convolutions over a spectrogram; gives cells of frequency and time as tokens."""

    title = "Audio CNN"
    modality = "audio"
    takes = {
        "spectrogram": port("spectrogram", "log-mel bands over time"),
        "share": port("number", "valid fraction of the frames, from the start; all without it", optional=True),
    }
    gives = {"tokens": port("tokens", "one token per cell of frequency and time", modality="audio")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Sizes of the tower."""

        width: int = knob(16, "Channels of the first stage; each stage doubles them.", low=4, high=512, unit="channels")
        stages: int = knob(4, "Stages; each halves bands and frames.", low=1, high=6)
        depth: int = knob(1, "Residual units per stage.", low=1, high=8, unit="units")

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

    def forward(self, spectrogram: Tensor, share: Tensor | None = None) -> dict[str, Any]:
        """[B, F, T] to tokens [B, F' T', D]; cells behind the real part are masked."""
        x_BDFT = self.body(spectrogram[:, None])
        bands, frames = x_BDFT.shape[2:]
        mask_BN = None
        if share is not None:
            real_B1 = (share.float() * frames).ceil()[:, None]
            mask_BT = torch.arange(frames, device=x_BDFT.device) < real_B1
            mask_BN = mask_BT.repeat(1, bands)  # cells lie band by band
        x_BND = x_BDFT.flatten(2).transpose(1, 2)
        grid = Grid(kind="bins", sizes=(bands, frames))
        return {"tokens": Tokens(x_BND=x_BND, mask_BN=mask_BN, modality="audio", grid=grid)}

    def detail(self) -> str:
        """First width, stages and units."""
        return f"w{self.config.width} s{self.config.stages} d{self.config.depth}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short sounds, the second half as long."""
        return {"spectrogram": torch.randn(2, 16, 21), "share": torch.tensor([1.0, 0.5])}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Two narrow stages."""
        return {"width": 8, "stages": 2}
