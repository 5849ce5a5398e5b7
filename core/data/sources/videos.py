"""A person's own videos: class folders, a table or a list of the field with classes, captions, times, performers and splits, or subtitles.

What is given is a clip still in its file, for which frames are chosen behind the source; its middle frame as an image; and its sound.
Axes: S samples.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.data.catalog import sources
from core.data.clip_rows import MOST_SECONDS, TOLD_PORTS, ClipKnobs, Clips
from core.data.clips import ClipRow
from core.data.films.footage import FilmFile
from core.data.media import Wave
from core.data.paths import folder
from core.data.readers.audio import read_sound
from core.data.readers.media_formats import VIDEOS
from core.data.readers.video_process import HasNoSound
from core.data.splitting import PEOPLE, SPEAKERS
from core.graph.ports import port
from core.knobs import knob
from core.problems import Problem, Refused, refuse
from core.telemetry.spans import Span

SECONDS, FRAMES = "seconds", "frames"


@sources.register("sources.videos")
class Videos(Clips):
    """Videos with their classes, captions, performers and segments, from class folders or a table."""

    title = "Videos"
    modality = "video"
    gives = {
        "clip": port("clip", "the video, or the part of it that is meant"),
        "image": port("image", "its middle frame"),
        "waveform": port("waveform", "its sound, from the clip's beginning; empty where it has none"),
        **TOLD_PORTS,
        "speaker": port("labels", "code of who acts or speaks; -1 where that is not told"),
    }
    formats = VIDEOS
    compared = ("image",)  # not its sound, which takes longest

    @dataclass(frozen=True, kw_only=True)
    class Config(ClipKnobs):
        """Where they lie, what is held out, and how image and sound are read."""

        image_size: int = knob(64, "Edge of the square image of the middle frame.", low=8, high=1024, unit="px")
        shape: str = knob(
            "crop", "Crop cuts the longer side, fit adds black borders, stretch distorts.", choices=("crop", "fit", "stretch"),
            title="Resize mode",
        )  # fmt: skip
        time_unit: str = knob(
            SECONDS, "Whether the table counts start and end in seconds or in frames of the video, from 0; subtitles are read with seconds.",
            choices=(SECONDS, FRAMES), advanced=True, title="Times are in",
        )  # fmt: skip
        hertz: int = knob(
            16_000, "Audio samples per second.", low=1000, high=192_000, unit="Hz", title="Sample rate", advanced=True
        )
        seconds: float = knob(
            5.0, "Longest part of an audio file that is read.", low=0.05, high=MOST_SECONDS, unit="s", title="Max duration",
            advanced=True,
        )  # fmt: skip

    def facts(self) -> Mapping[str, str]:
        """Whom the speaker's column tells apart are people here: who is seen need not speak."""
        words = {
            "speakers": "people", "speakers in more than one split": "people in more than one split", SPEAKERS: "unseen people",
        }  # fmt: skip
        return {words.get(name, name): words.get(value, value) for name, value in super().facts().items()}

    def held_out_by(self, split: str) -> str:
        """People where none of the split's is seen in training; else what was held out by."""
        found = super().held_out_by(split)
        return PEOPLE if found == SPEAKERS else found

    def unready(self) -> Problem | None:
        """A folder is needed, and what must lie in it is said."""
        if self.config.folder:
            return None
        return Problem(
            what="No folder of videos is chosen.",
            hint="Choose one with a folder for each class, or with a table (file, label, caption, start, end …) beside the videos.",
        )

    @property
    def counts_seconds(self) -> bool:
        """Not where a table counts frames: subtitles are then left alone."""
        return str(self.config.time_unit) == SECONDS

    def root(self) -> Path:
        """The folder."""
        return folder(str(self.config.folder or ""), "folder of videos")

    def nothing_usable(self, first: str) -> Refused:
        """That there is no video."""
        return refuse(f"There is no video that can be used.{first}")

    def in_seconds(self, row: ClipRow, span: Span) -> Span:
        """Frames by when they are shown, whatever the rate. Raises Refused naming the file."""
        if self.config.time_unit == SECONDS:
            return span
        whole = FilmFile(file=row.file, name=row.name).shown()
        edges = np.append(whole.starts_T, whole.end)
        first, last = (min(max(round(edge), 0), len(edges) - 1) for edge in (span.start, span.end))
        return Span(start=float(edges[first]), end=float(edges[last]))

    def part(self, index: int, ports: Collection[str]) -> dict[str, Any]:
        """Only what is asked for is decoded. Raises Refused naming the file."""
        self.open()
        row = self.rows[index]
        film = FilmFile(file=row.file, name=row.name, part=self.part_of(row))
        whole = Span(start=0.0, end=film.shown().seconds) if "segments" in ports else None
        given: dict[str, Any] = {"clip": film} if "clip" in ports else {}
        if "image" in ports:
            given["image"] = film.middle(self.config.image_size, self.config.shape)
        if "waveform" in ports:
            heard_S = self._memory.get(index, lambda: self._heard(film))
            given["waveform"] = Wave.of(heard_S, self.config.hertz)
        return given | self.told_of(index, ports, whole)

    def _heard(self, film: FilmFile) -> Tensor:
        start = 0.0 if film.part is None else film.part.start
        seconds = self.config.seconds if film.part is None else min(self.config.seconds, film.part.seconds)
        try:
            heard = read_sound(film.file, hertz=self.config.hertz, start_seconds=start, seconds=seconds, name=film.name)
        except HasNoSound:
            return torch.zeros(0)
        return heard.samples_S

    def meta(self, batch: int) -> dict[str, Any]:
        """From the configuration alone."""
        knobs = self.config
        return {
            "clip": None, "image": torch.empty(batch, 3, knobs.image_size, knobs.image_size, device="meta"),
            "waveform": self.wave_meta(batch), **self.told_meta(batch),
        }  # fmt: skip
