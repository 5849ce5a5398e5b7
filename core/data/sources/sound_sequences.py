"""Recordings of one or two folders one after another, with silence between them, and when each is heard: known, because it was made so.

A sequence is a function of its number: the same for everyone, always. Its clips are of one split. With a second folder a sequence has
clips of both: words of two languages make code-switched speech. Captions are joined in order, with "then" between them.
Axes: S samples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.blocks.values import Segments, Waveform
from core.data.catalog import sources
from core.data.clip_rows import MOST_SECONDS
from core.data.media import Marks, Wave
from core.data.sequences import Sequences
from core.data.sounds import Heard
from core.data.sources.sounds import Sounds
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
class SoundSequences(Sequences):
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
        self.inner = [
            Sounds(Sounds.Config(folder=path, hertz=config.hertz, seconds=config.part_seconds, **named))
            for path, named in ((config.folder, first), (config.second, second))
            if path or named is first
        ]

    @property
    def seconds(self) -> float:
        """The longest that a sequence can be."""
        return min(MOST_SECONDS, self.config.most * (self.config.part_seconds + self.config.gap_seconds))

    def open(self) -> None:
        """Read both folders; what each class is called is known then."""
        if self.home:
            return
        super().open()
        self._codes = {name: code for code, name in enumerate(self.code_names("segments"))}
        self._pool = {
            split: [[n for n in places if self.home[n].folder == folder] for folder in range(len(self.inner))]
            for split, places in self.places.items()
        }

    def chosen(self, index: int) -> Hashable:
        """Its clips in order."""
        return tuple((one.folder, one.index) for one in self.parts(index))

    def parts(self, index: int) -> list[Part]:
        """The clips of a sequence in order; one is the clip whose turn it is, and with two folders both are heard."""
        own = self.own(index)
        draw = np.random.Generator(np.random.PCG64([_SALT, index]))
        pools = self._pool[self.home[own].split]
        count = int(draw.integers(self.config.least, self.config.most + 1))
        chosen = [own]
        while len(chosen) < count:
            folder = self.home[own].folder if len(pools) == 1 else int(draw.integers(2))
            if len(pools) == 2 and len(chosen) == count - 1 and len({self.home[n].folder for n in chosen}) == 1:
                folder = 1 - self.home[own].folder
            pool = pools[folder] or pools[self.home[own].folder]
            chosen.append(pool[int(draw.integers(len(pool)))])
        gaps = draw.uniform(0, self.config.gap_seconds, count)
        order = draw.permutation(count)
        return [
            Part(folder=self.home[chosen[n]].folder, index=self.home[chosen[n]].clip, gap=float(gap))
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
            told = [self.inner[one.folder].part(one.index, ("sentence", "transcript")) for one in parts]
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
            clip_S = trimmed(self.inner[one.folder].part(one.index, ("waveform",))["waveform"].own_S)
            gap = samples_in(one.gap, hertz)
            pieces += [torch.zeros(gap), clip_S]
            spans.append(Span.of_samples(range(place + gap, place + gap + len(clip_S)), hertz))
            codes.append(self._code(one))
            place += gap + len(clip_S)
        return Wave.of(torch.cat(pieces), hertz), Marks(spans=tuple(spans), classes=tuple(codes))

    def _code(self, one: Part) -> int:
        if self.config.marks == FOLDERS:
            return one.folder
        names = self.inner[one.folder].class_names(one.index)
        return self._codes.get(names[0], 0) if names else 0

    def code_names(self, port: str) -> Sequence[str]:
        """Classes of both folders, or the folders' names."""
        if port not in ("segments", "language"):
            return ()
        if self.config.marks == FOLDERS or port == "language":
            return tuple(Path(inner.config.folder or "").name for inner in self.inner)
        for inner in self.inner:
            inner.open()
        return tuple(sorted({name for inner in self.inner for name in inner.code_names("classes")}))

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

    def fingerprint(self) -> str:
        """Of the clips and these settings."""
        settings = {
            name: value
            for name, value in vars(self.config).items()
            if name not in ("folder", "second") and (name not in _LATER or value)
        }
        digest = hashlib.sha256(repr(settings).encode("utf-8", "surrogatepass"))
        for inner in self.inner:
            digest.update(inner.fingerprint().encode())
        return digest.hexdigest()[:16]


def trimmed(samples_S: Tensor) -> Tensor:
    """Without what is quiet at both ends; silence stays as it is."""
    loud = (samples_S.abs() > QUIET * samples_S.abs().max()).nonzero()[:, 0] if len(samples_S) else samples_S
    return samples_S if not len(loud) else samples_S[int(loud[0]) : int(loud[-1]) + 1]
