"""What a set of recordings holds out: as its table says, official folds, speakers, or recordings.

Whatever it is, the clips of one recording are never in two splits; where speakers are held out, those of one speaker neither.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.data.clips import ClipRow
from core.data.splitting import SHARES, place_of
from core.problems import refuse

WAYS = ("automatic", "as given", "fold", "speaker", "recording")
LEAST = 3  # speakers that can be shared among three splits
FEW = 20  # with fewer, a hash might leave a split empty
_HELD: dict[str, Callable[[ClipRow], str]] = {
    "fold": lambda row: row.told.fold,
    "speaker": lambda row: row.told.speaker,
    "recording": lambda row: row.told.recording or row.name,
}


@dataclass(frozen=True, kw_only=True)
class Holding:
    """What a person chose: by what, and which of them test and validate; empty: chosen here."""

    way: str = "automatic"
    test: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()


def chosen_way(rows: Sequence[ClipRow], holding: Holding) -> str:
    """By what these rows are split."""
    if holding.way != "automatic":
        return holding.way
    if holding.test:
        return next((way for way in ("fold", "speaker") if set(holding.test) <= _names(rows, way)), "recording")
    if any(row.split for row in rows):
        return "as given"
    if len(_names(rows, "fold")) > 1:
        return "fold"
    return "speaker" if len(_names(rows, "speaker")) >= LEAST else "recording"


def held_out(rows: Sequence[ClipRow], holding: Holding) -> list[ClipRow]:
    """The rows with group and split; a split stays empty where a hash of the group gives it. Raises Refused."""
    way = chosen_way(rows, holding)
    if way == "as given":
        if not any(row.split for row in rows):
            raise refuse("The data does not say which split its clips belong to.", hint="Choose another way to split.")
        return list(rows)
    if way in ("fold", "speaker") and not _names(rows, way):
        raise refuse(f"The data does not say which {way} its clips belong to.", hint="Choose another way to split.")
    splits = _splits(sorted(_names(rows, way), key=natural), way, holding)
    key = _HELD[way]
    return [
        replace(row, split=splits.get(key(row), ""), group=key(row) or row.group if way == "speaker" else row.group)
        for row in rows
    ]


def natural(name: str) -> tuple[tuple[bool, int, str], ...]:
    """A key by which ``fold10`` comes behind ``fold9``."""
    parts = re.split(r"(\d+)", name.casefold())
    return tuple((part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts)


def _names(rows: Sequence[ClipRow], way: str) -> set[str]:
    return {_HELD[way](row) for row in rows} - {""}


def _splits(names: Sequence[str], way: str, holding: Holding) -> dict[str, str]:
    """The split of each fold, speaker or recording; none where a hash gives it."""
    if holding.test or holding.validation:
        unknown = sorted({*holding.test, *holding.validation} - set(names))
        if unknown:
            raise refuse(f"There is no {way} called {unknown[0]!r}.", hint=f"There are: {', '.join(names)[:300]}.")
        return {
            name: "test" if name in holding.test else "validation" if name in holding.validation else "train"
            for name in names
        }
    if way == "fold":
        last = {names[-1]: "test", **({names[-2]: "validation"} if len(names) > 2 else {})}
        return {name: last.get(name, "train") for name in names}
    return {} if len(names) >= FEW or way == "recording" else _of_few(names)


def _of_few(names: Sequence[str]) -> dict[str, str]:
    """A tenth tests and as many validate, at least one each where there are three; which, is drawn by a hash."""
    drawn = sorted(names, key=place_of)
    count = max(1, round(SHARES["test"] * len(names)))
    edges = {"test": drawn[:count], "validation": drawn[count : 2 * count] if len(names) > 2 else []}
    return {name: next((split for split, some in edges.items() if name in some), "train") for name in names}
