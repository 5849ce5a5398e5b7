"""What lies on the tray: up to four images, sounds or attention maps of any runs and steps, each by its place in the store.

What is held never changes: a place is a run, a step, a series and a number. Kept as JSON, checked when it is read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

MOST_HELD, MOST_LETTERS = 4, 500
Kind = Literal["image", "original image", "sound", "original sound", "attention"]
KINDS: tuple[Kind, ...] = ("image", "original image", "sound", "original sound", "attention")


@dataclass(frozen=True, kw_only=True)
class Held:
    """One thing on the tray."""

    kind: Kind
    series: str
    step: int  # at which it was said
    index: int = 0  # which of those of the step; of attention, the sample
    run: str = ""  # uid; empty until it is known whose it is
    head: int = -1  # of attention: the head, the mean of them, or attention rollout
    query: int = -1  # of attention: the token that asks, or the mean of them


def dumped(held: Sequence[Held]) -> str:
    """As text; :func:`loaded` is its inverse."""
    return json.dumps([asdict(each) for each in held])


def loaded(text: str) -> tuple[Held, ...]:
    """What a text says; what is no place is left out."""
    try:
        rows = json.loads(text) if text else []
    except (ValueError, RecursionError):
        rows = []
    found = [each for row in rows if (each := _held(row)) is not None] if isinstance(rows, list) else []
    return tuple(found[:MOST_HELD])


def _held(row: Any) -> Held | None:
    if not isinstance(row, dict) or row.keys() != {each.name for each in fields(Held)} or row["kind"] not in KINDS:
        return None
    words, numbers = (row["series"], row["run"]), (row["step"], row["index"], row["head"], row["query"])
    is_text = all(isinstance(word, str) and len(word) <= MOST_LETTERS for word in words)
    is_count = all(isinstance(number, int) and not isinstance(number, bool) for number in numbers)
    return Held(**row) if is_text and is_count else None


def put(held: Sequence[Held], fresh: Held) -> tuple[Held, ...]:
    """With one more at the end; of five the oldest goes, and nothing lies there twice."""
    return (*[each for each in held if each != fresh][-(MOST_HELD - 1) :], fresh)
