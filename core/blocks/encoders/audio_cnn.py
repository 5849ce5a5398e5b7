"""A small residual network over log-mel spectrograms (after PANNs, arXiv:1912.10211): sound trains from scratch on a CPU.

Group norm keeps samples apart, and counts a sample's real frames alone: what lies behind them is zero before every convolution,
as if the sound ended there, through every stride. The bands of each frame are kept as cells, so an attention map finds its way back onto the
spectrogram. While a unit's convolutions begin at zero, its shortcut alone, a stride without a filter, hears one frame and
one band of 2^stages: gradient reaches nothing between them. Axes: B batch, F mel bands, T frames, N tokens, D width.
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
from core.blocks.values import Grid, Spectrogram, Tokens
from core.graph.ports import port
from core.knobs import knob


def _kept(x_BDFT: Tensor, frames_B: Tensor) -> Tensor:
    """Zeros behind each sample's frames, where no gradient goes."""
    place_T = torch.arange(x_BDFT.shape[3], device=frames_B.device)
    return torch.where((place_T < frames_B[:, None])[:, None, None], x_BDFT, 0.0)


def _normed(norm: nn.GroupNorm, x_BDFT: Tensor, frames_B: Tensor) -> Tensor:
    """Group norm over real frames. ``x`` is zero behind them; a sample without padding is normed by the norm itself, bit for bit."""
    width, bands, length = x_BDFT.shape[1:]
    x_BGET = x_BDFT.unflatten(1, (norm.num_groups, -1)).flatten(2, 3)  # E: an entry, a channel of the group in a band
    count_B111 = (frames_B * (width // norm.num_groups * bands)).clamp_min(1)[:, None, None, None]
    mean_BG11 = x_BGET.sum((2, 3), keepdim=True) / count_B111
    apart_BGET = _kept(x_BGET - mean_BG11, frames_B)
    spread_BG11 = apart_BGET.square().sum((2, 3), keepdim=True) / count_B111
    by_real_BDFT = (apart_BGET * torch.rsqrt(spread_BG11 + norm.eps)).unflatten(2, (-1, bands)).flatten(1, 2)
    by_real_BDFT = by_real_BDFT * norm.weight[:, None, None] + norm.bias[:, None, None]
    is_whole_B111 = (frames_B >= length)[:, None, None, None]
    return torch.where(is_whole_B111, norm(x_BDFT), by_real_BDFT)


def _through(unit: Residual, x_BDFT: Tensor, frames_B: Tensor) -> tuple[Tensor, Tensor]:
    """What :class:`Residual` gives of real frames alone, and how many there are behind its stride."""
    first, first_norm, _, second, second_norm = unit.body
    stride: int = first.stride[1]  # type: ignore[union-attr, index, assignment]
    behind_B = (frames_B + stride - 1) // stride
    y_BDFT = _kept(first(x_BDFT), behind_B)
    y_BDFT = _kept(torch.relu(_normed(first_norm, y_BDFT, behind_B)), behind_B)  # type: ignore[arg-type]
    y_BDFT = _normed(second_norm, _kept(second(y_BDFT), behind_B), behind_B)  # type: ignore[arg-type]
    return _kept(torch.relu(unit.shortcut(x_BDFT) + y_BDFT), behind_B), behind_B


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
        mask_inside: bool = knob(
            True, "Nor do the tower's own convolutions and norms, where padding is masked; off, as in version 1: they do.",
            advanced=True,
        )  # fmt: skip
        quiet_start: bool = knob(
            True, "Units with a stride begin as their shortcut alone, which skips frames and bands; off: with their convolutions.",
            advanced=True, placed=False,
        )  # fmt: skip

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        layers: list[nn.Module] = []
        now = 1
        for stage in range(config.stages):
            out = config.width * 2**stage
            for unit in range(config.depth):
                stride = 2 if unit == 0 else 1
                layers.append(Residual(now, out, stride, 8 if out % 8 == 0 else 1, stride == 1 or config.quiet_start))
                now = out
        self.body = nn.Sequential(*layers)

    def forward(self, spectrogram: Spectrogram) -> dict[str, Any]:
        """[B, F, T] to tokens [B, F' T', D]; cells behind the real part are masked."""
        x_BDFT = self._inside(spectrogram)
        bands, frames = x_BDFT.shape[2:]
        mask_BN = None
        if self.config.mask_padding:
            mask_BN = spectrogram.real_parts(frames).repeat(1, bands)  # cells lie band by band
        x_BND = x_BDFT.flatten(2).transpose(1, 2)
        hop = spectrogram.hop * 2**self.config.stages  # every stage begins on a frame and takes each second one
        grid = Grid(kind="bins", sizes=(bands, frames), step=hop / spectrogram.hertz)
        return {"tokens": Tokens(x_BND=x_BND, mask_BN=mask_BN, modality="audio", grid=grid)}

    def _inside(self, spectrogram: Spectrogram) -> Tensor:
        """What the residual units make of it, of real frames alone where padding is masked."""
        x_BDFT = spectrogram.x_BFT[:, None]
        if not (self.config.mask_padding and self.config.mask_inside):
            return self.body(x_BDFT)  # type: ignore[no-any-return]
        frames_B = spectrogram.frames_B
        x_BDFT = _kept(x_BDFT, frames_B)
        for unit in self.body:
            x_BDFT, frames_B = _through(unit, x_BDFT, frames_B)  # type: ignore[arg-type]
        return x_BDFT

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
