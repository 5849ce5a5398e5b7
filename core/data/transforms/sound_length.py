"""Sounds of one length: longer ones are cut, shorter ones get silence behind; how much is real goes with them.

Axes: S samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from core.blocks.values import Waveform
from core.data.base import Transform
from core.data.catalog import transforms
from core.data.media import Wave
from core.data.sounds import Heard
from core.graph.ports import port
from core.knobs import knob
from core.problems import Fix, Problem
from core.telemetry.spans import Times, samples_in

MOST_SECONDS = 600.0


@transforms.register("transforms.sound_length")
class SoundLength(Transform):
    """Cuts or pads audio to one length; how much of it is real goes with it."""

    title = "Audio length"
    modality = "audio"
    takes = {"waveform": port("waveform", "audio of any length")}
    gives = {"waveform": port("waveform", "audio of one length, with how much of it is real")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How long, and where longer ones are cut."""

        seconds: float = knob(2.0, "Length of every clip.", low=0.05, high=MOST_SECONDS, unit="s")
        part: str = knob(
            "start",
            "Which part of longer audio is kept.",
            choices=("start", "middle", "random"),
            title="Crop position",
        )

    def samples(self, hertz: int) -> int:
        """Length in samples."""
        return max(1, samples_in(self.config.seconds, hertz))

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``waveform`` [S] to one length."""
        wave: Wave = values["waveform"]
        wanted, first = self.samples(wave.hertz), self._first(wave, generator)
        kept_S = wave.own_S[first : first + wanted]
        padded_S = F.pad(kept_S, (0, wanted - len(kept_S))) if len(kept_S) < wanted else kept_S.contiguous()
        return {"waveform": Wave(samples_S=padded_S, real=len(kept_S), hertz=wave.hertz)}

    def times(self, values: Mapping[str, Any], generator: np.random.Generator) -> Times:
        """What lies before the first sample that is kept is gone, and what does not fit behind it."""
        wave: Wave = values["waveform"]
        return Times(hertz=wave.hertz, first=self._first(wave, generator), samples=self.samples(wave.hertz))

    def _first(self, wave: Wave, generator: np.random.Generator) -> int:
        """The sample at which the kept part begins."""
        spare = wave.real - self.samples(wave.hertz)
        if spare <= 0:
            return 0
        first = {"start": 0, "middle": spare // 2}.get(self.config.part)
        return int(generator.integers(spare + 1)) if first is None else first

    def hears(self, incoming: Mapping[str, Heard]) -> tuple[Mapping[str, Heard], Sequence[Problem]]:
        """The source's rate, and one length; that length must be there to be cut, and its middle too."""
        knobs, heard = self.config, incoming.get("waveform")
        if heard is None:
            return {}, ()
        made = Heard(
            hertz=heard.hertz, seconds=knobs.seconds, is_even=True, most_seconds=MOST_SECONDS,
            seconds_knob="seconds" if knobs.part == "start" else "",
        )  # fmt: skip
        return {"waveform": made}, self._length_problems(heard)

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
        wave: Waveform = incoming["waveform"]
        samples = torch.empty(batch, self.samples(wave.hertz), device="meta")
        return {"waveform": Waveform(samples_BS=samples, lengths_B=wave.lengths_B, hertz=wave.hertz)}


def _read_more(heard: Heard, seconds: float) -> Fix | None:
    if not heard.seconds_knob or seconds > heard.most_seconds:
        return None
    return Fix(
        text=f"Read up to {seconds:g} seconds", edit="set_knob",
        arguments={"node": heard.node, "name": heard.seconds_knob, "value": seconds},
    )  # fmt: skip
