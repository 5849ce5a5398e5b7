"""Pictures keep their own size and shape: each is cut into as many whole patches as it has (NaViT, arXiv:2307.06304).

Sides become multiples of the patch by one of three rules (:mod:`core.data.transforms.sizing`); none is padded.
Axes: N patches, C numbers of a patch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.values import AnySize, Pictures
from core.data.base import Patches, Transform
from core.data.catalog import transforms
from core.data.transforms.resize import NORMALS
from core.data.transforms.sizing import MERGEABLE, PROPORTIONAL, RULES, Limits, LongPicture
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse


def cut(image_CHW: Tensor, patch: int) -> Tensor:
    """[rows * columns, C * patch * patch], row after row."""
    tiles = image_CHW.unfold(1, patch, patch).unfold(2, patch, patch)  # C rows columns patch patch
    return tiles.permute(1, 2, 0, 3, 4).flatten(2).flatten(0, 1).contiguous()


@transforms.register("transforms.own_size")
class OwnSize(Transform):
    """Cuts each image into patches at its own size, without borders; towers for such images take them."""

    title = "Keep image sizes"
    modality = "image"
    takes = {"image": port("image", "images of any size")}
    gives = {"pictures": port("pictures", "images of their own sizes, cut into patches")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """The patch, and the most of them."""

        patch_size: int = knob(16, "Side of one patch; sides become multiples of it.", low=2, high=64, unit="px")
        most: int = knob(
            256, "Patches of one image; a larger one is made smaller in proportion.", low=1, high=16_384, unit="patches",
            title="Max patches",
        )  # fmt: skip
        least: int = knob(
            1, "Patches of one image at least; a smaller one is enlarged in proportion. Mergeable only.", low=1, high=16_384,
            unit="patches", title="Min patches", advanced=True,
        )  # fmt: skip
        sizing: str = knob(
            PROPORTIONAL, "Proportional never enlarges. Mergeable: an even number of patches each way, so that two by two can be merged "
            "(Qwen2-VL). Filled: as many patches as allowed, small images enlarged (Pix2Struct).",
            choices=tuple(RULES), title="Sizing rule",
        )  # fmt: skip
        normalise: str = knob(
            "none", "Colours as a pretrained tower expects them; put this after augmentation.",
            choices=("none", *NORMALS),
        )  # fmt: skip

    def __init__(self, config: Config) -> None:
        """Raises ValueError where no size is within the limits."""
        super().__init__(config)
        self._limits = Limits(patch=config.patch_size, most=config.most, least=config.least)
        if config.sizing == MERGEABLE and (config.most < 4 or config.least > config.most):
            raise ValueError(
                f"At least {config.least} and at most {config.most} patches: mergeable images need 4 or more, and the least below the most."
            )

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``image`` float32 [3, H, W] to :class:`Patches`."""
        image, patch = values["image"], self.config.patch_size
        rows, columns = self.cells(image.shape[1], image.shape[2])
        if tuple(image.shape[1:]) != (sides := (rows * patch, columns * patch)):
            scaled = F.interpolate(image[None], size=sides, mode="bilinear", antialias=True, align_corners=False)
            image = scaled[0].clamp(0, 1)
        if self.config.normalise in NORMALS:
            mean, deviation = (torch.tensor(row)[:, None, None] for row in NORMALS[self.config.normalise])
            image = (image - mean) / deviation
        made = Patches(patches=cut(image, patch), rows=rows, columns=columns, patch=patch, most=self.config.most)
        return {"pictures": made}

    def cells(self, height: int, width: int) -> tuple[int, int]:
        """Without looking at the picture."""
        try:
            return RULES[self.config.sizing](height, width, self._limits)
        except LongPicture as error:
            raise refuse(str(error), hint="Crop it, or choose the proportional rule.") from error

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """The most there can be; a batch is as wide as its largest picture."""
        image, knobs = incoming["image"], self.config
        channels = image.channels if isinstance(image, AnySize) else image.shape[1]
        patches = torch.empty(batch, knobs.most, channels * knobs.patch_size**2, device="meta")
        sizes = torch.empty(batch, 2, dtype=torch.int64, device="meta")
        return {"pictures": Pictures(patches_BNC=patches, size_B2=sizes, patch=knobs.patch_size, most=knobs.most)}
