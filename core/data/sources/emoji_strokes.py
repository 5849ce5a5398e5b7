"""Films of emoji that row well or badly, made here, each with its score: what action quality assessment is asked of.

An emoji goes to the right and back in strokes; it is done the better, the quicker it goes to the right and the slower it comes back,
from 0 to 100. Who it is, where it stands, how far a stroke goes and what is behind it are drawn for each film from its number alone: the
same for everyone, always. Held out are emoji of unseen name families.
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
from core.data.films.stage import Scene, cloth
from core.data.films.strokes import SHARES, score_of, strokes_of
from core.data.sources.emoji import EmojiPairs
from core.data.splitting import by_split, split_of
from core.graph.ports import port
from core.knobs import knob

CONTRAST = 0.15  # of the background's patches
RATES = (8.0, 16.0)  # frames a second
_SALT = 0x726F7574  # keeps these random numbers apart from others'


@sources.register("sources.emoji_strokes")
class EmojiStrokes(Source):
    """Made videos of emoji that move in strokes, scored by how quick the way there and how slow the way back is; images from packages on this machine."""

    title = "Emoji strokes"
    modality = "video"
    gives = {
        "clip": port("clip", "the video; its frames are drawn when they are chosen"),
        "score": port(
            "number",
            "how well it is done: 100 where the way to the right is quick and the way back slow, 0 where it is the reverse",
        ),
        "sample": port("number", "its number in this source"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How long, and how many."""

        seconds: float = knob(4.0, "Length of every video.", low=1.0, high=60.0, unit="s", title="Duration")
        strokes: int = knob(3, "Strokes in every video.", low=1, high=40)
        videos: int = knob(2, "Videos of each emoji in training.", low=1, high=100, title="Videos per emoji")
        cast: int = knob(
            0, "How many different emoji move; 0: all, and held-out videos show others than training. Few: the same everywhere, only videos "
            "are held out.", low=0, high=100,
            title="Different emoji",
        )  # fmt: skip

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
        if self.config.cast:
            return by_split(split_of(f"strokes/{index}") for index in range(total * self.config.videos))
        return {
            name: [turn * total + one for turn in range(self.config.videos if name == "train" else 1) for one in some]
            for name, some in self._emoji.splits().items()
        }

    def share(self, index: int) -> float:
        """Of every stroke, the share of its time on the way to the right."""
        return float(_generator(index, 0).uniform(*SHARES))

    def _actor(self, index: int) -> int:
        one, total = index % len(self._emoji), len(self._emoji)
        return one % self.config.cast * total // self.config.cast if self.config.cast else one

    def sample(self, index: int) -> dict[str, Any]:
        """Everything it gives."""
        return self.part(index, tuple(self.gives))

    def part(self, index: int, ports: Collection[str]) -> dict[str, Any]:
        """Nothing is drawn yet."""
        self.open()
        share = self.share(index)
        film = StrokeFilm(
            name=f"video {index}", number=index, seconds=self.config.seconds, share=share, strokes=self.config.strokes,
            file=load_index()[self._actor(index)].file,
        )  # fmt: skip
        given = {"clip": film, "score": score_of(share), "sample": index}
        return {name: given[name] for name in ports}

    def group(self, index: int) -> str:
        """The emoji's family; of few emoji, the video itself."""
        self.open()
        if self.config.cast:
            return f"video {index}"
        return self._emoji.group(self._actor(index))

    def label(self, index: int) -> str:
        """Who, and the score."""
        self.open()
        return f"{self._emoji.label(self._actor(index))} {score_of(self.share(index)):.0f}"

    def meta(self, batch: int) -> dict[str, Any]:
        """From the configuration alone."""
        score = torch.empty(batch, device="meta")
        return {"clip": None, "score": score, "sample": torch.empty(batch, dtype=torch.int64, device="meta")}

    def facts(self) -> Mapping[str, str]:
        """That they are made, of what, and what is held out."""
        return {
            "videos": "made here of Twemoji, CC BY 4.0",
            "test": "other videos of the same emoji"
            if self.config.cast
            else "emoji of families that are not in training",
        }

    def fingerprint(self) -> str:
        """Of the emoji and these settings."""
        told = " ".join(["strokes 1", self._emoji.fingerprint(), str(self.config)])
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def report(self, watch: Watch = UNWATCHED) -> DataReport:
        """The split check of the emoji themselves, and how many videos there are."""
        counts = {name: len(indices) for name, indices in self.splits().items()}
        return replace(self._emoji.report(watch), counts=counts, fingerprint=self.fingerprint(), facts=self.facts())


@dataclass(frozen=True, kw_only=True)
class StrokeFilm(Footage):
    """One video: who it is, the share of its strokes, and a number from which all the rest is drawn."""

    name: str
    number: int
    seconds: float
    share: float
    strokes: int
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
def _scene(film: StrokeFilm) -> Scene:
    generator = _generator(film.number, 2)
    thing = art(film.file), strokes_of(film.share, film.strokes, film.seconds, generator)
    down, across = generator.uniform(-0.15, 0.15, 2)
    return Scene(
        things=(thing,), background_CHW=cloth(generator, contrast=CONTRAST), drift=(float(down), float(across))
    )


def _generator(index: int, what: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([_SALT, index, what]))
