"""A convolution over frames and what is around each place, whose weights learn in bfloat16, too. Axes: B batch, D channels, T, H, W."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FilmConvolution(nn.Conv3d):
    """One without a bias and with odd kernels, as long, high and wide again as what came in but for its strides."""

    def __init__(
        self, channels: int, out: int, kernel: tuple[int, int, int], stride: tuple[int, int, int] = (1, 1, 1)
    ) -> None:
        self.around = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        super().__init__(channels, out, kernel, stride, self.around, bias=False)

    def forward(self, x_BDTHW: Tensor) -> Tensor:
        """[B, D, T, H, W], each side divided by its stride."""
        deep, down, across = self.around
        if not deep or x_BDTHW.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return super().forward(x_BDTHW)
        # Torch 2.13's gradient of the weights in bfloat16 is wrong on CPUs where every output reaches into padding of its depth.
        padded_BDTHW = F.pad(x_BDTHW, (0, 0, 0, 0, deep, deep))
        return F.conv3d(padded_BDTHW, self.weight, None, self.stride, (0, down, across))
