"""Speech activity by Silero's network (silero-vad 6, MIT): how likely each 32 ms of a sound at 16 kHz are speech.

Nothing of the package but its safetensors file is read; the network is written anew here (with the weights of the package's TorchScript
file, which is of another training than that one, it gives what that file gives). It hears 512 samples and the 64 before
them: a learned Fourier transform, four convolutions over time, and an LSTM cell that remembers the clip so far.
Axes: S samples, N windows, W samples of a window, Q frequencies, T frames in a window, H 128.
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from core.pretrained import packaged

HERTZ, WINDOW, CONTEXT, REFLECTED = 16_000, 512, 64, 64
DIGEST = "c59271c284ae9c8335d795d60e0bfdb71aaaceec578d9bd9ffc1b8153c319ea1"


class SpeechNet(nn.Module):
    """The network, its tensors named as in the file."""

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 258, 256, 128, bias=False)
        self.conv1 = nn.Conv1d(129, 128, 3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, 3, 2, 1)
        self.conv3 = nn.Conv1d(64, 64, 3, 2, 1)
        self.conv4 = nn.Conv1d(64, 128, 3, padding=1)
        self.lstm_cell = nn.LSTMCell(128, 128)
        self.final_conv = nn.Conv1d(128, 1, 1)

    def forward(self, samples_S: Tensor) -> Tensor:
        """One sound [S] to probabilities of speech [N]; its last window is filled with silence."""
        padded_S = F.pad(samples_S, (CONTEXT, -len(samples_S) % WINDOW))
        heard_NW = padded_S.unfold(0, CONTEXT + WINDOW, WINDOW)
        x_NQT = self.stft_conv(F.pad(heard_NW[:, None], (0, REFLECTED), mode="reflect"))
        x_NQT = (x_NQT[:, :129].square() + x_NQT[:, 129:].square()).sqrt()
        for convolution in (self.conv1, self.conv2, self.conv3, self.conv4):
            x_NQT = F.relu(convolution(x_NQT))
        state: tuple[Tensor, Tensor] | None = None
        hidden = []
        for x_1H in x_NQT.mean(-1).split(1):
            state = self.lstm_cell(x_1H, state)
            hidden.append(F.relu(state[0]))
        probability_N: Tensor = self.final_conv(torch.cat(hidden)[..., None]).sigmoid()[:, 0, 0]
        return probability_N


@functools.cache
def speech_net() -> SpeechNet:
    """The network with the package's weights. Raises Refused where they are not installed."""
    file = packaged(
        "silero_vad", "data/silero_vad_16k.safetensors", DIGEST, install="pip install --no-deps silero-vad==6.2.3"
    )
    net = SpeechNet()
    net.load_state_dict(load_file(file))
    return net.eval().requires_grad_(False)


@torch.no_grad()
def speech_probability(samples_S: Tensor) -> Tensor:
    """How likely each 512 samples of a sound at 16 kHz are speech [N]. Raises Refused where the weights are not installed."""
    found_N: Tensor = speech_net()(samples_S)
    return found_N
