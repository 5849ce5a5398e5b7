"""NaViT over spectrograms: clips of any length in one tower, several in one row of tokens (arXiv:2307.06304; NaFlex, arXiv:2502.14786).

A patch's row is its bands, its column its frames; a clip's patches look at that clip's alone. Packed or padded, the tokens are the same.
"""

from __future__ import annotations

from typing import Any

import torch

from core.blocks.catalog import blocks
from core.blocks.encoders.navit import NaViT
from core.blocks.values import Pictures
from core.graph.ports import port


@blocks.register("encoders.navit_audio")
class NaViTAudio(NaViT):
    """Lets the patches of each clip's spectrogram attend to each other, whatever the clip's length."""

    title = "NaViT over spectrograms"
    modality = "audio"
    takes = {"pictures": port("pictures", "spectrograms of their own lengths, cut into patches", modality="audio")}
    gives = {"tokens": port("tokens", "one token per patch, after CLS", modality="audio")}

    def forward(self, pictures: Pictures) -> dict[str, Any]:
        """Patches [B, N, C] of one channel each."""
        tokens = super().forward(pictures)["tokens"]
        return {"tokens": tokens.with_x(tokens.x_BND, modality="audio")}

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Three clips of two by three, two by one and two by two patches."""
        sizes = torch.tensor([[2, 3], [2, 1], [2, 2]])
        real = torch.arange(6) < sizes.prod(1)[:, None]
        patches = torch.rand(3, 6, 16) * real[..., None]
        return {"pictures": Pictures(patches_BNC=patches, size_B2=sizes, patch=4, most=6)}
