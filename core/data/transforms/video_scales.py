"""Held-out videos seen again in parts and enlarged, beside seeing them whole: multi-scale testing over space (arXiv:1409.1556).

Training and the first look at a held-out video are as they came. Further looks cut out a smaller square of every frame, from the middle and then from
each side, and bring it to the frames' size; the next five lie half as close, and so on. Axes: T frames, C, H, W.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from core.data.base import Transform
from core.data.catalog import transforms
from core.data.media import Film
from core.graph.ports import port
from core.knobs import knob

PLACES = ((0.5, 0.5), (0.5, 0.0), (0.5, 1.0), (0.0, 0.5), (1.0, 0.5))  # down and across, as shares of the room there is


@transforms.register("transforms.video_scales")
class VideoScales(Transform):
    """Shows held-out videos again, closer and from several places, where Evaluation looks at each several times."""

    title = "Scales of held-out videos"
    modality = "video"
    takes = {"video": port("video", "frames with their times")}
    gives = {"video": port("video", "the same; in further looks at a held-out video a part of each frame, enlarged")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How close."""

        scale: float = knob(
            1.25, "How many times larger the closest looks show what they show; 1 shows everything as it is.", low=1.0, high=4.0,
            title="Largest scale",
        )  # fmt: skip

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """As it came."""
        return {"video": values["video"]}

    def seen_again(self, values: Mapping[str, Any], generator: np.random.Generator, look: int) -> dict[str, Any]:
        """A part of every frame, the same of all; of what is no image, such as flow, everything."""
        film: Film = values["video"]
        if not film.is_seen:
            return {"video": film}
        zoom = 1 + (self.config.scale - 1) / (1 + (look - 1) // len(PLACES))
        frames_TCHW = _part(film.frames_TCHW, zoom, PLACES[(look - 1) % len(PLACES)])
        return {"video": Film(frames_TCHW=frames_TCHW, starts=film.starts, durations=film.durations)}

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """As it came."""
        return {"video": incoming["video"]}


def _part(x_TCHW: Tensor, zoom: float, place: tuple[float, float]) -> Tensor:
    """The part at a place, so many times larger."""
    height, width = x_TCHW.shape[-2:]
    high, wide = max(1, round(height / zoom)), max(1, round(width / zoom))
    if (high, wide) == (height, width):
        return x_TCHW
    top, left = round((height - high) * place[0]), round((width - wide) * place[1])
    part = x_TCHW[..., top : top + high, left : left + wide].float()
    made = F.interpolate(part, (height, width), mode="bilinear", align_corners=False)
    return made if x_TCHW.is_floating_point() else made.round().clamp(0, 255).to(x_TCHW.dtype)
