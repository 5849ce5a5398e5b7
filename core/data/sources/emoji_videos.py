"""Films of emoji that do something, made here: what is said of them hangs on time, and nobody can tell it from one frame.

Frame rates, speeds, pauses, places and backgrounds are drawn for each film from its number alone: the same for everyone, always.
Other emoji may stand around and wobble. What is done can be heard too: its sounds are made, at the very times of the motion. What is
held out is emoji of unseen name families, orders of actions of which only the reverse is trained on, orders that are trained on in
neither direction, or orders that in training only other emoji do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.blocks.values import Segments, Waveform
from core.data.base import UNWATCHED, DataReport, Source, Watch
from core.data.catalog import sources
from core.data.emoji_index import load_index
from core.data.films.art import art
from core.data.films.choosing import Seconds, Shown
from core.data.films.foley import heard
from core.data.films.footage import Footage
from core.data.films.stage import ACTIONS, Scene, cloth, script_of, turned, words_of
from core.data.media import Marks, Wave
from core.data.sounds import Heard, SoundMemory
from core.data.sources.emoji import EmojiPairs
from core.data.splitting import SHARES, place_of, split_of
from core.graph.ports import port
from core.knobs import knob
from core.problems import Problem
from core.telemetry.spans import samples_in

EMOJI, ORDERS, PAIRS, COMPOSITIONS = "emoji", "orders", "pairs", "compositions"
PLAIN, STILL, MOVING = "plain", "still", "moving"
MOST_SECONDS = 600.0
CONTRAST = 0.15  # of the background's patches
RATES = (8.0, 16.0)  # frames a second
_SALT = 0x76696473  # keeps these random numbers apart from others'
_ORDER_SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}  # of an order together with its reverse


@sources.register("sources.emoji_videos")
class EmojiVideos(Source):
    """Made videos of emoji that move, grow and turn in an order that the caption tells; images from packages on this machine."""

    title = "Emoji videos"
    modality = "video"
    gives = {
        "clip": port("clip", "the video; its frames are drawn when they are chosen"),
        "waveform": port(
            "waveform", "its sound, made: a tone while something is done, a knock where that begins and ends"
        ),
        "sentence": port("sentence", "who does what, in order"),
        "classes": port("labels", "code of what is done, and of the emoji's Unicode group"),
        "segments": port("segments", "when each action is done"),
        "sample": port("number", "its number in this source"),
        "done": port("sentence", "what is done, in order, whoever does it"),
        "turned": port(
            "sentence", "a wrong caption: the same actions in the opposite order, or the opposite of a single one"
        ),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How long, how busy, and what is held out."""

        seconds: float = knob(2.0, "Length of every video.", low=0.5, high=MOST_SECONDS, unit="s", title="Duration")
        actions: int = knob(1, "Actions in every video, one after another.", low=1, high=40)
        around: int = knob(0, "Emoji that stand around and do nothing.", low=0, high=8, title="Bystanders")
        videos: int = knob(2, "Videos of each emoji in training.", low=1, high=100, title="Videos per emoji")
        background: str = knob(
            MOVING, "Moving: soft patches that scroll, so that all of the frame changes all the time.",
            choices=(PLAIN, STILL, MOVING),
        )  # fmt: skip
        hold_out: str = knob(
            EMOJI, "What the test has that training has not: other emoji; orders of actions whose reverse is trained on; pairs: orders that "
            "training has neither forwards nor backwards; compositions: orders that in training only other emoji do.", choices=(EMOJI, ORDERS, PAIRS, COMPOSITIONS), title="Unseen in training",
        )  # fmt: skip
        cast: int = knob(
            0, "How many different emoji act; 0: all. Few, and many videos differ in nothing but what is done.", low=0, high=100,
        )  # fmt: skip
        silent: float = knob(
            0.0, "Share of the videos in whose sound nothing is heard but noise: when it was recorded cannot be told.", low=0,
            high=1, title="Silent videos", advanced=True,
        )  # fmt: skip
        hertz: int = knob(
            16_000, "Audio samples per second.", low=8000, high=192_000, unit="Hz", title="Sample rate", advanced=True
        )

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._emoji = EmojiPairs(EmojiPairs.Config(second_artist="none"))
        self._splits: Mapping[str, Sequence[int]] = {}
        self._sounds = SoundMemory()
        self._pool: dict[int, Sequence[int]] = {}  # emoji -> what may stand beside it

    def open(self) -> None:
        """Read the index and the names."""
        if self._splits:
            return
        self._emoji.open()
        total = len(self._emoji)
        self._pool = {one: some for some in self._emoji.splits().values() for one in some}
        if self.config.hold_out != EMOJI:
            splits: dict[str, list[int]] = {name: [] for name in SHARES}
            for number in range(total * self.config.videos):
                splits[self._split(number)].append(number)
            self._splits = splits
            return
        self._splits = {
            name: [turn * total + one for turn in range(self.config.videos if name == "train" else 1) for one in some]
            for name, some in self._emoji.splits().items()
        }

    def __len__(self) -> int:
        self.open()
        return len(self._emoji) * self.config.videos

    def splits(self) -> Mapping[str, Sequence[int]]:
        """``train``, ``validation``, ``test``."""
        self.open()
        return self._splits

    def actions_of(self, index: int) -> tuple[int, ...]:
        """What is done in a video, in order; no action directly behind itself."""
        generator = _generator(index, 0)
        found: list[int] = []
        for _ in range(self.config.actions):
            others = [place for place in range(len(ACTIONS)) if not found or place != found[-1]]
            found.append(others[int(generator.integers(len(others)))])
        return tuple(found)

    def _actor(self, index: int) -> int:
        if not self._pool:
            self.open()
        one = index % len(self._emoji)
        if not self.config.cast:
            return one
        pool = self._pool[one] if self.config.hold_out == EMOJI else range(len(self._emoji))
        return pool[one % self.config.cast * len(pool) // self.config.cast]

    def _split(self, index: int) -> str:
        """Where a film belongs whose emoji may be in every split."""
        actions = self.actions_of(index)
        if self.config.hold_out == COMPOSITIONS:
            return _pair_split(actions, f"{self._actor(index)}/")
        return _order_split(actions) if self.config.hold_out == ORDERS else _pair_split(actions)

    def _film(self, index: int) -> EmojiFilm:
        actor = self._actor(index)
        pool = self._pool[actor]
        others = _generator(index, 1).permutation(len(pool))[: self.config.around + 1]
        around = [pool[int(place)] for place in others if pool[int(place)] != actor][: self.config.around]
        files = tuple(_file(one) for one in (*around, actor))
        return EmojiFilm(
            name=f"video {index}",
            number=index,
            seconds=self.config.seconds,
            actions=self.actions_of(index),
            files=files,
            background=self.config.background,
        )

    def is_silent(self, index: int) -> bool:
        """Whether nothing is heard of what is done in a video."""
        return bool(_generator(index, 4).uniform() < self.config.silent)

    def _heard(self, film: EmojiFilm) -> Tensor:
        noise = _generator(film.number, 5)
        return heard(film.acting, film.seconds, self.config.hertz, noise, is_silent=self.is_silent(film.number))

    def sample(self, index: int) -> dict[str, Any]:
        """Everything it gives."""
        return self.part(index, tuple(self.gives))

    def part(self, index: int, ports: Collection[str]) -> dict[str, Any]:
        """Nothing is drawn yet."""
        film = self._film(index)
        given: dict[str, Any] = {"clip": film, "sentence": self._caption(index), "sample": index}
        given |= {"done": words_of(film.actions), "turned": self._told(index, turned(film.actions))}
        if "classes" in ports:
            done = film.actions[0] if len(film.actions) == 1 else -1
            given["classes"] = torch.tensor(
                [done, int(self._emoji.part(self._actor(index), ("classes",))["classes"][0])]
            )
        if "waveform" in ports:
            heard_S = self._sounds.get(index, lambda: self._heard(film))
            given["waveform"] = Wave.of(heard_S, self.config.hertz)
        if "segments" in ports:
            acts = film.acting.acts
            given["segments"] = Marks(spans=tuple(act.span for act in acts), classes=tuple(act.action for act in acts))
        return {name: given[name] for name in ports}

    def _caption(self, index: int) -> str:
        return self._told(index, self.actions_of(index))

    def _told(self, index: int, actions: Sequence[int]) -> str:
        return f"{self._emoji.label(self._actor(index))} {words_of(actions)}"

    def code_names(self, port: str) -> Sequence[str]:
        """What is done."""
        return tuple(action.words for action in ACTIONS) if port in ("classes", "segments") else ()

    def group(self, index: int) -> str:
        """The emoji's family, or the order of actions; where both orders are held out, one of the two."""
        self.open()
        if self.config.hold_out != EMOJI:
            actions, held = self.actions_of(index), self.config.hold_out
            who = f"{self._emoji.label(self._actor(index))} " if held == COMPOSITIONS else ""
            return who + words_of(actions if held == ORDERS else _either_way(actions))
        return self._emoji.group(self._actor(index))

    def picture(self, index: int) -> Hashable:
        """Every video is its own."""
        return index

    def label(self, index: int) -> str:
        """Who does what."""
        return self._caption(index)

    def class_names(self, index: int) -> tuple[str, ...]:
        """What is done."""
        return (words_of(self.actions_of(index)),)

    def meta(self, batch: int) -> dict[str, Any]:
        """From the configuration alone."""
        whole = torch.empty(batch, dtype=torch.int64, device="meta")
        times = torch.empty(batch, self.config.actions, 2, dtype=torch.float64, device="meta")
        codes = torch.empty(batch, self.config.actions, dtype=torch.int64, device="meta")
        hertz = self.config.hertz
        samples = torch.empty(batch, samples_in(self.config.seconds, hertz), device="meta")
        return {
            "clip": None, "sentence": None, "done": None, "turned": None, "classes": torch.empty(batch, 2, dtype=torch.int64, device="meta"),
            "waveform": Waveform(samples_BS=samples, lengths_B=whole, hertz=hertz),
            "segments": Segments(times_BN2=times, class_BN=codes), "sample": whole,
        }  # fmt: skip

    def hears(self, incoming: Mapping[str, Heard]) -> tuple[Mapping[str, Heard], Sequence[Problem]]:
        """One rate and one length."""
        knobs = self.config
        heard = Heard(
            hertz=knobs.hertz, seconds=knobs.seconds, is_even=True, seconds_knob="seconds", most_seconds=MOST_SECONDS
        )
        return {"waveform": heard}, ()

    def facts(self) -> Mapping[str, str]:
        """That it is made, of what, and what is held out."""
        held = {
            EMOJI: "emoji of families that are not in training", ORDERS: "orders of actions whose reverse is trained on",
            PAIRS: "orders that training has neither forwards nor backwards",
            COMPOSITIONS: "orders of actions that in training only other emoji do",
        }[self.config.hold_out]  # fmt: skip
        return {
            "videos": "made here of Twemoji, CC BY 4.0",
            "audio": "made here, at the times of the motion",
            "test": held,
        }

    def fingerprint(self) -> str:
        """Of the emoji and these settings; of those that came later, and of a background that once was not heeded, where they differ."""
        knobs = {field.name: getattr(self.config, field.name) for field in fields(self.config)}
        later = {name: knobs.pop(name) for name in ("silent", "hertz")}
        knobs = {name: value for name, value in knobs.items() if (name, value) != ("cast", 0)}
        called = "EmojiVideos.Config(" + ", ".join(f"{name}={value!r}" for name, value in knobs.items()) + ")"
        told = ["1", self._emoji.fingerprint(), called]
        told += [] if later == {"silent": 0.0, "hertz": 16_000} else [str(later)]
        told += [] if self.config.background == MOVING else ["2"]
        return hashlib.sha256(" ".join(told).encode()).hexdigest()[:16]

    def report(self, watch: Watch = UNWATCHED) -> DataReport:
        """The split check of the emoji themselves, and how many videos there are."""
        counts = {name: len(indices) for name, indices in self.splits().items()}
        return replace(self._emoji.report(watch), counts=counts, fingerprint=self.fingerprint(), facts=self.facts())


@dataclass(frozen=True, kw_only=True)
class EmojiFilm(Footage):
    """One video: who stands around and who acts (last), what is done, and a number from which all the rest is drawn."""

    name: str
    number: int
    seconds: float
    actions: tuple[int, ...]
    files: tuple[str, ...]
    background: str = MOVING

    @property
    def key(self) -> Hashable:
        """All of it."""
        return self

    @property
    def acting(self) -> Any:
        """What the last of them does."""
        return _scene(self).things[-1][1]

    def shown(self) -> Shown:
        """At an even rate of its own."""
        rate = float(_generator(self.number, 2).uniform(*RATES))
        count = max(1, round(self.seconds * rate))
        return Shown(starts_T=np.arange(count) * (self.seconds / count), end=self.seconds)

    def frames(self, times_N: Seconds, size: int, shape: str = "crop") -> Tensor:
        """Drawn."""
        return _scene(self).drawn(times_N, size)


@lru_cache(256)
def _scene(film: EmojiFilm) -> Scene:
    generator = _generator(film.number, 3)
    things = []
    for place, file in enumerate(film.files):
        acts = film.actions if place == len(film.files) - 1 else ()
        things.append((art(file), script_of(acts, film.seconds, generator)))
    down, across = generator.uniform(-0.15, 0.15, 2) * (film.background == MOVING)
    behind = cloth(generator, contrast=0.0 if film.background == PLAIN else CONTRAST)
    return Scene(things=tuple(things), background_CHW=behind, drift=(float(down), float(across)))


def _file(place: int) -> str:
    return load_index()[place].file


def _generator(index: int, what: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([_SALT, index, what]))


def _either_way(actions: Sequence[int]) -> tuple[int, ...]:
    """An order and its reverse are one."""
    return min(tuple(actions), tuple(reversed(actions)))


def _pair_split(actions: Sequence[int], who: str = "") -> str:
    """An order and its reverse go to one split, so nobody who forgets the order finds the caption among the held-out ones."""
    return split_of(f"order/{who}" + "/".join(map(str, _either_way(actions))), _ORDER_SHARES)


def _order_split(actions: Sequence[int]) -> str:
    """An order and its reverse are drawn together; of a held-out pair one of the two is trained on all the same."""
    pair = "/".join(map(str, _either_way(actions)))
    first = place_of("which/" + pair) < 0.5
    is_seen = (tuple(actions) <= tuple(reversed(actions))) == first
    return "train" if is_seen else _pair_split(actions)
