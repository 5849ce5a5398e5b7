"""Pictures varied a little at every visit: moved, turned, scaled, recoloured, put on another background, partly erased.

Written for small pictures on one core: one affine resampling and one colour matrix by Pillow, at 8 bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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

Levels = NDArray[np.uint8]  # [H, W, 3]
_GREY = np.array([0.299, 0.587, 0.114])  # how bright red, green and blue look


@transforms.register("transforms.augment")
class Augment(Transform):
    """Moves, turns, scales and recolours images while training; held-out images stay as they are."""

    title = "Augment images"
    modality = "image"
    takes = {"image": port("image", "pictures")}
    gives = {"image": port("image", "varied images")}
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
        background: float = knob(
            0.0,
            "How often the plain background takes another plain colour.",
            low=0,
            high=1,
            title="Background change probability",
        )
        erasing: float = knob(0.0, "How often a square is painted over (arXiv:1708.04896).", low=0, high=1)

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``image`` float32 [3, H, W] in [0, 1], to the same."""
        draws = [float(draw) for draw in generator.random(16)]  # as many for any knobs, so none shifts another's chance
        pixels = np.asarray(values["image"], dtype=np.float32)
        levels = np.ascontiguousarray((pixels * np.float32(255) + np.float32(0.5)).astype(np.uint8).transpose(1, 2, 0))
        if draws[0] < self.config.background:
            levels = _on_background(levels, [int(256 * draw) for draw in draws[13:16]])
        picture = self._moved(Image.fromarray(levels), draws[1:6])
        picture = self._coloured(picture, draws[6:9], pixels)
        varied = np.asarray(picture).transpose(2, 0, 1).astype(np.float32) / np.float32(255)
        if draws[9] < self.config.erasing:
            _erase(varied, draws[10:13])
        return {"image": torch.from_numpy(np.ascontiguousarray(varied))}

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """The same shape as what comes in."""
        return {"image": incoming["image"]}

    def _moved(self, picture: Image.Image, draws: Sequence[float]) -> Image.Image:
        knobs = self.config
        if not (knobs.rotation or knobs.scale or knobs.shift or knobs.flip):
            return picture
        width, height = picture.size
        turn, grow, right, down = (2 * draw - 1 for draw in draws[:4])
        mirror = -1.0 if draws[4] < knobs.flip else 1.0
        angle, factor = math.radians(knobs.rotation * turn), (1 + knobs.scale) ** grow
        cosine, sine = math.cos(angle) / factor, math.sin(angle) / factor
        middle_x, middle_y = width / 2, height / 2
        x, y = middle_x + right * knobs.shift * width, middle_y + down * knobs.shift * height  # where the middle goes
        across = (mirror * cosine, mirror * sine, middle_x - mirror * (cosine * x + sine * y))
        along = (-sine, cosine, middle_y + sine * x - cosine * y)
        return picture.transform(
            (width, height), Image.Transform.AFFINE, (*across, *along), Image.Resampling.BILINEAR,
            fillcolor=picture.getpixel((0, 0)),
        )  # fmt: skip

    def _coloured(self, picture: Image.Image, draws: Sequence[float], pixels: NDArray[np.float32]) -> Image.Image:
        knobs = self.config
        if not (knobs.brightness or knobs.contrast or knobs.saturation):
            return picture
        shares = (knobs.brightness, knobs.contrast, knobs.saturation)
        light, contrast, colour = (1 + share * (2 * draw - 1) for share, draw in zip(shares, draws))
        gain = light * contrast
        lift = 255 * light * (1 - contrast) * float(_GREY @ pixels.mean(axis=(1, 2)))
        rows = [gain * ((1 - colour) * _GREY + colour * one) for one in np.eye(3)]
        matrix = tuple(float(number) for row in rows for number in (*row, lift))
        return picture.convert("RGB", matrix)


def _on_background(levels_HWC: Levels, ground: Sequence[int]) -> Levels:
    """Pixels of the corner's colour that a straight line joins to the edge take the colour ``ground``."""
    plain = (np.abs(levels_HWC.astype(np.int16) - levels_HWC[:1, :1]) < 6).all(axis=2)
    reached = np.zeros_like(plain)
    for axis in (0, 1):
        reached |= np.logical_and.accumulate(plain, axis=axis)
        reached |= np.flip(np.logical_and.accumulate(np.flip(plain, axis), axis=axis), axis)
    return np.where(reached[:, :, None], np.array(ground, dtype=np.uint8), levels_HWC)


def _erase(pixels_CHW: NDArray[np.float32], draws: Sequence[float]) -> None:
    """A square of 2 to 20 % of the area takes the picture's mean colour, in place."""
    _, height, width = pixels_CHW.shape
    edge = math.sqrt(0.02 + 0.18 * draws[0])
    tall, wide = max(1, round(height * edge)), max(1, round(width * edge))
    top, left = int(draws[1] * (height - tall)), int(draws[2] * (width - wide))
    pixels_CHW[:, top : top + tall, left : left + wide] = pixels_CHW.mean(axis=(1, 2), keepdims=True)
