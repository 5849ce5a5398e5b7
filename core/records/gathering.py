"""What a record says, gathered in the order in which it was written, and the rules that make one history of it.

- A figure that is said again at the same step counts as it was said last; how many were replaced is told.
- Where a writer says that it begins again at a step, what was said from that step on before is dropped, as TensorBoard does.
- A figure that is only ever said at one and the same step, several times, was written without steps: it is numbered from 0 on.
- What is not finite stays as it is, and is counted.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from core.records.foreign import NOWHERE, Medium, Moment, Points
from core.telemetry.events import Mark

MOST_STEP = 2**62 - 1
MOST_SERIES = 20_000  # of one run
MOST_MEDIA_BYTES = 512 << 20  # of one run
MOST_MOMENTS = 200_000  # of one run
MOST_PARTS = 100  # of a list, as a setting shows it
NO_SETTINGS = "Its settings cannot be read; all else is."
MOST_SETTINGS = 2000  # of one run
MOST_DEEP, MOST_LOOKED_AT = 32, 20_000  # levels of a configuration; its parts, of all of them


@dataclass
class _Line:
    steps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    walls: array[float] = field(default_factory=lambda: array("d"))

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Only these."""
        self.steps = array("q", np.asarray(self.steps)[kept].tobytes())
        self.values = array("d", np.asarray(self.values)[kept].tobytes())
        self.walls = array("d", np.asarray(self.walls)[kept].tobytes())


class Gathering:
    """Takes what a record says; gives series, moments and the sentences about them."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}
        self._moments: dict[tuple[str, str, int], Moment] = {}
        self._media_bytes = 0
        self._counts: dict[str, int] = {}
        self._sentences: list[str] = []

    def figure(self, name: str, step: int, value: float, wall: float = math.nan) -> None:
        """A number at a step."""
        if not -MOST_STEP < step < MOST_STEP:
            self._count("steps")
            return
        line = self._lines.get(name)
        if line is None:
            if len(self._lines) >= MOST_SERIES:
                self._count("series")
                return
            line = self._lines[name] = _Line()
        line.steps.append(step)
        line.values.append(value)
        line.walls.append(wall)

    def moment(self, name: str, step: int, wall: float, event: Medium, size: int = 0) -> None:
        """An image, a sound, a histogram or a text of so many bytes; of two of one name at one step the last counts."""
        if not -MOST_STEP < step < MOST_STEP:
            self._count("steps")
            return
        if self._media_bytes + size > MOST_MEDIA_BYTES or len(self._moments) >= MOST_MOMENTS:
            self._count("media")
            return
        self._media_bytes += size
        key = type(event).__name__, name, step
        if key in self._moments:
            self._count("repeated")
        self._moments[key] = Moment(step=step, wall=wall, event=event)

    def begin_again(self, step: int, wall: float = math.nan) -> None:
        """The writer was started anew at a step: what it had said from there on is not what happened; a mark says so."""
        dropped = 0
        for line in self._lines.values():
            kept = np.asarray(line.steps) < step
            if not kept.all():
                dropped += int((~kept).sum())
                line.keep(kept)
        for key in [key for key in self._moments if key[2] >= step]:
            del self._moments[key]
            dropped += 1
        if dropped:
            self._count("dropped", dropped)
            self.moment("", step, wall, Mark(at=NOWHERE, kind="note", text="The record begins again here"))

    def leave_out(self, why: str, count: int = 1) -> None:
        """Something was seen that has no place here; ``why`` is a clause without a number."""
        self._counts[f"left:{why}"] = self._counts.get(f"left:{why}", 0) + count

    def remark(self, sentence: str) -> None:
        """A sentence about the record, said once."""
        if sentence not in self._sentences:
            self._sentences.append(sentence)

    def _count(self, what: str, by: int = 1) -> None:
        self._counts[what] = self._counts.get(what, 0) + by

    # What came of it

    def series(self) -> dict[str, Points]:
        """Every figure over time, by name; counts what the rules did."""
        return {name: self._points(line) for name, line in sorted(self._lines.items()) if len(line.steps)}

    def _points(self, line: _Line) -> Points:
        steps, values, walls = (np.array(one) for one in (line.steps, line.values, line.walls))
        self._count("nonfinite", int((~np.isfinite(values)).sum()))
        if len(steps) > 1 and bool((steps == steps[0]).all()):
            self._count("numbered")
            return Points(steps=np.arange(len(steps), dtype=np.int64), values=values, walls=walls)
        order = np.argsort(steps, kind="stable")
        steps, values, walls = steps[order], values[order], walls[order]
        last = np.append(steps[1:] != steps[:-1], True)
        self._count("repeated", int((~last).sum()))
        return Points(steps=steps[last], values=values[last], walls=walls[last])

    def moments(self) -> tuple[Moment, ...]:
        """All else, by step."""
        return tuple(sorted(self._moments.values(), key=lambda moment: moment.step))

    def remarks(self) -> tuple[str, ...]:
        """Sentences about what was counted; after :meth:`series`."""
        return (*self._sentences, *(sentence_of(what, count) for what, count in self._counts.items() if count))


def sentence_of(what: str, n: int) -> str:
    """What was counted, in words."""
    if what.startswith("left:"):
        return f"Left out: {n:,} {what.removeprefix('left:')}."
    return {
        "nonfinite": f"{n:,} values are not finite (NaN or infinite); they are kept as they are.",
        "repeated": f"{n:,} values were said again at the same step; the last one counts.",
        "dropped": f"{n:,} values were dropped, for a restarted writer began again before them.",
        "numbered": f"{n:,} figures were written without steps; they are numbered in their order.",
        "steps": f"{n:,} values have steps that no run can have; they are left out.",
        "series": f"{n:,} values belong to more figures than one run keeps here; they are left out.",
        "media": f"{n:,} images, audio clips and texts are more than one run takes; they are left out.",
    }[what]


def is_kept(number: float | None) -> bool:
    """Whether a number has a place in a store: a whole one may be larger than any float."""
    try:
        float(number or 0)
    except OverflowError:
        return False
    return True


def flat(settings: object, *, most: int = MOST_SETTINGS, longest: int = 10_000) -> dict[str, object]:
    """A configuration as settings by dotted names; lists and whatever else as short text. At most so many.

    One that holds itself has no end: below so many levels it is text, and so many parts are looked at.
    """
    found: dict[str, object] = {}
    waiting: list[tuple[str, object, int]] = [("", settings, 0)] if settings != {} else []
    for _ in range(MOST_LOOKED_AT):
        if not waiting or len(found) >= most:
            break
        name, value, depth = waiting.pop()
        if isinstance(value, dict) and value and depth < MOST_DEEP:
            inner = [(f"{name}.{key}" if name else str(key), one, depth + 1) for key, one in value.items()]
            waiting += reversed(inner[:most])
        elif isinstance(value, bool | int | float) or value is None:
            found[name or "value"] = value if is_kept(value) else hex(int(value or 0))[:longest]
        else:
            found[name or "value"] = _short(value, longest)
    return found


def _short(value: object, longest: int) -> str:
    """Lists with commas, in so many parts at most: one that holds itself many times is not written out."""
    parts: list[str] = []
    waiting: list[object] = [value]
    while waiting and len(parts) < MOST_PARTS:
        one = waiting.pop()
        if isinstance(one, Mapping):
            waiting += reversed([f"{key}: …" for key in islice(one, MOST_PARTS)])
        elif isinstance(one, Sequence) and not isinstance(one, str | bytes):
            waiting += reversed(one[:MOST_PARTS])
        else:
            parts.append(str(one)[:longest])
    return ", ".join(parts)[:longest]
