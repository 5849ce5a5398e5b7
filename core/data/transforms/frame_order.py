"""The order of a film's frames, changed: what a score is worth beside a shuffled film, a reversed one, one frame that stands still, and
nothing but how much changes.

Drawn for each clip, whether the order was changed is a task that needs no labels (arXiv:1603.08561, arXiv:1804.09170). Axes: T frames,
C, H, W.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.data.base import Transform
from core.data.catalog import transforms
from core.data.media import Film
from core.graph.ports import port
from core.knobs import knob

SHOWN, SHUFFLED, REVERSED, STILL, CHANGES = "as shown", "shuffled", "reversed", "one frame", "changes"
GUESS_SHUFFLED, GUESS_REVERSED = "shown or shuffled", "shown or reversed"
FOLD = 8  # a mean change of an eighth of all is white already; more is rare
DRAWN = {GUESS_SHUFFLED: SHUFFLED, GUESS_REVERSED: REVERSED}


@transforms.register("transforms.frame_order")
class FrameOrder(Transform):
    """Changes the order of frames: as a control of what needs no time, or drawn, as a task that needs no labels."""

    title = "Frame order"
    modality = "video"
    takes = {"video": port("video", "frames with their times")}
    gives = {
        "video": port("video", "the same times with the frames in another order"),
        "changed": port("labels", "0: the frames are as shown, 1: they are not"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Which order."""

        order: str = knob(
            SHOWN, "Shuffled draws an order for every clip; one frame shows the middle one all the time; changes shows one grey a frame, how "
            "much it differs from the one before; shown or shuffled, and shown or reversed, draw whether it is changed.",
            choices=(SHOWN, SHUFFLED, REVERSED, STILL, CHANGES, *DRAWN),
        )  # fmt: skip

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``video`` [T, C, H, W] with its frames in another order; times stay where they are."""
        film: Film = values["video"]
        order = self.config.order
        if order in DRAWN:
            order = DRAWN[order] if generator.integers(2) else SHOWN
        frames_TCHW = (
            _changes(film.frames_TCHW) if order == CHANGES else film.frames_TCHW[_places(order, film, generator)]
        )
        made = Film(frames_TCHW=frames_TCHW, starts=film.starts, durations=film.durations)
        return {"video": made, "changed": torch.tensor([int(order != SHOWN)])}

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """As it came, with one code each."""
        return {"video": incoming["video"], "changed": torch.empty(batch, 1, dtype=torch.int64, device="meta")}


def _places(order: str, film: Film, generator: np.random.Generator) -> Any:
    """Which frame is shown at each time [T]."""
    count = len(film.frames_TCHW)
    return {
        SHUFFLED: lambda: generator.permutation(count),
        REVERSED: lambda: np.arange(count)[::-1].copy(),
        STILL: lambda: np.full(count, count // 2),
    }.get(order, lambda: np.arange(count))()


def _changes(frames_TCHW: Tensor) -> Tensor:
    """Frames of one grey each: by how much of all that could change each differs from the one before; the first from nothing."""
    moved_T = (frames_TCHW[1:].float() - frames_TCHW[:-1].float()).abs().mean((1, 2, 3))
    grey_T = torch.cat([moved_T.new_zeros(1), moved_T]).mul(FOLD).clamp(0, 255).round()
    return grey_T[:, None, None, None].expand(frames_TCHW.shape).to(frames_TCHW.dtype).contiguous()
