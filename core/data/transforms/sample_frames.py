"""From a film in its file to the frames of it that are looked at; their times are counted from where the clip begins.

Which frames is a matter of :mod:`core.data.films.choosing`; what is drawn is drawn in training only. Short films are decoded whole once
and kept in memory, so every epoch may look at other frames of them. Axes: T frames of the film, N frames that are chosen, C, H, W.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.blocks.values import Frames
from core.data.base import Transform
from core.data.catalog import transforms
from core.data.films.choosing import Places, Shown, around_keys, by_motion, in_segments, in_stretches, key_frames
from core.data.films.footage import Footage
from core.data.films.looking import look_over
from core.data.media import Film
from core.data.memory import Memory
from core.data.readers.video import MOST_FRAMES
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse
from core.telemetry.spans import durations_of

PARTS, STRETCHES, MOTION, KEYS = "equal parts", "stretches", "motion", "key frames"
SHORT = 128  # frames of a film that is kept whole
MOST_BYTES = 2**29  # of them all


@transforms.register("transforms.sample_frames")
class SampleFrames(Transform):
    """Chooses frames of each clip and decodes them."""

    title = "Sample frames"
    modality = "video"
    takes = {"clip": port("clip", "videos in their files, or parts of them")}
    gives = {"video": port("video", "the chosen frames with their times")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How many, which, and how large."""

        frames: int = knob(8, "Frames of every clip.", low=1, high=MOST_FRAMES, unit="frames")
        way: str = knob(
            PARTS, "Equal parts: one frame of each part of the clip's time. Stretches: neighbouring frames. Motion: more where more "
            "moves. Key frames: where the image has changed.", choices=(PARTS, STRETCHES, MOTION, KEYS), title="Sampling",
        )  # fmt: skip
        jitter: float = knob(
            0.0, "Equal parts, in training: how far from its middle a part's frame may be drawn; 1 draws from the whole part (TSN).",
            low=0, high=1,
        )  # fmt: skip
        step: float = knob(
            0.1, "Stretches: time from one frame to the next.", low=0.001, high=3600.0, unit="s", title="Frame step"
        )
        stretches: int = knob(
            1, "Stretches: how many, one in each equal part of the clip, which share the frames; several see a long video.",
            low=1, high=MOST_FRAMES,
        )  # fmt: skip
        speed: float = knob(
            1.0, "Stretches, in training: the frame step is drawn between this many times shorter and as many times longer.",
            low=1.0, high=8.0, title="Speed change",
        )  # fmt: skip
        least_gap: float = knob(
            0.0, "Motion: least time between two frames.", low=0, high=3600.0, unit="s", title="Least gap"
        )
        threshold: float = knob(
            0.3, "Key frames: share of the image that must have changed since the last one.", low=0.01, high=1.0,
            title="Change threshold", advanced=True,
        )  # fmt: skip
        looks: float = knob(
            4.0, "Motion and key frames: how often a second the image is looked at.", low=0.1, high=120.0, unit="Hz",
            title="Looks per second", advanced=True,
        )  # fmt: skip
        size: int = knob(64, "Edge of the square frames.", low=8, high=1024, unit="px", title="Frame size")
        shape: str = knob(
            "crop", "Crop cuts the longer side, fit adds black borders, stretch distorts.", choices=("crop", "fit", "stretch"),
            title="Resize mode",
        )  # fmt: skip

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        if config.way == STRETCHES and config.frames % config.stretches:
            raise refuse(
                f"{config.frames} frames cannot be shared out equally over {config.stretches} stretches.",
                hint="Choose a number of frames that is a multiple of the stretches.",
            )
        self._memory: Memory[Tensor] = Memory(MOST_BYTES)  # uint8 [T, C, H, W] of short films

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``clip`` to ``video``, drawn where the settings say so. Raises Refused naming the file."""
        return self._sampled(values["clip"], generator)

    def evaluated(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """Middles: of every part, or of the clip."""
        return self._sampled(values["clip"], None)

    def seen_again(self, values: Mapping[str, Any], generator: np.random.Generator, look: int) -> dict[str, Any]:
        """Stretches at other speeds, slower and faster in turn; else what training would draw, the same at every evaluation."""
        if self.config.way == STRETCHES and self.config.speed > 1:
            return self._sampled(values["clip"], None, self.config.speed ** _turn(look))
        return self._sampled(values["clip"], generator)

    @property
    def draws_in_training(self) -> bool:
        """Whether training looks at other frames every time."""
        return self.config.way == STRETCHES or (self.config.way == PARTS and self.config.jitter > 0)

    def places(
        self, film: Footage, shown: Shown, generator: np.random.Generator | None = None, faster: float = 1.0
    ) -> Places:
        """Which of the frames that are shown [N]; of stretches, so many times ``faster``. Raises Refused naming the file."""
        knobs = self.config
        if knobs.way == MOTION:
            moved_T = look_over(film, knobs.looks).motion_of(shown)
            try:
                return by_motion(shown, knobs.frames, moved_T, least_gap=knobs.least_gap)
            except ValueError as error:
                raise refuse(f"{film.name}: {error}.") from error
        if knobs.way == KEYS:
            looks = look_over(film, knobs.looks)
            keys = shown.at(looks.times_L[key_frames(looks.histograms_LH, knobs.threshold)])
            return around_keys(shown, keys, knobs.frames)
        if knobs.way == STRETCHES:
            faster = faster if generator is None else float(knobs.speed ** generator.uniform(-1, 1))
            return in_stretches(
                shown, knobs.frames, step_seconds=knobs.step * faster, stretches=knobs.stretches, generator=generator
            )
        return in_segments(shown, knobs.frames, knobs.jitter, generator)

    def _sampled(self, film: Footage, generator: np.random.Generator | None, faster: float = 1.0) -> dict[str, Any]:
        shown = film.shown()
        places_N = self.places(film, shown, generator, faster)
        starts_N = tuple(shown.starts_T[places_N].tolist())
        lasting_T = durations_of(shown.starts_T.tolist(), shown.end)
        frames_NCHW = self._frames(film, shown, places_N)
        durations = tuple(lasting_T[place] for place in places_N)
        return {"video": Film(frames_TCHW=frames_NCHW, starts=starts_N, durations=durations)}

    def _frames(self, film: Footage, shown: Shown, places_N: Places) -> Tensor:
        """The frames, uint8 [N, C, H, W]; of a short film all are decoded, once."""
        size, shape = self.config.size, self.config.shape
        if len(shown.starts_T) > SHORT or film.key is None:
            return film.frames(shown.starts_T[places_N], size, shape)
        kept_TCHW = self._memory.find(
            film.key, lambda: film.frames(shown.starts_T, size, shape), lambda made: made.nbytes
        )
        return kept_TCHW[places_N]

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """As many frames for all, of one size."""
        count, size = self.config.frames, self.config.size
        times = torch.empty(batch, count, dtype=torch.float64, device="meta")
        frames = torch.empty(batch, count, 3, size, size, dtype=torch.uint8, device="meta")
        return {"video": Frames(x_BTCHW=frames, starts_BT=times, durations_BT=times)}


def _turn(look: int) -> float:
    """-1, 1, -1/2, 1/2, -1/4 ...: how much slower or faster a further look is, as a power of the greatest change."""
    return (-1.0) ** look / 2 ** ((look - 1) // 2)
