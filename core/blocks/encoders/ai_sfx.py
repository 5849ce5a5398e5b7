"""AiSFX: a convolutional tower that has heard seven sound effect libraries (Adeshola and Schmidt, ISMIR 2022), from the package ``aisfx``
(optional: ``pip install --no-deps aisfx``; its weights are CC BY 4.0).

Its spectrogram is the package's: 96 HTK mel bands of 44.1 kHz, each of unit sum, log10(1 + 10,000 power), of a clip whose loudest
sample is 1. A token is what two seconds say: the mean over bands, the largest over time. Meant to be frozen: its batch norm then uses its
own statistics. Axes: B batch, S samples, F bands, T frames, N blocks of 100 frames, D 512.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.values import Grid, Tokens, Waveform
from core.data.features.mel import filters
from core.graph.ports import port
from core.knobs import knob
from core.pretrained import packaged
from core.problems import Problem, Refused, refuse

HERTZ, N_FFT, HOP, BANDS = 44_100, 2048, 1024, 96
BLOCK, STEP = 100, 50  # frames of a token, and from one to the next
LARGEST = 9.457798957824707  # of the package's training spectrograms
CHANNELS = (1, 64, 128, 256, 512)
DIGEST = "499ea75909c932a2f94c35fa722fa4fabc5bcb7e84917209cc5f7402627b7eb5"


@blocks.register("encoders.ai_sfx")
class AiSFX(Block):
    """A tower that has heard sound effects: one token every second, each of two."""

    title = "AiSFX"
    modality = "audio"
    takes = {"waveform": port("waveform", "audio at 44.1 kHz")}
    gives = {"tokens": port("tokens", "one token a second, of two seconds each", modality="audio")}
    mel_QF: Tensor
    window_W: Tensor

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Whose weights."""

        weights: bool = knob(
            True, "Load the package's weights; without them it starts from random ones.", title="AiSFX weights"
        )

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        hertz = incoming["waveform"].hertz
        if hertz != HERTZ:
            raise refuse(
                f"AiSFX hears {HERTZ:,} Hz; the audio has {hertz:,}.", hint=f"Set Sample rate to {HERTZ:,} Hz."
            )
        for number, (narrow, wide) in enumerate(itertools.pairwise(CHANNELS), start=1):
            self.add_module(f"conv_block{number}", _Two(narrow, wide))
        with torch.device("cpu"):
            mel_QF = filters(N_FFT, BANDS, HERTZ, 0.0, HERTZ / 2, "HTK")
        self.register_buffer("mel_QF", mel_QF / mel_QF.sum(0), persistent=False)
        self.register_buffer("window_W", torch.hann_window(N_FFT), persistent=False)
        if config.weights and torch.empty(0).device.type != "meta":
            self.load_state_dict(_weights())

    def forward(self, waveform: Waveform) -> dict[str, Any]:
        """``waveform`` [B, S] to tokens [B, N, D]; blocks that begin behind a clip's end are masked."""
        mel_BTF = self.spectrogram(waveform)
        x_BNFT = mel_BTF.unfold(1, BLOCK, STEP)
        x_BND = self.embedded(x_BNFT.flatten(0, 1).transpose(1, 2)).unflatten(0, x_BNFT.shape[:2])
        frames_B1 = (waveform.lengths_B // HOP + 1)[:, None]
        place_N = torch.arange(x_BND.shape[1], device=x_BND.device) * STEP
        whole_BN = (place_N + BLOCK <= frames_B1) | (place_N == 0)
        grid = Grid(kind="times", sizes=(x_BND.shape[1],), first=(BLOCK - 1) / 2 * HOP / HERTZ, step=STEP * HOP / HERTZ)
        mask_BN = whole_BN & (waveform.lengths_B > 0)[:, None]
        return {"tokens": Tokens(x_BND=x_BND, mask_BN=mask_BN, modality="audio", grid=grid)}

    def spectrogram(self, waveform: Waveform) -> Tensor:
        """What the network sees [B, T, F], at least one block long; silence where a clip is not."""
        own_BS = (
            torch.arange(waveform.samples_BS.shape[1], device=waveform.lengths_B.device) < waveform.lengths_B[:, None]
        )
        samples_BS = torch.where(own_BS, waveform.samples_BS, 0.0)
        loudest_B1 = samples_BS.abs().amax(1, keepdim=True)
        samples_BS = samples_BS / torch.where(loudest_B1 > 0, loudest_B1, 1.0)
        frames_BWT = F.pad(samples_BS, (N_FFT // 2, N_FFT // 2)).unfold(1, N_FFT, HOP)
        power_BTQ = torch.fft.rfft(frames_BWT * self.window_W).abs().square()
        mel_BTF = (1 + 10_000 * (power_BTQ @ self.mel_QF)).log10() / LARGEST
        return F.pad(mel_BTF, (0, 0, 0, max(0, BLOCK - mel_BTF.shape[1])))

    def embedded(self, x_NTF: Tensor) -> Tensor:
        """Spectrograms [N, T, F] to vectors [N, D]."""
        x_NCTF = x_NTF[:, None]
        for number in range(1, len(CHANNELS)):
            x_NCTF = self.get_submodule(f"conv_block{number}")(x_NCTF)
            if number < len(CHANNELS) - 1:
                x_NCTF = F.max_pool2d(x_NCTF, 2)
        return x_NCTF.mean(3).amax(2)

    def detail(self) -> str:
        """Weights."""
        return "sound effects" if self.config.weights else "random weights"

    @classmethod
    def untrained(cls, config: Config) -> str:
        """Where they were switched off."""
        return "" if config.weights else "Switch AiSFX weights on."

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two clips of three seconds, the second half as long."""
        samples = torch.randn(2, 3 * HERTZ)
        return {"waveform": Waveform(samples_BS=samples, lengths_B=torch.tensor([3 * HERTZ, HERTZ]), hertz=HERTZ)}

    @classmethod
    def missing(cls, config: Config) -> Problem | None:
        """The package with the weights."""
        try:
            if config.weights:
                _file()
        except Refused as refused:
            return refused.problems[0]
        return None

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Random weights."""
        return {"weights": False}


class _Two(nn.Module):
    """Two convolutions with their batch norms."""

    def __init__(self, narrow: int, wide: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(narrow, wide, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(wide, wide, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(wide), nn.BatchNorm2d(wide)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, T, F] to as many of other channels."""
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


def _file() -> Path:
    """The package's checkpoint. Raises Refused where it is not installed."""
    return packaged("aisfx", "models/checkpoint.pth", DIGEST, install="pip install --no-deps aisfx")


def _weights() -> dict[str, Tensor]:
    """The tower's part of the package's checkpoint, whose other part are numbers of classes. Raises Refused."""
    plain = [np.dtype, type(np.dtype("int64")), (np.int64(0).__reduce__()[0], "numpy.core.multiarray.scalar")]
    with torch.serialization.safe_globals(plain):  # type: ignore[arg-type]
        kept, _ = torch.load(_file(), map_location="cpu", weights_only=True)
    own = "embedding_net."
    return {name.removeprefix(own): value for name, value in kept.items() if name.startswith(own)}
