"""What is known about a dataset, as plain values a panel can show without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.graph.reel import Reel
from core.problems import Problem


@dataclass(frozen=True, kw_only=True)
class SoundsReport:
    """What was found in the sounds of a dataset; lengths in seconds, as they are read."""

    shortest: float
    median: float
    longest: float
    together: float
    counts: tuple[int, ...]  # clips by length,
    edges: tuple[float, ...]  # between these, one more
    silent: tuple[str, ...] = ()
    clipped: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """How long things are, in seconds."""

    shortest: float
    median: float
    longest: float


@dataclass(frozen=True, kw_only=True)
class Tells:
    """How many recordings there are, and the share of them of which a thing is known, 0 to 1."""

    clips: int
    notes: float = 0.0  # whose classes are notes, chords or keys
    transcripts: float = 0.0
    english: float = 0.0  # whose transcript is written in ASCII alone
    labels: float = 0.0
    speakers: float = 0.0
    captions: float = 0.0
    events: float = 0.0  # with their times


@dataclass(frozen=True, kw_only=True)
class DataReading:
    """What was counted of a source without reading every sample; lengths are of a few samples spread evenly."""

    title: str
    modality: str
    counts: Mapping[str, int]  # split -> samples
    classes: Mapping[str, int] = field(default_factory=dict)  # training samples of each class; empty: none are told
    repeats: float = 0.0  # probability that two training samples have equal captions
    tells: Tells | None = None  # of recordings, audio or video
    clips: Lengths | None = None
    events: Lengths | None = None  # of what is told with its times
    frames_a_second: float = 0.0  # of videos
    mend: Problem | None = None  # of a split that leaks, with a Fix
    leaks: int = 0  # groups and equal samples in two splits

    @property
    def training(self) -> int:
        """Samples that are learned from."""
        return self.counts.get("train", 0)


@dataclass(frozen=True, kw_only=True)
class Specimen:
    """One sample to look at."""

    split: str
    sentence: str
    group: str = ""
    picture: NDArray[np.uint8] | None = None  # [H, W, 3]
    sound: NDArray[np.float32] | None = None  # [S], its beginning where it is long
    hertz: int = 0  # of the sound
    seconds: float = 0.0  # of the whole sound, as it is read
    reel: Reel | None = None  # of a video, to be played


@dataclass(frozen=True, kw_only=True)
class DatasetFacts:
    """Counts, checks and a handful of samples."""

    title: str
    counts: Mapping[str, int]  # split -> samples
    specimens: tuple[Specimen, ...] = ()
    problems: tuple[Problem, ...] = ()
    left_out: int = 0  # rows and files that are not used; a problem may speak of many
    shared_groups: tuple[str, ...] = ()  # groups that straddle splits
    exact_duplicates: tuple[tuple[Specimen, Specimen], ...] = ()
    near_duplicates: tuple[tuple[Specimen, Specimen], ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    sounds: SoundsReport | None = None
    of_frames: bool = False  # of videos: their middle frames were compared
    is_checked: bool = True  # every sample was read and compared; else only what tables, folders and names tell
    mend: Problem | None = None  # of a split that leaks, with a Fix
