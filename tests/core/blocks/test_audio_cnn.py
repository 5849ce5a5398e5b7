"""An audio CNN as it begins."""

from __future__ import annotations

import pytest
import torch

from core.blocks.encoders.audio_cnn import AudioCNN
from core.blocks.values import Spectrogram


@pytest.mark.parametrize("depth", [1, 2])
def test_before_any_step_every_cell_of_the_spectrogram_is_heard(depth: int) -> None:
    torch.manual_seed(0)
    x_BFT = torch.randn(1, 32, 48, requires_grad=True)
    lengths_B = torch.tensor([47 * 8])
    given = {
        "spectrogram": Spectrogram(x_BFT=x_BFT, lengths_B=lengths_B, samples=47 * 8, hertz=16_000, hop=8, window=16)
    }
    tower = AudioCNN(AudioCNN.Config(width=8, stages=3, depth=depth, quiet_start=False), given)
    tokens_BND = tower(**given)["tokens"].x_BND
    (slope_BFT,) = torch.autograd.grad(tokens_BND.square().sum(), x_BFT)
    assert (slope_BFT != 0).all()
    assert tokens_BND.std() > 0.1  # an input of deviation 1 does not fade on its way
