"""A spectrogram cut into cells of bands and frames, and which of them lie within each clip.

Axes: B batch, F bands of cells, T times of cells, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.blocks.values import Grid, Spectrogram


class Cells(nn.Module):
    """Square patches of bands and frames, neighbours may overlap (AST, arXiv:2104.01778); a cell is real where all of it is."""

    def __init__(self, width: int, patch: int, stride: int, spectrogram: Spectrogram) -> None:
        super().__init__()
        bands, frames = spectrogram.x_BFT.shape[1:]
        if min(bands, frames) < patch:
            raise ValueError(f"A patch of {patch} does not fit into {bands} bands and {frames} frames.")
        self.cut = nn.Conv2d(1, width, patch, stride)
        self.patch, self.stride = patch, stride
        self.sizes = ((bands - patch) // stride + 1, (frames - patch) // stride + 1)

    def forward(self, spectrogram: Spectrogram) -> tuple[Tensor, Tensor]:
        """Cells [B, F, T, D], and which times of them are real [B, T]."""
        x_BFT, frames_B = spectrogram.x_BFT, spectrogram.frames_B
        inside_BT = torch.arange(x_BFT.shape[2], device=x_BFT.device) < frames_B[:, None]
        x_BDFT = self.cut(torch.where(inside_BT[:, None], x_BFT, 0.0)[:, None])
        count_B = (frames_B - self.patch) // self.stride + 1
        real_BT = torch.arange(x_BDFT.shape[3], device=x_BFT.device) < count_B[:, None]
        return x_BDFT.permute(0, 2, 3, 1), real_BT

    def grid(self, cells_BFTD: Tensor, spectrogram: Spectrogram, extra: int = 0) -> Grid:
        """Where the cells lie; a time is the middle of its frames."""
        hop = spectrogram.hop / spectrogram.hertz
        bands, times = cells_BFTD.shape[1:3]
        return Grid(
            kind="bins", sizes=(bands, times), extra=extra, first=(self.patch - 1) / 2 * hop, step=self.stride * hop
        )


def example_spectrogram() -> Spectrogram:
    """Two short sounds, the second half as long."""
    return Spectrogram(
        x_BFT=torch.randn(2, 16, 21), lengths_B=torch.tensor([160, 80]), samples=160, hertz=16_000, hop=8, window=16
    )
