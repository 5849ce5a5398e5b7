"""Pictures varied a little at every visit: moved, turned, scaled, recoloured, put on another background, partly erased.

Written for small pictures on one core: one affine resampling by Pillow, the rest in place on one array.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from core.data.base import Transform
from core.data.catalog import transforms
from core.graph.ports import port
from core.knobs import knob

Pixels = NDArray[np.float32]  # [3, H, W] in [0, 1]
_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)[:, None, None]


@transforms.register("transforms.augment")
class Augment(Transform):
    """Moves, turns, scales and recolours pictures while training; held-out pictures stay as they are."""

    title = "Augment pictures"
    modality = "image"
    takes = {"image": port("image", "pictures")}
    gives = {"image": port("image", "varied pictures")}
    only_in_training = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How much; 0 leaves a step out."""

        rotation: float = knob(12.0, "Turned by at most this, both ways.", low=0, high=180, unit="degrees")
        scale: float = knob(0.15, "Larger or smaller by at most this share.", low=0, high=0.9)
        shift: float = knob(0.08, "Moved by at most this share of the edge.", low=0, high=0.5)
        flip: float = knob(0.0, "How often mirrored. Captions with left and right then lie.", low=0, high=1)
        brightness: float = knob(0.15, "Brighter or darker by at most this share.", low=0, high=1)
        contrast: float = knob(0.15, "More or less contrast by at most this share.", low=0, high=1)
        saturation: float = knob(0.25, "More or less colour by at most this share.", low=0, high=1)
        background: float = knob(0.0, "How often the plain background takes another plain colour.", low=0, high=1)
        erasing: float = knob(0.0, "How often a rectangle is painted over (arXiv:1708.04896).", low=0, high=1)

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``image`` float32 [3, H, W] in [0, 1], to the same."""
        draws = generator.random(16, dtype=np.float32)  # always as many, so one knob does not shift another's chance
        pixels = np.asarray(values["image"], dtype=np.float32)
        ground = pixels[:, 0, 0].copy()
        if draws[0] < self.config.background:
            ground = draws[13:16].copy()
            pixels = _on_background(pixels, ground)
        pixels = self._moved(pixels, draws[1:6], ground)
        pixels = self._coloured(pixels, draws[6:9])
        if draws[9] < self.config.erasing:
            _erase(pixels, draws[10:13])
        return {"image": torch.from_numpy(np.ascontiguousarray(pixels))}

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """The same shape as what comes in."""
        return {"image": incoming["image"]}

    def _moved(self, pixels: Pixels, draws: Pixels, ground: Pixels) -> Pixels:
        knobs = self.config
        if not (knobs.rotation or knobs.scale or knobs.shift or knobs.flip):
            return pixels.copy()
        _, height, width = pixels.shape
        turn, grow, right, down = (2 * float(draw) - 1 for draw in draws[:4])
        mirror = -1.0 if draws[4] < knobs.flip else 1.0
        angle, factor = math.radians(knobs.rotation * turn), (1 + knobs.scale) ** grow
        a, b = math.cos(angle) / factor, math.sin(angle) / factor
        centre_x, centre_y = width / 2, height / 2
        x, y = centre_x + right * knobs.shift * width, centre_y + down * knobs.shift * height
        row_x = (mirror * a, mirror * b, centre_x - mirror * (a * x + b * y))
        row_y = (-b, a, centre_y + b * x - a * y)
        fill = tuple(round(float(level) * 255) for level in ground)
        picture = Image.fromarray((pixels * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0))
        moved = picture.transform(
            (width, height), Image.Transform.AFFINE, (*row_x, *row_y), Image.Resampling.BILINEAR, fillcolor=fill
        )
        return np.asarray(moved, dtype=np.float32).transpose(2, 0, 1) / np.float32(255)

    def _coloured(self, pixels: Pixels, draws: Pixels) -> Pixels:
        knobs = self.config
        if not (knobs.brightness or knobs.contrast or knobs.saturation):
            return pixels
        light, contrast, colour = (
            np.float32(1 + share * (2 * float(draw) - 1))
            for share, draw in zip((knobs.brightness, knobs.contrast, knobs.saturation), draws)
        )
        grey = (pixels * _GREY).sum(axis=0, keepdims=True)
        middle = grey.mean() * light
        varied = (pixels - grey) * (colour * light * contrast) + grey * (light * contrast)
        varied += middle * (1 - contrast)
        return np.clip(varied, 0, 1, out=varied)


def _on_background(pixels: Pixels, ground: Pixels) -> Pixels:
    """Pixels of the corner's colour that a straight line joins to the edge take the colour ``ground`` [3]."""
    plain = (np.abs(pixels - pixels[:, :1, :1]) < 0.02).all(axis=0)
    reached = np.zeros_like(plain)
    for axis in (0, 1):
        reached |= np.logical_and.accumulate(plain, axis=axis)
        reached |= np.flip(np.logical_and.accumulate(np.flip(plain, axis), axis=axis), axis)
    return np.where(reached, ground[:, None, None], pixels).astype(np.float32)


def _erase(pixels: Pixels, draws: Pixels) -> None:
    """A rectangle of 2 to 20 % of the area takes the picture's mean colour, in place."""
    _, height, width = pixels.shape
    area = 0.02 + 0.18 * float(draws[0])
    tall, wide = max(1, round(height * math.sqrt(area))), max(1, round(width * math.sqrt(area)))
    top, left = int(float(draws[1]) * (height - tall)), int(float(draws[2]) * (width - wide))
    pixels[:, top : top + tall, left : left + wide] = pixels.mean(axis=(1, 2), keepdims=True)
