"""A spectrogram of its own length, cut into square patches of bands and frames: what NaViT over spectrograms takes.

Only frames within the clip are cut, so clips of any length stand in one batch; what is left behind the last whole patch is dropped, and
a clip shorter than one is filled up. High bands lie above, as in a drawing. Axes: F bands, T frames, N patches, C numbers of a patch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from core.blocks.values import Pictures, Spectrogram
from core.data.base import Patches, Transform
from core.data.catalog import transforms
from core.data.media import Bands
from core.data.transforms.own_size import cut
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse
from core.telemetry.spans import hops_in

SPREAD = 8.0  # of an even spectrogram, which reaches from about -4 to 4: it becomes 0 to 1, as an image is


@transforms.register("transforms.spectrogram_patches")
class SpectrogramPatches(Transform):
    """Cuts each spectrogram into patches at its own length, without padding."""

    title = "Keep audio lengths"
    modality = "audio"
    takes = {"spectrogram": port("spectrogram", "mel bands over time, of any length")}
    gives = {"pictures": port("pictures", "spectrograms of their own lengths, cut into patches", modality="audio")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """The patch."""

        patch: int = knob(
            16,
            "Bands and frames of one patch; must divide the bands.",
            low=2,
            high=64,
            unit="bands",
            title="Patch size",
        )

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``spectrogram`` [F, T] to :class:`Patches`."""
        bands: Bands = values["spectrogram"]
        patch = self.config.patch
        rows = self._rows(bands.x_FT.shape[0])
        own_FT = bands.x_FT[:, : hops_in(bands.real, bands.hop)].flip(0) / SPREAD + 0.5
        own_FT = F.pad(own_FT, (0, max(0, patch - own_FT.shape[1])), value=0.5)
        columns = own_FT.shape[1] // patch
        patches_NC = cut(own_FT[None, :, : columns * patch], patch)
        most = rows * max(1, bands.x_FT.shape[1] // patch)
        return {"pictures": Patches(patches=patches_NC, rows=rows, columns=columns, patch=patch, most=most)}

    def _rows(self, bands: int) -> int:
        if bands % self.config.patch:
            raise refuse(
                f"A patch of {self.config.patch} does not divide {bands} bands.",
                hint="Choose as many bands as patches fill.",
            )
        return bands // self.config.patch

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """The most there can be; a batch is as wide as its longest clip."""
        spectrogram: Spectrogram = incoming["spectrogram"]
        patch, (bands, frames) = self.config.patch, spectrogram.x_BFT.shape[1:]
        most = self._rows(bands) * max(1, frames // patch)
        patches = torch.empty(batch, most, patch * patch, device="meta")
        sizes = torch.empty(batch, 2, dtype=torch.int64, device="meta")
        return {"pictures": Pictures(patches_BNC=patches, size_B2=sizes, patch=patch, most=most)}
