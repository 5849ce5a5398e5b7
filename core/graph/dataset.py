"""What is known about a dataset, as plain values a panel can show without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

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
class Specimen:
    """One sample to look at."""

    split: str
    sentence: str
    group: str = ""
    picture: NDArray[np.uint8] | None = None  # [H, W, 3]
    sound: NDArray[np.float32] | None = None  # [S], its beginning where it is long
    hertz: int = 0  # of the sound
    seconds: float = 0.0  # of the whole sound, as it is read


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
