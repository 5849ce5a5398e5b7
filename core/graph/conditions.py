"""What a run pauses at: conditions on the figures that it says, written as a person would say them.

``effective rank < 4; temperature/info_nce > 99; loss jumps 6``: a figure, how it compares, a number. A figure is named as
the metrics monitor names it, by its last words, or with ``*`` for anything; capitals do not matter. *Jumps* and *drops*
count standard deviations from the mean of what the figure was lately: a z-score.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from statistics import fmean, pstdev
from typing import Final, Literal

from core.graph.selection import without_task
from core.problems import Refused, refuse

PAUSE, STOP, SAY = "pause", "stop", "say it"  # what follows where one is met
OPTION: Final = "breakpoints"  # the training option whose text they are
USUAL: Final = "effective rank < 2; loss jumps 8"  # what it pauses at where nothing else is written
Relation = Literal["<", ">", "jumps", "drops"]
_CONDITION = re.compile(
    r"\s*(?P<figure>.+?)\s*(?:(?P<sign>[<>])|\s(?P<word>jumps|drops)\s)\s*(?P<value>\S+)\s*", re.I | re.S
)
LOSS: Final = "loss"
LEAST_SPREAD: Final = 1e-3  # of the mean: a figure that stood still does not jump by a rounding error


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One condition on every figure that its name fits."""

    figure: str
    relation: Relation
    value: float

    def __str__(self) -> str:
        return f"{self.figure} {self.relation} {self.value:g}"

    def fits(self, series: str) -> bool:
        """Whether a figure of a run is meant: by its whole name, by its last words, or by a pattern."""
        return self._fits(series.lower()) or self._fits("/".join(map(without_task, series.lower().split("/"))))

    def names(self, block: str) -> bool:
        """Whether the figure is one of a block: a part of its name is the block, or one of several of the block."""
        parts = [without_task(part.strip()) for part in self.figure.split("/")]
        return any(part == block or part.rstrip("0123456789") == f"{block}." for part in parts[1:] or parts)

    def _fits(self, name: str) -> bool:
        wanted = self.figure.lower()
        if "*" in wanted:
            return fnmatchcase(name, wanted) or fnmatchcase(name, f"*/{wanted}")
        if name == wanted or name.startswith(f"{wanted}/"):
            return True
        return (
            name.endswith(f"/{wanted}") and wanted != LOSS
        )  # what objectives learn is a modality of gradients, and no loss


def without_block(text: str, block: str) -> str:
    """A text of conditions without those on a block's figures; as it was where there are none, or where it cannot be read."""
    try:
        found = conditions_in(text)
    except Refused:
        return text
    left = [condition for condition in found if not condition.names(block)]
    return text if len(left) == len(found) else "; ".join(map(str, left))


def conditions_in(text: str) -> tuple[Condition, ...]:
    """The conditions that a text writes. Raises Refused where one cannot be read, and where there is none."""
    found = tuple(_condition(part) for part in re.split(r"[;\n]", text) if part.strip())
    if not found:
        raise refuse(
            "There is no condition to pause at.",
            hint="Write it like “effective rank < 4”, “loss jumps 6” or “gap drops 5”; semicolons separate conditions.",
        )
    return found


def _condition(part: str) -> Condition:
    match = _CONDITION.fullmatch(part)
    if match is None:
        raise refuse(
            f"“{part.strip()}” is no condition.",
            hint="Write it like “effective rank < 4”, “loss jumps 6” or “gap drops 5”; semicolons separate conditions.",
        )
    try:
        value = float(match["value"])
    except ValueError:
        value = math.nan
    relation: Relation = match["sign"] or match["word"].lower()  # type: ignore[assignment]
    if not math.isfinite(value) or (relation in ("jumps", "drops") and value <= 0):
        raise refuse(
            f"“{match['value']}” in “{part.strip()}” is no number to compare with.",
            hint="Write it like “effective rank < 4”, “loss jumps 6” or “gap drops 5”; semicolons separate conditions.",
        )
    return Condition(figure=match["figure"], relation=relation, value=value)


class Watch:
    """One condition on one figure as its values come: true once it has held ``in_a_row`` times; true again only after it did not."""

    def __init__(self, condition: Condition, *, in_a_row: int, window: int) -> None:
        self.condition, self._in_a_row = condition, in_a_row
        self._lately: deque[float] = deque(maxlen=window)
        self._held = 0

    def holds(self, value: float) -> bool:
        """Whether it has come true with this value. What is not finite counts as a jump."""
        true = self._is_true(value)
        if math.isfinite(value) and not (true and self._compares_with_before):
            self._lately.append(value)  # what stands out is no part of what it stands out from
        self._held = self._held + 1 if true else 0
        return self._held == self._in_a_row

    @property
    def _compares_with_before(self) -> bool:
        return self.condition.relation in ("jumps", "drops")

    def _is_true(self, value: float) -> bool:
        if self.condition.relation == "<":
            return value < self.condition.value
        if self.condition.relation == ">":
            return value > self.condition.value
        if not math.isfinite(value):
            return True
        if len(self._lately) < (self._lately.maxlen or 0):
            return False
        mean = fmean(self._lately)
        spread = max(pstdev(self._lately, mean), LEAST_SPREAD * abs(mean), 1e-12)
        score = (value - mean) / spread
        return score > self.condition.value if self.condition.relation == "jumps" else score < -self.condition.value

    def state(self) -> list[float]:
        """How often it has held, then what the figure was lately."""
        return [float(self._held), *self._lately]

    def load_state(self, state: Iterable[float]) -> None:
        """The inverse of :meth:`state`."""
        held, *lately = state
        self._held = int(held)
        self._lately.extend(lately)
