"""Made audio, read at the cursor and decoded on the reader's thread: outlines of all, the chosen one whole and as a spectrogram.

Axes: S samples, C columns of an outline, F frequencies, T frames.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from core.exploring.places import same_place
from core.problems import Refused
from core.store.answers import SoundsAt
from core.store.encoding import samples_of
from core.store.reader import RunReader
from core.telemetry.spans import seconds_of
from widgets.look.language import tr
from widgets.look.sounds import outline_of, spectrogram_of
from widgets.monitors.cursor import Cursor
from widgets.monitors.lines import series_names
from widgets.monitors.titles import run_titles

KIND, STEM = "sounds", "made/"
MOST_SOUNDS, MOST_MOMENTS = 64, 40  # of a run at the cursor, over time
MOST_BYTES = 64 << 20  # of decoded samples


@dataclass(frozen=True, kw_only=True)
class SoundSettings:
    """Which block, which sound, and how it is shown."""

    series: str = ""  # empty: the first there is
    chosen: int = 0
    as_spectrogram: bool = False


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One sound as it is drawn; without an outline it says why."""

    name: str  # its file's
    outline_2C: NDArray[np.float32] | None  # lowest and highest sample of each column
    seconds: float = 0.0
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Track:
    """The chosen sound of one run, or what it should sound like."""

    role: str  # made, original
    run: str
    uid: str
    step: int
    heard: Heard
    spectrogram: QImage | None = None


@dataclass(frozen=True, kw_only=True)
class SoundMoment:
    """The chosen sound at one step."""

    step: int
    heard: Heard


@dataclass(frozen=True, kw_only=True)
class SoundsValue:
    """Everything that is drawn at the cursor."""

    all_series: tuple[str, ...]
    series: str
    step: int  # said at
    hertz: int
    seeds: tuple[int, ...]
    captions: tuple[str, ...]
    sounds: tuple[Heard, ...]  # of the watched run
    tracks: tuple[Track, ...]  # the chosen one: its original, then of every run
    moments: tuple[SoundMoment, ...]
    chosen: int
    file: bytes = b""  # the chosen one, to be played or saved; empty where it is missing
    broken: int = 0  # sounds without an outline
    titles: Mapping[str, str] = field(default_factory=dict)  # by node


class DecodedSounds:
    """Samples by content, the least recently used given up first."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes, self.bytes = most_bytes, 0
        self._kept: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    def samples(self, reader: RunReader, name: str) -> NDArray[np.float32]:
        """A file's samples [S]. Raises Refused where it is missing, damaged or cannot be decoded."""
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name]
        samples_S, _ = samples_of(reader.file(name))
        with self._lock:
            self._kept[name] = samples_S
            self.bytes = sum(kept.nbytes for kept in self._kept.values())
            while self.bytes > self.most_bytes and len(self._kept) > 1:
                self.bytes -= self._kept.popitem(last=False)[1].nbytes
        return samples_S


DECODED_SOUNDS = DecodedSounds()


def read_sounds(settings: SoundSettings, readers: Sequence[RunReader], cursor: Cursor) -> SoundsValue | None:
    """What is drawn; None where the watched run had made no audio by then."""
    first = readers[0]
    names = tuple(series_names(first, cursor, (STEM,), kind=KIND))
    series = settings.series if settings.series in names else next(iter(names), "")
    found = first.sounds_at(series, cursor.step) if series else None
    if found is None or not found.made:
        return None
    places = [(reader, same_place(first, cursor.step, reader, cursor.axis)) for reader in readers[1:]]
    beside = [(reader, at) for reader, step in places if (at := reader.sounds_at(series, step)) is not None]
    chosen = min(settings.chosen, min(len(found.made), MOST_SOUNDS) - 1)
    tracks = [
        track
        for reader, at in ((first, found), *beside)
        for track in _tracks(reader, at, chosen, settings.as_spectrogram)
    ]
    moments = (
        SoundMoment(step=at.step, heard=_heard(first, at.made[chosen], at.hertz))
        for at in first.sounds_over(series, upto=cursor.step, most=MOST_MOMENTS)
        if chosen < len(at.made)
    )
    sounds = tuple(_heard(first, name, found.hertz) for name in found.made[:MOST_SOUNDS])
    return SoundsValue(
        all_series=names, series=series, step=found.step, hertz=found.hertz, seeds=found.seeds[:MOST_SOUNDS],
        captions=found.titles[:MOST_SOUNDS],
        sounds=sounds, tracks=tuple(tracks), moments=tuple(moments), chosen=chosen, titles=run_titles(first),
        file=_file(first, found.made[chosen]),
        broken=sum(heard.outline_2C is None for heard in sounds),
    )  # fmt: skip


def _tracks(reader: RunReader, at: SoundsAt, chosen: int, as_spectrogram: bool) -> list[Track]:
    if chosen >= len(at.made):
        return []
    facts = reader.facts()
    files = [("original", at.originals[chosen])] if at.originals else []
    tracks = []
    for role, name in (*files, ("made", at.made[chosen])):
        heard = _heard(reader, name, at.hertz)
        shown = as_spectrogram and heard.outline_2C is not None
        picture = spectrogram_of(DECODED_SOUNDS.samples(reader, name)) if shown else None
        tracks.append(Track(role=role, run=facts.name, uid=facts.uid, step=at.step, heard=heard, spectrogram=picture))
    return tracks


def _file(reader: RunReader, name: str) -> bytes:
    """A sound's bytes; none where they are missing, though what was decoded before may still be drawn."""
    try:
        return reader.file(name)
    except Refused:
        return b""


def _heard(reader: RunReader, name: str, hertz: int) -> Heard:
    try:
        samples_S = DECODED_SOUNDS.samples(reader, name)
    except Refused as refused:
        return Heard(name=name, outline_2C=None, problem=refused.problems[0].what)
    except (ValueError, RuntimeError):  # what soundfile says of a file that is none
        return Heard(name=name, outline_2C=None, problem=tr("This audio cannot be decoded."))
    return Heard(name=name, outline_2C=outline_of(samples_S), seconds=seconds_of(len(samples_S), hertz))
