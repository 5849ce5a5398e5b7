"""Recordings of one or two folders one after another, with silence between them, and when each is heard: known, because it was made so.

A sequence is a function of its number: the same for everyone, always. Its clips are of one split. With a second folder a sequence has
clips of both: words of two languages make code-switched speech. Captions are joined in order, with "then" between them.
Axes: S samples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.blocks.values import Segments, Waveform
from core.data.base import UNWATCHED, DataReport, Source, Watch
from core.data.catalog import sources
from core.data.clip_rows import MOST_SECONDS
from core.data.media import Marks, Wave
from core.data.sounds import Heard
from core.data.sources.sounds import Sounds
from core.data.splitting import SHARES
from core.graph.ports import port
from core.knobs import knob
from core.problems import Problem
from core.telemetry.spans import Span, samples_in

CLASSES, FOLDERS = "classes", "folders"
QUIET = 0.01  # of a clip's loudest sample: what is softer at its ends is not of it
_LATER = ("second_test", "second_validation", "transcript_column")  # empty, they change nothing of what was before
_SALT = 0x736571  # keeps these random numbers apart from others'


@dataclass(frozen=True, kw_only=True)
class Part:
    """One clip of a sequence."""

    folder: int
    index: int
    gap: float  # seconds of silence before it


@sources.register("sources.sound_sequences")
class SoundSequences(Source):
    """Clips one after another with their true times, from one folder of audio or two."""

    title = "Audio sequences"
    modality = "audio"
    gives = {
        "waveform": port("waveform", "several clips, one after another"),
        "segments": port("segments", "when each clip is heard: start, end, its class or its folder"),
        "sentence": port("sentence", "their captions in order, with “then” between them"),
        "transcript": port("sentence", "what is said in them, in order"),
        "language": port("labels", "code of the folder that all its clips are of; -1 where they are of both"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Which folders, how many clips, how far apart."""

        folder: str | None = knob(None, "A folder of audio, as Audio clips reads it.", path="folder")
        second: str | None = knob(
            None, "Another one, such as words of another language; a sequence then has clips of both.", path="folder",
            title="Other folder",
        )  # fmt: skip
        hertz: int = knob(16_000, "Audio samples per second.", low=1000, high=192_000, unit="Hz", title="Sample rate")
        least: int = knob(2, "Clips of a sequence at least.", low=1, high=16, unit="clips", title="Min clips")
        most: int = knob(3, "Clips of a sequence at most.", low=1, high=16, unit="clips", title="Max clips")
        part_seconds: float = knob(
            1.5, "Longest part of a clip that is heard.", low=0.05, high=60, unit="s", title="Clip length"
        )
        gap_seconds: float = knob(
            0.3,
            "Longest silence before a clip; each has its own, from none to this.",
            low=0,
            high=60,
            unit="s",
            title="Silence between",
        )
        turns: int = knob(4, "Sequences in which each training clip is sure to be.", low=1, high=1000)
        marks: str = knob(
            CLASSES, "What a span is of: the clip's class, or its folder, which tells the language.", choices=(CLASSES, FOLDERS),
            title="Spans tell",
        )  # fmt: skip
        test: str = knob(
            "", "Folds or speakers of the first folder that test, with commas.", title="Test folds", advanced=True
        )
        validation: str = knob(
            "",
            "Folds or speakers of the first folder that validate, with commas.",
            title="Validation folds",
            advanced=True,
        )
        second_test: str = knob(
            "", "Folds or speakers of the other folder that test, with commas.", title="Other test folds", advanced=True
        )
        second_validation: str = knob(
            "", "Folds or speakers of the other folder that validate, with commas.", title="Other validation folds",
            advanced=True,
        )  # fmt: skip
        transcript_column: str = knob(
            "", "The column with what is said, in the first folder.", path="column", title="First transcript column",
            advanced=True,
        )  # fmt: skip

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.least > config.most:
            raise ValueError(
                f"A sequence has at least {config.least} clips and at most {config.most}; the least must not be more."
            )
        first = {
            "test": config.test,
            "validation": config.validation,
            "transcript_column": config.transcript_column,
        }
        second = {"test": config.second_test, "validation": config.second_validation}
        self._inner = [
            Sounds(Sounds.Config(folder=path, hertz=config.hertz, seconds=config.part_seconds, **named))
            for path, named in ((config.folder, first), (config.second, second))
            if path or named is first
        ]
        self._splits: dict[str, Sequence[int]] = {}
        self._home: list[tuple[int, int, str]] = []  # folder, clip and split of each clip there is

    @property
    def seconds(self) -> float:
        """The longest that a sequence can be."""
        return min(MOST_SECONDS, self.config.most * (self.config.part_seconds + self.config.gap_seconds))

    def unready(self) -> Problem | None:
        """The first folder is needed."""
        return self._inner[0].unready()

    def missing(self) -> Problem | None:
        """What a folder lacks."""
        return next((problem for inner in self._inner if (problem := inner.missing()) is not None), None)

    def open(self) -> None:
        """Read both folders; every clip begins as many sequences as it has turns."""
        if self._splits:
            return
        found: dict[str, list[int]] = {name: [] for name in SHARES}
        for folder, inner in enumerate(self._inner):
            inner.open()
            for split, indices in inner.splits().items():
                for index in indices:
                    found.setdefault(split, []).append(len(self._home))
                    self._home.append((folder, index, split))
        self._pool = {
            split: [[n for n in places if self._home[n][0] == folder] for folder in range(len(self._inner))]
            for split, places in found.items()
        }
        total, turns = len(self._home), self.config.turns
        self._splits = {
            name: [turn * total + place for turn in range(turns if name == "train" else 1) for place in places]
            for name, places in found.items()
        }
        self._codes = {name: code for code, name in enumerate(self.code_names("segments"))}

    def __len__(self) -> int:
        self.open()
        return len(self._home) * self.config.turns

    def splits(self) -> Mapping[str, Sequence[int]]:
        """Those of the folders; a sequence has clips of its own split alone."""
        self.open()
        return self._splits

    def parts(self, index: int) -> list[Part]:
        """The clips of a sequence in order; one is the clip whose turn it is, and with two folders both are heard."""
        self.open()
        own = index % len(self._home)
        draw = np.random.Generator(np.random.PCG64([_SALT, index]))
        pools = self._pool[self._home[own][2]]
        count = int(draw.integers(self.config.least, self.config.most + 1))
        chosen = [own]
        while len(chosen) < count:
            folder = self._home[own][0] if len(pools) == 1 else int(draw.integers(2))
            if len(pools) == 2 and len(chosen) == count - 1 and len({self._home[n][0] for n in chosen}) == 1:
                folder = 1 - self._home[own][0]
            pool = pools[folder] or pools[self._home[own][0]]
            chosen.append(pool[int(draw.integers(len(pool)))])
        gaps = draw.uniform(0, self.config.gap_seconds, count)
        order = draw.permutation(count)
        return [
            Part(folder=self._home[chosen[n]][0], index=self._home[chosen[n]][1], gap=float(gap))
            for n, gap in zip(order, gaps)
        ]

    def sample(self, index: int) -> dict[str, Any]:
        """Everything it gives. Raises Refused naming the file where it cannot be read."""
        return self.part(index, tuple(self.gives))

    def part(self, index: int, ports: Collection[str]) -> dict[str, Any]:
        """Words alone cost no decoding."""
        parts = self.parts(index)
        given: dict[str, Any] = {}
        if {"waveform", "segments"} & set(ports):
            given["waveform"], given["segments"] = self._joined(parts)
        if {"sentence", "transcript"} & set(ports):
            told = [self._inner[one.folder].part(one.index, ("sentence", "transcript")) for one in parts]
            given["sentence"] = ", then ".join(words for one in told if (words := one["sentence"]))
            given["transcript"] = " ".join(words for one in told if (words := one["transcript"]))
        if "language" in ports:
            folders = {one.folder for one in parts}
            given["language"] = torch.tensor([folders.pop() if len(folders) == 1 else -1])
        return {name: given[name] for name in ports}

    def _joined(self, parts: Sequence[Part]) -> tuple[Wave, Marks]:
        """The clips without the silence at their own ends, one behind another."""
        hertz, pieces, spans, codes, place = self.config.hertz, list[Tensor](), list[Span](), list[int](), 0
        for one in parts:
            clip_S = trimmed(self._inner[one.folder].part(one.index, ("waveform",))["waveform"].own_S)
            gap = samples_in(one.gap, hertz)
            pieces += [torch.zeros(gap), clip_S]
            spans.append(Span.of_samples(range(place + gap, place + gap + len(clip_S)), hertz))
            codes.append(self._code(one))
            place += gap + len(clip_S)
        return Wave.of(torch.cat(pieces), hertz), Marks(spans=tuple(spans), classes=tuple(codes))

    def _code(self, one: Part) -> int:
        if self.config.marks == FOLDERS:
            return one.folder
        names = self._inner[one.folder].class_names(one.index)
        return self._codes.get(names[0], 0) if names else 0

    def code_names(self, port: str) -> Sequence[str]:
        """Classes of both folders, or the folders' names."""
        if port not in ("segments", "language"):
            return ()
        if self.config.marks == FOLDERS or port == "language":
            return tuple(Path(inner.config.folder or "").name for inner in self._inner)
        for inner in self._inner:
            inner.open()
        return tuple(sorted({name for inner in self._inner for name in inner.code_names("classes")}))

    def class_names(self, index: int) -> tuple[str, ...]:
        """Of a sequence there are several, so none."""
        return ()

    def group(self, index: int) -> str:
        """That of the clip whose turn it is."""
        self.open()
        folder, clip, _ = self._home[index % len(self._home)]
        return f"{folder}/{self._inner[folder].group(clip)}"

    def picture(self, index: int) -> Hashable:
        """Equal for the same clips in the same order."""
        return tuple((one.folder, one.index) for one in self.parts(index))

    def label(self, index: int) -> str:
        """Its captions in order, else what is said."""
        told = self.part(index, ("sentence", "transcript"))
        return str(told["sentence"] or told["transcript"])

    def meta(self, batch: int) -> dict[str, Any]:
        """From the configuration alone."""
        samples = torch.empty(batch, samples_in(self.seconds, self.config.hertz), device="meta")
        whole, codes = (torch.empty(*shape, dtype=torch.int64, device="meta") for shape in ((batch,), (batch, 1)))
        times = torch.empty(batch, 1, 2, dtype=torch.float64, device="meta")
        return {
            "waveform": Waveform(samples_BS=samples, lengths_B=whole, hertz=self.config.hertz),
            "segments": Segments(times_BN2=times, class_BN=codes), "sentence": None, "transcript": None, "language": codes,
        }  # fmt: skip

    def hears(self, incoming: Mapping[str, Heard]) -> tuple[Mapping[str, Heard], Sequence[Problem]]:
        """One rate; sequences of many lengths."""
        return {"waveform": Heard(hertz=self.config.hertz, seconds=self.seconds)}, ()

    def problems(self) -> tuple[Problem, ...]:
        """Those of the folders."""
        return tuple(problem for inner in self._inner for problem in inner.problems())

    def faulty(self) -> int:
        """Faulty files of both folders."""
        return sum(inner.faulty() for inner in self._inner)

    def left_out(self) -> int:
        """Files of both folders that were not taken."""
        return sum(inner.left_out() for inner in self._inner)

    def facts(self) -> Mapping[str, str]:
        """Those of the first folder, and how many clips there are."""
        self.open()
        return {**self._inner[0].facts(), "clips": f"{len(self._home):,}"}

    def media(self) -> Sequence[Path]:
        """The files of both folders."""
        return [path for inner in self._inner for path in inner.media()]

    def fingerprint(self) -> str:
        """Of the clips and these settings."""
        settings = {
            name: value
            for name, value in vars(self.config).items()
            if name not in ("folder", "second") and (name not in _LATER or value)
        }
        digest = hashlib.sha256(repr(settings).encode("utf-8", "surrogatepass"))
        for inner in self._inner:
            digest.update(inner.fingerprint().encode())
        return digest.hexdigest()[:16]

    def report(self, watch: Watch = UNWATCHED) -> DataReport:
        """The split check of the first folder's clips, and how many sequences there are."""
        counts = {name: len(indices) for name, indices in self.splits().items()}
        found = self._inner[0].report(watch)
        return replace(
            found,
            counts=counts,
            problems=self.problems(),
            left_out=self.left_out(),
            facts=self.facts(),
            fingerprint=self.fingerprint(),
        )


def trimmed(samples_S: Tensor) -> Tensor:
    """Without what is quiet at both ends; silence stays as it is."""
    loud = (samples_S.abs() > QUIET * samples_S.abs().max()).nonzero()[:, 0] if len(samples_S) else samples_S
    return samples_S if not len(loud) else samples_S[int(loud[0]) : int(loud[-1]) + 1]
