"""A transformer over patches of a spectrogram (AST, arXiv:2104.01778; AudioMAE's encoder, arXiv:2207.06405): overlapping cells behind leading tokens.

Cells behind a clip's end are looked at by none: a padded clip gives what it gives alone. On the same weights it is transformers' ASTModel.
Axes: B batch, F bands and T times of cells, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from core.blocks.attention.layer import Stack
from core.blocks.attention.options import AttentionKnobs, mlp_ratio
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.encoders.spectrogram_cells import Cells, example_spectrogram
from core.blocks.values import Spectrogram, Tokens
from core.graph.ports import port
from core.knobs import knob


@blocks.register("encoders.spectrogram_transformer")
class SpectrogramTransformer(Block):
    """Cuts a spectrogram into overlapping patches and lets them attend to each other."""

    title = "Spectrogram transformer"
    modality = "audio"
    takes = {"spectrogram": port("spectrogram", "mel bands over time")}
    gives = {"tokens": port("tokens", "one token per patch, after the leading ones", modality="audio")}

    @dataclass(frozen=True, kw_only=True)
    class Config(AttentionKnobs):
        """Sizes of the tower."""

        patch: int = knob(16, "Bands and frames of one patch.", low=2, high=64, unit="bands", title="Patch size")
        stride: int = knob(
            10,
            "Bands and frames between two patches; as large as the patch: none overlap.",
            low=1,
            high=64,
            unit="bands",
        )
        width: int = knob(192, "Size of one token.", low=8, high=4096)
        depth: int = knob(4, "Layers; 0 only cuts the spectrogram into patches.", low=0, high=64, unit="layers")
        heads: int = knob(3, "Attention heads; must divide the width.", low=1, high=64)
        ratio: float = mlp_ratio()
        dropout: float = knob(0.0, "Dropped activations in each layer.", low=0, high=0.9)
        leading: int = knob(
            1,
            "Leading tokens that stand for the whole clip; AST has two.",
            low=0,
            high=8,
            title="Leading tokens",
            advanced=True,
        )

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.cells = Cells(config.width, config.patch, config.stride, incoming["spectrogram"])
        self.position_FTD = nn.Parameter(torch.empty(*self.cells.sizes, config.width))
        self.leading_KD = nn.Parameter(torch.empty(config.leading, config.width)) if config.leading else None
        self.stack = Stack(
            config.width, config.depth, config.heads, ratio=config.ratio, dropout=config.dropout, options=config
        )
        for learned in (self.position_FTD, self.leading_KD):
            if learned is not None:
                nn.init.trunc_normal_(learned, std=0.02)

    def forward(self, spectrogram: Spectrogram) -> dict[str, Any]:
        """[B, bands, frames] to tokens [B, N, D], cells band by band."""
        cells_BFTD, real_BT = self.cells(spectrogram)
        bands, times = cells_BFTD.shape[1:3]
        if times > self.cells.sizes[1]:
            raise ValueError(
                f"These clips have {times} times of patches, the tower was made for {self.cells.sizes[1]}."
            )
        x_BND = (cells_BFTD + self.position_FTD[:, :times]).flatten(1, 2)
        mask_BN, leading = real_BT.repeat(1, bands), self.config.leading
        if self.leading_KD is not None:
            x_BND = torch.cat([self.leading_KD.to(x_BND.dtype).expand(len(x_BND), -1, -1), x_BND], 1)
            mask_BN = F.pad(mask_BN, (leading, 0), value=True)
        x_BND = self.stack(x_BND, mask_BN)
        grid = self.cells.grid(cells_BFTD, spectrogram, leading)
        return {"tokens": Tokens(x_BND=x_BND, mask_BN=mask_BN, modality="audio", grid=grid)}

    def attentions(self) -> Mapping[str, nn.Module]:
        """Every layer's attention."""
        return self.stack.attentions()

    def detail(self) -> str:
        """Width, depth, patch and stride."""
        c = self.config
        return f"w{c.width} d{c.depth} p{c.patch}/{c.stride}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short sounds, the second half as long."""
        return {"spectrogram": example_spectrogram()}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Two narrow layers over small patches."""
        return {"width": 24, "depth": 2, "patch": 4, "stride": 3}
