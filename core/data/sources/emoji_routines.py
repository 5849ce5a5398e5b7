"""Films of emoji that do a routine well or badly, made here, each with its score: what action quality assessment is asked of.

An emoji hops to either side and back; it is done the better, the more often the side changes, from 0 to 100. Who it is, where it
stands, how fast each hop is and what is behind it are drawn for each film from its number alone: the same for everyone, always. Held out
are emoji of unseen name families.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.data.base import UNWATCHED, DataReport, Source, Watch
from core.data.catalog import sources
from core.data.emoji_index import load_index
from core.data.films.art import art
from core.data.films.choosing import Seconds, Shown
from core.data.films.footage import Footage
from core.data.films.routine import changes_of, routine_of, score_of, sides_of
from core.data.films.stage import Scene, cloth
from core.data.sources.emoji import EmojiPairs
from core.graph.ports import port
from core.knobs import knob

CONTRAST = 0.15  # of the background's patches
RATES = (8.0, 16.0)  # frames a second
_SALT = 0x726F7574  # keeps these random numbers apart from others'


@sources.register("sources.emoji_routines")
class EmojiRoutines(Source):
    """Made videos of emoji that hop from side to side, scored by how often the side changes; images from packages on this machine."""

    title = "Emoji routines"
    modality = "video"
    gives = {
        "clip": port("clip", "the video; its frames are drawn when they are chosen"),
        "score": port("number", "how well it is done: 0 where the side changes once, 100 where it always does"),
        "sample": port("number", "its number in this source"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How long, and how many."""

        seconds: float = knob(4.0, "Length of every video.", low=1.0, high=60.0, unit="s", title="Duration")
        pairs: int = knob(3, "Hops to each side in every video.", low=2, high=20, title="Hops to each side")
        videos: int = knob(2, "Videos of each emoji in training.", low=1, high=100, title="Videos per emoji")

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._emoji = EmojiPairs(EmojiPairs.Config(second_artist="none"))

    def open(self) -> None:
        """Read the index and the names."""
        self._emoji.open()

    def __len__(self) -> int:
        self.open()
        return len(self._emoji) * self.config.videos

    def splits(self) -> Mapping[str, Sequence[int]]:
        """``train``, ``validation`` and ``test``, by name families."""
        self.open()
        total = len(self._emoji)
        return {
            name: [turn * total + one for turn in range(self.config.videos if name == "train" else 1) for one in some]
            for name, some in self._emoji.splits().items()
        }

    def sides(self, index: int) -> tuple[int, ...]:
        """To which side each hop goes: a place in ACTIONS."""
        return sides_of(2 * self.config.pairs, _generator(index, 0))

    def _actor(self, index: int) -> int:
        return index % len(self._emoji)

    def sample(self, index: int) -> dict[str, Any]:
        """Everything it gives."""
        return self.part(index, tuple(self.gives))

    def part(self, index: int, ports: Collection[str]) -> dict[str, Any]:
        """Nothing is drawn yet."""
        self.open()
        sides = self.sides(index)
        film = RoutineFilm(
            name=f"video {index}", number=index, seconds=self.config.seconds, sides=sides,
            file=load_index()[self._actor(index)].file,
        )  # fmt: skip
        given = {"clip": film, "score": score_of(sides), "sample": index}
        return {name: given[name] for name in ports}

    def group(self, index: int) -> str:
        """The emoji's family."""
        self.open()
        return self._emoji.group(self._actor(index))

    def label(self, index: int) -> str:
        """Who, and how often the side changes."""
        self.open()
        sides = self.sides(index)
        return f"{self._emoji.label(self._actor(index))} {changes_of(sides)}/{len(sides) - 1}"

    def meta(self, batch: int) -> dict[str, Any]:
        """From the configuration alone."""
        score = torch.empty(batch, device="meta")
        return {"clip": None, "score": score, "sample": torch.empty(batch, dtype=torch.int64, device="meta")}

    def facts(self) -> Mapping[str, str]:
        """That they are made, of what, and what is held out."""
        return {
            "videos": "made here of Twemoji, CC BY 4.0",
            "test": "emoji of families that are not in training",
        }

    def fingerprint(self) -> str:
        """Of the emoji and these settings."""
        told = " ".join(["routines 1", self._emoji.fingerprint(), str(self.config)])
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def report(self, watch: Watch = UNWATCHED) -> DataReport:
        """The split check of the emoji themselves, and how many videos there are."""
        counts = {name: len(indices) for name, indices in self.splits().items()}
        return replace(self._emoji.report(watch), counts=counts, fingerprint=self.fingerprint(), facts=self.facts())


@dataclass(frozen=True, kw_only=True)
class RoutineFilm(Footage):
    """One video: who hops to which sides, and a number from which all the rest is drawn."""

    name: str
    number: int
    seconds: float
    sides: tuple[int, ...]
    file: str

    @property
    def key(self) -> Hashable:
        """All of it."""
        return self

    def shown(self) -> Shown:
        """At an even rate of its own."""
        count = max(1, round(self.seconds * float(_generator(self.number, 1).uniform(*RATES))))
        return Shown(starts_T=np.arange(count) * (self.seconds / count), end=self.seconds)

    def frames(self, times_N: Seconds, size: int, shape: str = "crop") -> Tensor:
        """Drawn."""
        return _scene(self).drawn(times_N, size)


@lru_cache(256)
def _scene(film: RoutineFilm) -> Scene:
    generator = _generator(film.number, 2)
    thing = art(film.file), routine_of(film.sides, film.seconds, generator)
    down, across = generator.uniform(-0.15, 0.15, 2)
    return Scene(
        things=(thing,), background_CHW=cloth(generator, contrast=CONTRAST), drift=(float(down), float(across))
    )


def _generator(index: int, what: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([_SALT, index, what]))
