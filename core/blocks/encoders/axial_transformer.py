"""Attention along time and along frequency in turn: axial attention over a spectrogram (arXiv:1912.12180; in music, SpecTNT, arXiv:2110.09127).

Each layer first lets a band's cells look along their time, in rows B x F, then a time's cells along the bands, in rows B x T, each with
a residual; neither axis is averaged away. A clip of any length fits. Axes: B batch, F bands and T times of cells, H heads, N = F x T
tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.attention.core import Attention, recording
from core.blocks.attention.options import AttentionKnobs, mlp_ratio
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.encoders.spectrogram_cells import Cells, example_spectrogram
from core.blocks.positions import sines
from core.blocks.values import Spectrogram, Tokens
from core.graph.ports import port
from core.knobs import knob

MOST_MAPPED = 1024  # tokens: beyond it a map of all pairs is too large to keep


class AxialLayer(nn.Module):
    """Along time, along frequency, and a feed-forward, each after a norm and around a residual."""

    def __init__(self, width: int, heads: int, *, ratio: float, dropout: float, options: AttentionKnobs) -> None:
        super().__init__()
        self.norm_time, self.norm_band, self.norm = (nn.LayerNorm(width) for _ in range(3))
        self.time, self.band = (Attention(width, heads, options=options) for _ in range(2))
        self.mlp = nn.Sequential(nn.Linear(width, int(width * ratio)), nn.GELU(), nn.Linear(int(width * ratio), width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BFTD: Tensor, real_BT: Tensor) -> Tensor:
        """``real_BT``: True where a time is within the clip."""
        x_BFTD = x_BFTD + self.dropout(self.along_time(x_BFTD, real_BT))
        x_BFTD = x_BFTD + self.dropout(self.along_bands(x_BFTD))
        return x_BFTD + self.dropout(self.mlp(self.norm(x_BFTD)))

    def along_time(self, x_BFTD: Tensor, real_BT: Tensor) -> Tensor:
        """Every band's row for itself: what another band holds does not count."""
        bands = x_BFTD.shape[1]
        mixed_RTD = self.time(self.norm_time(x_BFTD.flatten(0, 1)), mask_BM=real_BT.repeat_interleave(bands, 0))
        return mixed_RTD.unflatten(0, (-1, bands))  # type: ignore[no-any-return]

    def along_bands(self, x_BFTD: Tensor) -> Tensor:
        """Every time's column for itself."""
        x_BTFD = x_BFTD.transpose(1, 2)
        mixed_RFD = self.band(self.norm_band(x_BTFD.flatten(0, 1)))
        return mixed_RFD.unflatten(0, (-1, x_BTFD.shape[1])).transpose(1, 2)  # type: ignore[no-any-return]


@blocks.register("encoders.axial_transformer")
class AxialTransformer(Block):
    """Lets cells of a spectrogram attend along time, then along frequency."""

    title = "Axial transformer"
    modality = "audio"
    takes = {"spectrogram": port("spectrogram", "mel bands over time")}
    gives = {"tokens": port("tokens", "one token per cell of frequency and time", modality="audio")}

    @dataclass(frozen=True, kw_only=True)
    class Config(AttentionKnobs):
        """Sizes of the tower."""

        patch: int = knob(8, "Bands and frames of one patch.", low=1, high=64, unit="bands", title="Patch size")
        width: int = knob(96, "Size of one token; even.", low=8, high=4096)
        depth: int = knob(3, "Layers; each looks along time and along frequency.", low=1, high=64, unit="layers")
        heads: int = knob(3, "Attention heads; must divide the width.", low=1, high=64)
        ratio: float = mlp_ratio()
        dropout: float = knob(0.0, "Dropped activations in each layer.", low=0, high=0.9)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        if config.width % 2:
            raise ValueError(f"The width {config.width} must be even: times are told by sines and cosines.")
        self.cells = Cells(config.width, config.patch, config.patch, incoming["spectrogram"])
        self.band_F1D = nn.Parameter(torch.empty(self.cells.sizes[0], 1, config.width))
        nn.init.trunc_normal_(self.band_F1D, std=0.02)
        self.layers = nn.ModuleList(
            AxialLayer(config.width, config.heads, ratio=config.ratio, dropout=config.dropout, options=config)
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width)

    def forward(self, spectrogram: Spectrogram) -> dict[str, Any]:
        """[B, bands, frames] to tokens [B, F x T, D], band by band."""
        cells_BFTD, real_BT = self.cells(spectrogram)
        bands, times, width = cells_BFTD.shape[1:]
        place_T1 = torch.arange(times, device=cells_BFTD.device)[:, None]
        x_BFTD = cells_BFTD + self.band_F1D + sines(place_T1, width).to(cells_BFTD.dtype)
        for layer in self.layers:
            x_BFTD = layer(x_BFTD, real_BT)
        grid = self.cells.grid(cells_BFTD, spectrogram)
        tokens = Tokens(
            x_BND=self.norm(x_BFTD).flatten(1, 2), mask_BN=real_BT.repeat(1, bands), modality="audio", grid=grid
        )
        return {"tokens": tokens}

    def watched(self, **incoming: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Maps of all tokens, two a layer: along time only cells of the same band are looked at, along frequency those of the same time."""
        looks = [look for layer in self.layers for look in (layer.time, layer.band)]
        modules: dict[str, nn.Module] = {str(number): look for number, look in enumerate(looks)}  # type: ignore[misc]
        with recording(modules) as maps:
            given = self(**incoming)
        bands, times = given["tokens"].grid.sizes
        if bands * times > MOST_MAPPED:
            return given, {}
        found = {name: rows[-1] for name, rows in maps.items()}
        return given, {
            name: along_bands(rows, times) if int(name) % 2 else along_time(rows, bands) for name, rows in found.items()
        }

    def detail(self) -> str:
        """Width, depth, patch."""
        c = self.config
        return f"w{c.width} d{c.depth} p{c.patch}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short sounds, the second half as long."""
        return {"spectrogram": example_spectrogram()}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Two narrow layers over small patches."""
        return {"width": 24, "depth": 2, "patch": 4}


def along_time(rows_RHTU: Tensor, bands: int) -> Tensor:
    """Maps of rows B x F among times, as maps among all tokens [B, H, N, N]."""
    rows_BFHTU = rows_RHTU.unflatten(0, (-1, bands))
    same_FG = torch.eye(bands, dtype=rows_RHTU.dtype, device=rows_RHTU.device)
    return torch.einsum("bfhtu,fg->bhftgu", rows_BFHTU, same_FG).flatten(4).flatten(2, 3)


def along_bands(rows_RHFG: Tensor, times: int) -> Tensor:
    """Maps of rows B x T among bands, as maps among all tokens [B, H, N, N]."""
    rows_BTHFG = rows_RHFG.unflatten(0, (-1, times))
    same_TU = torch.eye(times, dtype=rows_RHFG.dtype, device=rows_RHFG.device)
    return torch.einsum("bthfg,tu->bhftgu", rows_BTHFG, same_TU).flatten(4).flatten(2, 3)
