"""A convolution over frames and what is around each place."""

from __future__ import annotations

from torch import nn


class FilmConvolution(nn.Conv3d):
    """[B, D, T, H, W] to as long, high and wide again but for its strides; odd kernels, no bias."""

    def __init__(
        self, channels: int, out: int, kernel: tuple[int, int, int], stride: tuple[int, int, int] = (1, 1, 1)
    ) -> None:
        around = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        super().__init__(channels, out, kernel, stride, around, bias=False)
