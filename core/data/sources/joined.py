"""A join by a named column: samples of two sources become one where the column's value is equal (the relational inner join).

What one of the two holds out is held out here: pairs that share a group of either source hang together, and all that hangs
together goes to the strictest split that one of its samples has: test before validation before training. Splits of another
kind, such as a second artist's, are made of training groups and take no part. A value that several samples have makes a pair
of each; an empty value meets nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from core.data.base import UNWATCHED, DataReport, Source, Watch, Wired
from core.data.catalog import sources
from core.data.joining import Joined, Meeting, meet
from core.data.report import report_of
from core.data.sounds import Heard
from core.data.splitting import SHARES, by_split
from core.graph.ports import port
from core.knobs import configure, knob
from core.problems import Problem, Refused, refuse

SIDES = ("first", "second")
STRICTEST: tuple[str, ...] = tuple(reversed(list(SHARES)))  # test, validation, train
MOST_PAIRS = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two sources, and which of its ports leads to which of the join's."""

    source: Source
    ports: Mapping[str, str]  # the join's port -> the source's


@sources.register("sources.joined")
class JoinedSources(Source):
    """Makes one sample of two sources' samples where a column has the same value in both."""

    title = "Joined sources"
    modality = "any"
    takes = {
        "first_image": port("image", "images of the first source", optional=True),
        "first_sentence": port("sentence", "captions of the first source", optional=True),
        "first_waveform": port("waveform", "audio of the first source", optional=True),
        "first_classes": port("labels", "class codes of the first source", optional=True),
        "second_image": port("image", "images of the second source", optional=True),
        "second_sentence": port("sentence", "captions of the second source", optional=True),
        "second_waveform": port("waveform", "audio of the second source", optional=True),
        "second_classes": port("labels", "class codes of the second source", optional=True),
    }
    gives = {
        "first_image": port("image", "images of the first source"),
        "first_sentence": port("sentence", "captions of the first source"),
        "first_waveform": port("waveform", "audio of the first source"),
        "first_classes": port("labels", "class codes of the first source"),
        "second_image": port("image", "images of the second source"),
        "second_sentence": port("sentence", "captions of the second source"),
        "second_waveform": port("waveform", "audio of the second source"),
        "second_classes": port("labels", "class codes of the second source"),
        "sample": port("number", "the pair's number in this source"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """By what they are joined."""

        first_column: str = knob("", "The first source's column, such as emoji, name or a column of its table.")
        second_column: str = knob("", "The second source's column; empty: it is called the same.")
        wired: tuple[Wired, ...] = field(default=())  # what the drawing leads in here; no setting of a person's

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._sides = {side: found for side in SIDES if (found := _side(side, config.wired)) is not None}
        self._meeting = Meeting()
        self._pairs: Sequence[tuple[int, int]] = ()
        self._groups: Sequence[str] = ()
        self._splits: Mapping[str, Sequence[int]] = {}

    @property
    def columns(self) -> dict[str, str]:
        """The column of each side."""
        first = self.config.first_column.strip()
        return {"first": first, "second": self.config.second_column.strip() or first}

    def open(self) -> None:
        """Open both and let them meet. Raises Refused where a column is lacking, or nothing is in common."""
        if self._pairs:
            return
        if (problem := self.unready()) is not None:
            raise Refused(problem)
        values = {side: self._values(side) for side in SIDES}
        self._meeting = meet(values["first"], values["second"], MOST_PAIRS)
        if self._meeting.count > MOST_PAIRS:
            raise refuse(
                f"The join would make {self._meeting.count:,} pairs; at most {MOST_PAIRS:,} can be used.",
                hint="Join by a column whose values are met once, such as an identifier.",
            )
        self._pairs = self._meeting.pairs
        if not self._pairs:
            raise refuse(self._apart(values), hint="Join by columns that say the same thing in the same way.")
        self._regroup()

    def _values(self, side: str) -> dict[int, str]:
        """The column's value by sample, of what is trained on, validated or tested."""
        source = self._sides[side].source
        source.open()
        column = source.column(self.columns[side])
        taken = (index for split in SHARES for index in source.splits().get(split, ()))
        return {index: column[index].strip() for index in sorted(taken)}

    def _apart(self, values: Mapping[str, Mapping[int, str]]) -> str:
        told = [[value for value in values[side].values() if value][:3] for side in SIDES]
        seen = [", ".join(repr(value[:40]) for value in some) or "nothing" for some in told]
        first, second = (self.columns[side] for side in SIDES)
        return f"The two sources have no value in common: {first!r} of the first has {seen[0]}, {second!r} of the second {seen[1]}."

    def _regroup(self) -> None:
        """Groups of both sources that meet are one; it goes to the strictest split of any of its samples."""
        joined = Joined()
        own = [self._sides[side].source for side in SIDES]
        split_of = [{i: split for split in STRICTEST for i in source.splits().get(split, ())} for source in own]
        names = [[(side, source.group(i)) for side, source, i in zip(SIDES, own, pair)] for pair in self._pairs]
        for one, other in names:
            joined.join(one, other)
        called: dict[Hashable, str] = {}
        strictest: dict[Hashable, int] = {}
        for pair, (one, _) in zip(self._pairs, names):
            root = joined.root(one)
            called[root] = min(called.get(root, one[1]), one[1])
            place = min(STRICTEST.index(splits[i]) for splits, i in zip(split_of, pair))
            strictest[root] = min(strictest.get(root, place), place)
        roots = [joined.root(one) for one, _ in names]
        self._groups = [called[root] for root in roots]
        self._splits = by_split(STRICTEST[strictest[root]] for root in roots)

    def settle(self, reads: Callable[[str], Hashable]) -> None:
        """Both settle, then what hangs together is asked anew."""
        self.open()
        for side in self._sides.values():
            side.source.settle(reads)
        self._regroup()

    def unready(self) -> Problem | None:
        """Two sources and a column are needed; then whatever the two still need."""
        lacking = next((number for number, side in enumerate(SIDES, 1) if side not in self._sides), None)
        if lacking is not None:
            return Problem(
                what=f"Nothing comes in from source {lacking} of a join.", hint="Draw a wire from a source to one of its ports.",
            )  # fmt: skip
        if not self.columns["first"]:
            return Problem(
                what="No column is chosen to join by.",
                hint="Name the column whose value says which samples belong together, such as emoji or name.",
            )
        return next(self._told(lambda source: source.unready()), None)

    def missing(self) -> Problem | None:
        """What either of the two does not find."""
        return next(self._told(lambda source: source.missing()), None)

    def _told(self, asked: Callable[[Source], Problem | None]) -> Iterator[Problem]:
        for side in self._sides.values():
            if (problem := asked(side.source)) is not None:
                yield problem

    def problems(self) -> tuple[Problem, ...]:
        """What both left out; then how many samples met nothing, and how many values several samples have, for each side."""
        found = []
        for number, lonely, several in zip((1, 2), self._meeting.lonely, self._meeting.several):
            if lonely:
                found.append(f"{lonely:,} samples of source {number} have no partner and are left out.")
            if several:
                found.append(
                    f"{several:,} values are met several times in source {number}: each of these samples makes a pair."
                )
        both = [problem for side in self._sides.values() for problem in side.source.problems()]
        return (*both, *(Problem(what=what, severity="warning") for what in found))

    def faulty(self) -> int:
        """Rows and files of either source that have a fault."""
        return sum(side.source.faulty() for side in self._sides.values())

    def left_out(self) -> int:
        """Samples of either that met nothing, and what both left out."""
        return sum(self._meeting.lonely) + sum(side.source.left_out() for side in self._sides.values())

    def __len__(self) -> int:
        self.open()
        return len(self._pairs)

    def splits(self) -> Mapping[str, Sequence[int]]:
        """``train``, ``validation`` and ``test``."""
        self.open()
        return self._splits

    def sample(self, index: int) -> dict[str, Any]:
        """All that is led in here. Raises Refused naming the file where it cannot be read."""
        wired = [name for side in self._sides.values() for name in side.ports]
        return self.part(index, (*wired, "sample"))

    def part(self, index: int, ports: Collection[str]) -> dict[str, Any]:
        """Only what is asked for is read of either."""
        self.open()
        given: dict[str, Any] = {"sample": index} if "sample" in ports else {}
        for side, own in zip(self._sides.values(), self._pairs[index]):
            wanted = {name: theirs for name, theirs in side.ports.items() if name in ports}
            part = side.source.part(own, set(wanted.values())) if wanted else {}
            given |= {name: part[theirs] for name, theirs in wanted.items()}
        return given

    def group(self, index: int) -> str:
        """What hangs together through either source."""
        self.open()
        return self._groups[index]

    def _first(self, index: int) -> tuple[Source, int]:
        self.open()
        return self._sides["first"].source, self._pairs[index][0]

    def picture(self, index: int) -> Hashable:
        """Equal where both samples show the same."""
        self.open()
        return tuple(side.source.picture(i) for side, i in zip(self._sides.values(), self._pairs[index]))

    def label(self, index: int) -> str:
        """The first source's."""
        source, own = self._first(index)
        return source.label(own)

    def class_names(self, index: int) -> tuple[str, ...]:
        """The first source's."""
        source, own = self._first(index)
        return source.class_names(own)

    def meta(self, batch: int) -> dict[str, Any]:
        """What is led in, as either source says it."""
        found: dict[str, Any] = {"sample": torch.empty(batch, dtype=torch.int64, device="meta")}
        for side in self._sides.values():
            theirs = side.source.meta(batch)
            found |= {name: theirs[own] for name, own in side.ports.items()}
        return found

    def hears(self, incoming: Mapping[str, Heard]) -> tuple[Mapping[str, Heard], Sequence[Problem]]:
        """Audio passes as it is."""
        return incoming, ()

    def media(self) -> Sequence[Path]:
        """Both sources' files."""
        self.open()
        return list(dict.fromkeys(file for side in self._sides.values() for file in side.source.media()))

    def facts(self) -> Mapping[str, str]:
        """By what they are joined, and how many of either met."""
        self.open()
        met = [len({pair[side] for pair in self._pairs}) for side in range(len(SIDES))]
        return {
            "joined by": " = ".join(self.columns.values()), "samples of the first source that met": f"{met[0]:,}",
            "samples of the second source that met": f"{met[1]:,}", "test": "groups that either source holds out",
        }  # fmt: skip

    def fingerprint(self) -> str:
        """Of both sources, the columns and the pairs."""
        self.open()
        own = [side.source.fingerprint() for side in self._sides.values()]
        ports = sorted((name, theirs) for side in self._sides.values() for name, theirs in side.ports.items())
        text = repr((own, self.columns, ports, list(self._pairs)))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def report(self, watch: Watch = UNWATCHED) -> DataReport:
        """Counts and the split check."""
        return report_of(self, watch=watch)


def _side(side: str, wired: Sequence[Wired]) -> Side | None:
    """The source that leads in at one side's ports. A drawing with two sources there is refused before."""
    here = [wire for wire in wired if wire.port.startswith(f"{side}_")]
    if not here:
        return None
    cls = sources[here[0].block]
    source = cls(configure(cls.Config, dict(here[0].knobs), here[0].node))
    return Side(source=source, ports={wire.port: wire.given for wire in here})
