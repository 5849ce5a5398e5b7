"""Sounds of one length: longer ones are cut, shorter ones get silence behind, and how much is real is said beside.

Axes: S samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from core.data.base import Transform
from core.data.catalog import transforms
from core.data.sounds import Heard
from core.graph.ports import port
from core.knobs import knob
from core.problems import Fix, Problem

MOST_SECONDS = 600.0


@transforms.register("transforms.sound_length")
class SoundLength(Transform):
    """Cuts or pads audio to one length and gives the valid fraction."""

    title = "Audio length"
    modality = "audio"
    takes = {"waveform": port("waveform", "audio of any length")}
    gives = {
        "waveform": port("waveform", "audio of one length"),
        "share": port("number", "valid fraction; the rest is silence, 0 where there is no audio"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How long, and where longer ones are cut."""

        seconds: float = knob(2.0, "Length of every clip.", low=0.05, high=MOST_SECONDS, unit="s")
        hertz: int = knob(
            16_000,
            "Samples per second, as the source gives them.",
            low=1000,
            high=192_000,
            unit="Hz",
            advanced=True,
            title="Sample rate",
        )
        part: str = knob(
            "start",
            "Which part of longer audio is kept.",
            choices=("start", "middle", "random"),
            title="Crop position",
        )

    @property
    def samples(self) -> int:
        """Length in samples."""
        return max(1, round(self.config.seconds * self.config.hertz))

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``waveform`` float32 [S] to one length."""
        waveform_S, wanted = values["waveform"], self.samples
        spare = len(waveform_S) - wanted
        if spare > 0:
            first = {"start": 0, "middle": spare // 2}.get(self.config.part)
            first = int(generator.integers(spare + 1)) if first is None else first
            return {"waveform": waveform_S[first : first + wanted].contiguous(), "share": 1.0}
        return {"waveform": F.pad(waveform_S, (0, -spare)), "share": len(waveform_S) / wanted}

    def hears(self, incoming: Mapping[str, Heard]) -> tuple[Mapping[str, Heard], Sequence[Problem]]:
        """The source's rate, and one length; that length must be there to be cut, and its middle too."""
        knobs, heard = self.config, incoming.get("waveform")
        if heard is None:
            return {"waveform": Heard(hertz=knobs.hertz, seconds=knobs.seconds, is_even=True)}, ()
        made = Heard(
            hertz=heard.hertz, seconds=knobs.seconds, is_even=True, most_seconds=MOST_SECONDS,
            seconds_knob="seconds" if knobs.part == "start" else "",
        )  # fmt: skip
        return {"waveform": made}, [*rate_problems(knobs.hertz, heard), *self._length_problems(heard)]

    def _length_problems(self, heard: Heard) -> list[Problem]:
        knobs, read = self.config, heard.seconds
        if knobs.seconds > read:
            return [
                Problem(
                    what=f"It makes clips of {knobs.seconds:g} seconds, of which {read:g} at most are read; the rest is silence.",
                    port="waveform", hint="Read more of each clip, or make shorter ones.", fix=_read_more(heard, knobs.seconds)
                    or Fix(text=f"Make clips of {read:g} seconds", edit="set_knob", arguments={"name": "seconds", "value": read}),
                )
            ]  # fmt: skip
        if knobs.part == "start" or not heard.seconds_knob or read >= heard.most_seconds:
            return []
        if knobs.seconds == read:
            what = f"The {knobs.part} part of sounds of which only the first {read:g} seconds are read is always their start."
        else:
            what = (
                f"Only the first {read:g} seconds of a sound are read, and the {knobs.part} part is taken from those."
            )
        return [
            Problem(
                what=what, port="waveform", hint="Read whole clips, or keep the start.",
                severity="error" if knobs.seconds == read else "warning", fix=_read_more(heard, heard.most_seconds),
            )
        ]  # fmt: skip

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """One length for all."""
        return {
            "waveform": torch.empty(batch, self.samples, device="meta"),
            "share": torch.empty(batch, dtype=torch.float32, device="meta"),
        }


def rate_problems(hertz: int, heard: Heard) -> list[Problem]:
    """What counts samples at another rate than they come in mistakes every second and every frequency."""
    if hertz == heard.hertz:
        return []
    return [
        Problem(
            what=f"Sounds come in at {heard.hertz:,} Hz, and it counts with {hertz:,} Hz.", port="waveform",
            hint="Both must be one sample rate.",
            fix=Fix(text=f"Count with {heard.hertz:,} Hz", edit="set_knob", arguments={"name": "hertz", "value": heard.hertz}),
        )
    ]  # fmt: skip


def _read_more(heard: Heard, seconds: float) -> Fix | None:
    if not heard.seconds_knob or seconds > heard.most_seconds:
        return None
    return Fix(
        text=f"Read up to {seconds:g} seconds", edit="set_knob",
        arguments={"node": heard.node, "name": heard.seconds_knob, "value": seconds},
    )  # fmt: skip
