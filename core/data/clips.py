"""What is known of a recording besides its sound, whoever says it: a table, a folder, a file's name, a file beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from core.data.rows import Row
from core.telemetry.spans import Span


@dataclass(frozen=True, kw_only=True, order=True)
class Mark:
    """A span of a recording with what it is: an event, a word, a chord."""

    span: Span
    label: str


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one teller knows; empty: nothing."""

    caption: str = ""
    labels: tuple[str, ...] = ()
    transcript: str = ""
    speaker: str = ""
    recording: str = ""
    fold: str = ""
    split: str = ""
    number: str = ""
    marks: tuple[Mark, ...] = ()
    start: float = 0.0  # of the file, seconds: where the part begins that is read
    end: float | None = None
    origin: float = 0.0  # where the file begins in what is described beside it, such as a whole song, seconds

    @property
    def event_names(self) -> tuple[str, ...]:
        """What its events are; without any, its classes."""
        return tuple(mark.label for mark in self.marks) or self.labels


def merged(told: Sequence[Told]) -> Told:
    """What all of them know; where two know of one thing, the first is believed."""
    found = Told()
    for one in told:
        news = {
            field.name: value
            for field in fields(Told)
            if (value := getattr(one, field.name)) and not getattr(found, field.name)
        }
        found = replace(found, **news)
    return found


@dataclass(frozen=True, kw_only=True)
class ClipRow(Row):
    """One clip with what is known of it."""

    told: Told


def row_of(file: Path, name: str, told: Told, *, line: int = 0) -> ClipRow:
    """A clip before its group and split are known."""
    label = told.labels[0] if len(told.labels) == 1 else ""
    caption = told.caption or ", ".join(told.labels) or told.transcript
    return ClipRow(
        file=file, name=name, caption=caption, label=caption or name, group=told.recording or name, split=told.split,
        classes=(label, ""), line=line, told=told,
    )  # fmt: skip
