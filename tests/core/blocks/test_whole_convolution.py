"""The convolution over frames and their surroundings in bfloat16: with few frames, too, its weights learn what they would in float32."""

from __future__ import annotations

import pytest
import torch

from core.blocks.encoders.film_convolution import FilmConvolution


@pytest.mark.parametrize("frames", [1, 2, 3, 8])
@pytest.mark.parametrize("stride", [1, 2])
def test_weights_in_bfloat16_get_the_gradient_of_float32(frames: int, stride: int) -> None:
    torch.manual_seed(0)
    layer, x_BDTHW = FilmConvolution(16, 16, (3, 3, 3), (1, stride, stride)), torch.randn(2, 16, frames, 8, 8)
    gradients = []
    for enabled in (False, True):
        layer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            made_BDTHW = layer(x_BDTHW)
        made_BDTHW.float().pow(2).mean().backward()
        gradients.append(layer.weight.grad.clone())
    plain, half = gradients
    assert (plain - half).abs().max() < 0.02 * plain.abs().max()
