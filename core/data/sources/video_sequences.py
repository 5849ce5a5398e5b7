"""Clips of a folder one after another as one film, however long, and when each is shown: known, because it was made so.

Clips as they lie on a disk say too much: each is one action from its first frame to its last, and its length names it. Joined they have
speeds of their own, pauses in which somebody stands, a camera that sways and, where their background is of one colour, another that
scrolls. A film is a function of its number: the same for everyone, always. Its clips are of one split and, if that is wished, of one
performer. Axes: none; films are drawn when frames of them are chosen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.blocks.values import Segments
from core.data.catalog import sources
from core.data.films.footage import Footage
from core.data.films.joined import SWAYS, JoinedFilm, Moved, Piece
from core.data.films.stage import Scene, cloth
from core.data.media import Marks
from core.data.memory import Memory
from core.data.sequences import Sequences
from core.data.sources.videos import Videos
from core.graph.ports import port
from core.knobs import knob

ANY, SAME = "any", "the same"
OWN, MOVING = "their own", "moving"
CONTRAST = 0.15  # of the background's patches
DRIFT = 0.1  # of its heights and widths a second, at most
MOST_BYTES = 2**28  # of decoded clips
_SALT = 0x766A6F69  # keeps these random numbers apart from others'


@sources.register("sources.video_sequences")
class VideoSequences(Sequences):
    """Clips of a folder joined into long films with their true times; pauses, speeds, swaying and backgrounds are made."""

    title = "Video sequences"
    modality = "video"
    gives = {
        "clip": port("clip", "several clips, one after another, as one video"),
        "segments": port("segments", "when each clip is shown: start, end, its class"),
        "sentence": port("sentence", "their captions in order, with “then” between them"),
        "done": port("sentence", "their classes in order"),
        "sample": port("number", "its number in this source"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Which folder, how many clips, how they are joined."""

        folder: str | None = knob(None, "A folder of videos, as Videos reads it.", path="folder")
        table: str = knob(
            "",
            "The table's name; empty takes the one there is, and class folders where there is none.",
            title="Table name",
        )
        performer_column: str = knob(
            "", "The column that says who acts; empty takes speaker, subject and the like.", path="column",
            title="Performer column",
        )  # fmt: skip
        performers: str = knob(ANY, "Whether all clips of a video show the same performer.", choices=(ANY, SAME))
        least: int = knob(4, "Clips of a video at least.", low=1, high=400, unit="clips", title="Min clips per video")
        most: int = knob(6, "Clips of a video at most.", low=1, high=400, unit="clips", title="Max clips per video")
        seconds: float = knob(
            12.0,
            "Length of every video.",
            low=0.5,
            high=3600,
            unit="s",
            title="Duration",
        )
        speed: float = knob(
            1.5, "Each clip is shown up to so many times faster or slower.", low=1, high=8, title="Speed range"
        )
        sway: float = knob(
            0.03, "How far everything sways, as a share of the frame; 0: it stands still between clips.", low=0, high=0.5,
        )  # fmt: skip
        background: str = knob(
            MOVING,
            "Moving: where a clip's border is of one colour, soft patches scroll in its place.",
            choices=(OWN, MOVING),
        )
        rate: float = knob(10.0, "Frames a second of the joined video.", low=1, high=120, unit="Hz", title="Frame rate")
        turns: int = knob(
            1, "Videos in which each training clip is sure to be wanted.", low=1, high=1000, title="Turns per clip"
        )

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.least > config.most:
            raise ValueError(
                f"A video has at least {config.least} clips and at most {config.most}; the least must not be more."
            )
        videos = Videos(Videos.Config(folder=config.folder, table=config.table, speaker_column=config.performer_column))
        self.inner = (videos,)
        self._memory: Memory[Tensor] = Memory(MOST_BYTES)

    @property
    def videos(self) -> Videos:
        """Where the clips come from."""
        found = self.inner[0]
        assert isinstance(found, Videos)
        return found

    def open(self) -> None:
        """Read the folder, and who acts in what."""
        if self.home:
            return
        super().open()
        self._troupe: dict[tuple[str, int], list[int]] = {}
        self._codes = {name: code for code, name in enumerate(self.code_names("segments"))}
        for number in range(len(self.home)):
            self._troupe.setdefault(self._company(number), []).append(number)

    def _company(self, number: int) -> tuple[str, int]:
        """With whose clips one is joined: those of its split, and of its performer where that is wished."""
        home = self.home[number]
        if self.config.performers == ANY:
            return home.split, -1
        return home.split, int(self.videos.part(home.clip, ("speaker",))["speaker"][0])

    def chosen(self, index: int) -> Hashable:
        """Its clips, and when they are shown."""
        return tuple((number, start, speed) for number, start, speed in self._plan(index))

    def _plan(self, index: int) -> list[tuple[int, float, float]]:
        """Clips in order with when each begins and how fast it is; pauses share what time is left at random."""
        own, knobs, draw = self.own(index), self.config, _generator(index, 0)
        pool = self._troupe[self._company(own)]
        count = int(draw.integers(knobs.least, knobs.most + 1))
        numbers = [own, *(pool[int(draw.integers(len(pool)))] for _ in range(count - 1))]
        speeds = knobs.speed ** draw.uniform(-1, 1, count)
        order = draw.permutation(count)
        shares = draw.dirichlet(np.full(count + 1, 2.0))
        lasting = [float(self._film(number).shown().end / speed) for number, speed in zip(numbers, speeds)]
        fitting: list[int] = []
        for place in order:
            if not fitting or sum(lasting[one] for one in (*fitting, place)) <= knobs.seconds:
                fitting.append(int(place))
        left = max(0.0, knobs.seconds - sum(lasting[one] for one in fitting))
        now, found = 0.0, list[tuple[int, float, float]]()
        for pause, place in zip(shares / shares[: len(fitting) + 1].sum(), fitting):
            now += float(pause) * left
            found.append((numbers[place], now, float(speeds[place])))
            now += lasting[place]
        return found

    def _film(self, number: int) -> Footage:
        film = self.videos.part(self.home[number].clip, ("clip",))["clip"]
        assert isinstance(film, Footage)
        return film

    def sample(self, index: int) -> dict[str, Any]:
        """Everything it gives."""
        return self.part(index, tuple(self.gives))

    def part(self, index: int, ports: Collection[str]) -> dict[str, Any]:
        """Nothing is decoded yet. Raises Refused naming a file whose length cannot be read."""
        plan = self._plan(index)
        pieces = tuple(Piece(film=self._film(number), start=start, speed=speed) for number, start, speed in plan)
        indices = [self.home[number].clip for number, *_ in plan]
        given: dict[str, Any] = {"sample": index}
        if "clip" in ports:
            given["clip"] = self._joined(index, pieces)
        if "segments" in ports:
            codes = tuple(self._codes.get(next(iter(self.videos.class_names(one)), ""), 0) for one in indices)
            given["segments"] = Marks(spans=tuple(one.span for one in pieces), classes=codes)
        if "sentence" in ports:
            told = [self.videos.part(one, ("sentence",))["sentence"] for one in indices]
            given["sentence"] = ", then ".join(words for words in told if words)
        if "done" in ports:
            given["done"] = ", then ".join(name for one in indices for name in self.videos.class_names(one)[:1])
        return {name: given[name] for name in ports}

    def _joined(self, index: int, pieces: tuple[Piece, ...]) -> JoinedFilm:
        draw, knobs = _generator(index, 1), self.config
        moved = Moved(sway=knobs.sway, rate_2=draw.uniform(*SWAYS, 2), phase_2=draw.uniform(0, 1, 2))
        if knobs.background == MOVING:
            down, across = draw.uniform(-DRIFT, DRIFT, 2)
            behind = Scene(things=(), background_CHW=cloth(draw, contrast=CONTRAST), drift=(float(down), float(across)))
            moved = Moved(sway=moved.sway, rate_2=moved.rate_2, phase_2=moved.phase_2, behind=behind)
        return JoinedFilm(
            name=f"video {index}", number=(index, knobs.sway, knobs.background), pieces=pieces, seconds=knobs.seconds,
            rate=knobs.rate, moved=moved, memory=self._memory,
        )  # fmt: skip

    def code_names(self, port: str) -> Sequence[str]:
        """The folder's classes."""
        self.videos.open()
        return self.videos.code_names("classes") if port == "segments" else ()

    def label(self, index: int) -> str:
        """What is done, in order."""
        return str(self.part(index, ("done",))["done"])

    def meta(self, batch: int) -> dict[str, Any]:
        """From the configuration alone."""
        whole, codes = (torch.empty(*shape, dtype=torch.int64, device="meta") for shape in ((batch,), (batch, 1)))
        times = torch.empty(batch, 1, 2, dtype=torch.float64, device="meta")
        segments = Segments(times_BN2=times, class_BN=codes)
        return {"clip": None, "segments": segments, "sentence": None, "done": None, "sample": whole}

    def facts(self) -> Mapping[str, str]:
        """Those of the folder, and that they are joined here."""
        return {**super().facts(), "videos": "joined here of the folder's clips; pauses, speeds, swaying made"}

    def fingerprint(self) -> str:
        """Of the clips and these settings."""
        settings = {name: value for name, value in vars(self.config).items() if name != "folder"}
        told = f"{sorted(settings.items())} {self.videos.fingerprint()}"
        return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _generator(index: int, what: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([_SALT, index, what]))
