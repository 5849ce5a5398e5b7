"""What sources of joined clips share: which clips stand in which sequence, and of which split each is.

A sequence is a function of its number: the same for everyone, always. Its clips are of one split, and every clip begins as many
sequences as it has turns in training, one in each other split.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from core.data.base import UNWATCHED, DataReport, Source, Watch
from core.data.clip_rows import Clips
from core.data.splitting import SHARES
from core.problems import Problem


class Home(NamedTuple):
    """Where a clip comes from."""

    folder: int
    clip: int
    split: str


class Sequences(Source):
    """Clips of one or several folders, one after another."""

    inner: Sequence[Clips]  # set by subclasses

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._splits: dict[str, Sequence[int]] = {}
        self.home: list[Home] = []  # of each clip there is

    @abstractmethod
    def chosen(self, index: int) -> Hashable:
        """What stands in a sequence: equal for the same clips in the same order."""

    def unready(self) -> Problem | None:
        """The first folder is needed."""
        return self.inner[0].unready()

    def missing(self) -> Problem | None:
        """What a folder lacks."""
        return next((problem for inner in self.inner if (problem := inner.missing()) is not None), None)

    def open(self) -> None:
        """Read the folders."""
        if self._splits:
            return
        found: dict[str, list[int]] = {name: [] for name in SHARES}
        for folder, inner in enumerate(self.inner):
            inner.open()
            for split, indices in inner.splits().items():
                for index in indices:
                    found.setdefault(split, []).append(len(self.home))
                    self.home.append(Home(folder, index, split))
        self.places = found
        total, turns = len(self.home), self.config.turns
        self._splits = {
            name: [turn * total + place for turn in range(turns if name == "train" else 1) for place in places]
            for name, places in found.items()
        }

    def __len__(self) -> int:
        self.open()
        return len(self.home) * self.config.turns

    def splits(self) -> Mapping[str, Sequence[int]]:
        """Those of the folders; a sequence has clips of its own split alone."""
        self.open()
        return self._splits

    def own(self, index: int) -> int:
        """The clip whose turn it is."""
        self.open()
        return index % len(self.home)

    def class_names(self, index: int) -> tuple[str, ...]:
        """Of a sequence there are several, so none."""
        return ()

    def group(self, index: int) -> str:
        """That of the clip whose turn it is."""
        home = self.home[self.own(index)]
        return f"{home.folder}/{self.inner[home.folder].group(home.clip)}"

    def picture(self, index: int) -> Hashable:
        """Equal for the same clips in the same order."""
        return self.chosen(index)

    def problems(self) -> tuple[Problem, ...]:
        """Those of the folders."""
        return tuple(problem for inner in self.inner for problem in inner.problems())

    def faulty(self) -> int:
        """Faulty files of all folders."""
        return sum(inner.faulty() for inner in self.inner)

    def left_out(self) -> int:
        """Files of all folders that were not taken."""
        return sum(inner.left_out() for inner in self.inner)

    def facts(self) -> Mapping[str, str]:
        """Those of the first folder, and how many clips there are."""
        self.open()
        return {**self.inner[0].facts(), "clips": f"{len(self.home):,}"}

    def media(self) -> Sequence[Path]:
        """The files of all folders."""
        return [path for inner in self.inner for path in inner.media()]

    def report(self, watch: Watch = UNWATCHED) -> DataReport:
        """The split check of the first folder's clips, and how many sequences there are."""
        counts = {name: len(indices) for name, indices in self.splits().items()}
        found = self.inner[0].report(watch)
        return replace(
            found, counts=counts, problems=self.problems(), left_out=self.left_out(), facts=self.facts(),
            fingerprint=self.fingerprint(),
        )  # fmt: skip
