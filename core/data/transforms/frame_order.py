"""The order of a film's frames, changed: what a score is worth beside a shuffled film, a reversed one, and one frame that stands still."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.data.base import Transform
from core.data.catalog import transforms
from core.data.media import Film
from core.graph.ports import port
from core.knobs import knob

SHOWN, SHUFFLED, REVERSED, STILL = "as shown", "shuffled", "reversed", "one frame"


@transforms.register("transforms.frame_order")
class FrameOrder(Transform):
    """Changes the order of frames, as a control: what is learned without it needs no time."""

    title = "Frame order"
    modality = "video"
    takes = {"video": port("video", "frames with their times")}
    gives = {"video": port("video", "the same times with the frames in another order")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Which order."""

        order: str = knob(
            SHOWN, "Shuffled draws an order for every clip; one frame shows the middle one all the time.",
            choices=(SHOWN, SHUFFLED, REVERSED, STILL),
        )  # fmt: skip

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``video`` [T, C, H, W] with its frames in another order; times stay where they are."""
        film: Film = values["video"]
        count = len(film.frames_TCHW)
        place_T = {
            SHUFFLED: lambda: generator.permutation(count),
            REVERSED: lambda: np.arange(count)[::-1].copy(),
            STILL: lambda: np.full(count, count // 2),
        }.get(self.config.order, lambda: np.arange(count))()
        frames_TCHW = film.frames_TCHW[place_T]
        return {"video": Film(frames_TCHW=frames_TCHW, starts=film.starts, durations=film.durations)}

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """As it came."""
        return {"video": incoming["video"]}
