"""Convolutions over frames: how far they see, that no frame is lost, and that what lies behind a clip's end is not heard."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from core.blocks.encoders.frame_cnn import FrameCNN
from core.blocks.encoders.spectrogram_cells import example_spectrogram
from core.blocks.values import Tokens


def tokens_of(block: FrameCNN, x_BFT: torch.Tensor) -> Tokens:
    found: Tokens = block(replace(example_spectrogram(), x_BFT=x_BFT))["tokens"]
    return found


def test_a_frame_sees_as_far_as_its_layers_add_up_and_no_farther() -> None:
    torch.manual_seed(0)
    given = example_spectrogram()
    block = FrameCNN(FrameCNN.Config(width=8, depth=2, kernel=3), {"spectrogram": given}).eval()
    x_BFT = given.x_BFT.clone().requires_grad_()
    tokens_of(block, x_BFT).x_BND[0, 10].square().sum().backward()
    assert x_BFT.grad is not None
    seen = x_BFT.grad[0].abs().sum(0).nonzero()[:, 0].tolist()
    assert seen == list(range(7, 14))  # three convolutions of three frames: three to either side


def test_every_frame_has_its_time_and_silence_behind_the_end_is_not_heard() -> None:
    given = example_spectrogram()
    block = FrameCNN(FrameCNN.Config(width=8), {"spectrogram": given}).eval()
    first = tokens_of(block, given.x_BFT)
    assert first.grid is not None
    assert first.grid.sizes == (21,)
    assert first.grid.step == given.hop / given.hertz
    real = int(given.frames_B[1])
    changed = given.x_BFT.clone()
    changed[1, :, real:] = 99.0
    assert torch.equal(first.x_BND[1, :real], tokens_of(block, changed).x_BND[1, :real])
    assert first.mask_BN is not None
    assert first.mask_BN[1].sum() == real


def test_an_even_kernel_has_no_middle() -> None:
    with pytest.raises(ValueError, match="kernel 4 must be odd"):
        FrameCNN(FrameCNN.Config(kernel=4), {"spectrogram": example_spectrogram()})
