"""A person's own recordings: class folders, or a table with classes, captions, times, speakers and transcripts.

Axes: S samples.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from core.advice.hearing import hearing_for
from core.data.catalog import sources
from core.data.clip_rows import MOST_SECONDS, TOLD_PORTS, ClipKnobs, Clips
from core.data.clips import ClipRow, row_of
from core.data.counting import tells_of
from core.data.media import Wave
from core.data.music_names import NAMES, in_harmony
from core.data.paths import folder
from core.data.readers.audio import read_sound
from core.data.readers.media_formats import AUDIO
from core.graph.ports import port
from core.knobs import knob
from core.problems import Problem, Refused, refuse
from core.telemetry.spans import Span

AS_TOLD, HARMONY = "as told", "keys and chords"


@sources.register("sources.sounds")
class Sounds(Clips):
    """Recordings with their classes, captions, transcripts, speakers and events, from class folders or a table."""

    title = "Audio clips"
    modality = "audio"
    gives = {"waveform": port("waveform", "the clip"), **TOLD_PORTS}
    formats = AUDIO

    @dataclass(frozen=True, kw_only=True)
    class Config(ClipKnobs):
        """Where they lie, what is held out, and how they are read."""

        hertz: int = knob(16_000, "Audio samples per second.", low=1000, high=192_000, unit="Hz", title="Sample rate")
        seconds: float = knob(
            5.0,
            "Longest part of an audio file that is read.",
            low=0.05,
            high=MOST_SECONDS,
            unit="s",
            title="Max duration",
        )
        names: str = knob(
            AS_TOLD, "Names of classes and events: as they are told, or keys and chords of music made alike: major and minor on each of "
            "twelve pitches, and no chord, always these 25.", choices=(AS_TOLD, HARMONY), advanced=True, title="Class names",
        )  # fmt: skip

    def unready(self) -> Problem | None:
        """A folder is needed, and what must lie in it is said."""
        if self.config.folder:
            return None
        return Problem(
            what="No folder of audio is chosen.",
            hint="Choose one with a folder for each class, or with a table (file, label, caption, speaker …) beside the audio.",
        )

    def root(self) -> Path:
        """The folder."""
        return folder(str(self.config.folder or ""), "folder of audio")

    def nothing_usable(self, first: str) -> Refused:
        """That there is no audio."""
        return refuse(f"There is no audio that can be used.{first}")

    def read_rows(self) -> Sequence[ClipRow]:
        """Where names are made alike, with names of keys and chords; the others have none."""
        rows = super().read_rows()
        if self.config.names == AS_TOLD:
            return rows
        return [_in_harmony(row) for row in rows]

    def open(self) -> None:
        """Rows and names; those of keys and chords are always the same, in an order that transposing adds to."""
        super().open()
        if self.config.names == HARMONY:
            self.name_codes("classes", NAMES)
            self.name_codes("segments", NAMES)

    def part(self, index: int, ports: Collection[str]) -> dict[str, Any]:
        """Only what is asked for is decoded."""
        self.open()
        wave = self._wave(index) if "waveform" in ports or "segments" in ports else None
        given = {} if wave is None or "waveform" not in ports else {"waveform": wave}
        whole = None if wave is None else Span.of_samples(range(wave.real), wave.hertz)
        return given | self.told_of(index, ports, whole)

    def _wave(self, index: int) -> Wave:
        return Wave.of(self._memory.get(index, lambda: self._heard(self.rows[index])), self.config.hertz)

    def _heard(self, row: ClipRow) -> Tensor:
        knobs, told = self.config, row.told
        seconds = knobs.seconds if told.end is None else min(knobs.seconds, told.end - told.start)
        heard = read_sound(row.file, hertz=knobs.hertz, start_seconds=told.start, seconds=seconds, name=row.name)
        if heard.note:
            self.note(f"{row.name}: {heard.note}")
        return heard.samples_S

    def facts(self) -> Mapping[str, str]:
        """What clips share, and which encoder suits them."""
        self.open()
        row = hearing_for(tells_of([row.told for row in self.rows]))
        return {**super().facts(), "suggested encoder": row.sentence if row else ""}

    def meta(self, batch: int) -> dict[str, Any]:
        """From the configuration alone."""
        return {"waveform": self.wave_meta(batch), **self.told_meta(batch)}


def _in_harmony(row: ClipRow) -> ClipRow:
    told = in_harmony(row.told)
    return replace(row_of(row.file, row.name, told, line=row.line), split=row.split, group=row.group)
