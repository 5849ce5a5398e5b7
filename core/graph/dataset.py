"""What is known about a dataset, as plain values a panel can show without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.problems import Problem


@dataclass(frozen=True, kw_only=True)
class Specimen:
    """One sample to look at."""

    split: str
    sentence: str
    group: str = ""
    picture: NDArray[np.uint8] | None = None  # [H, W, 3]


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
