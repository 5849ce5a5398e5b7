"""What belongs together: captions that read the same, what hangs together through such captions or pictures, equal values."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass


def caption_key(sentence: str) -> str:
    """A caption without what no reader tells apart: case, composed or separate accents, kind and number of blanks."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", sentence).casefold())
    return " ".join(text.split())


class Joined:
    """Names that were joined have one root, in whatever order they were joined (Tarjan 1975)."""

    def __init__(self) -> None:
        self._above: dict[Hashable, Hashable] = {}

    def root(self, name: Hashable) -> Hashable:
        """What stands for all that a name was joined with."""
        found = self._above.setdefault(name, name)
        while found != self._above[found]:
            self._above[found] = self._above[self._above[found]]
            found = self._above[found]
        self._above[name] = found
        return found

    def join(self, name: Hashable, other: Hashable) -> None:
        """Both have one root from now on: that of the first."""
        first, second = self.root(name), self.root(other)
        if first != second:
            self._above[second] = first


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """Samples of two sources that have the same value, and how many did not meet, or met more than once; each of (first, second)."""

    pairs: tuple[tuple[int, int], ...] = ()  # in the order of the first, then of the second
    count: int = 0  # pairs there are
    lonely: tuple[int, int] = (0, 0)  # samples with no partner
    several: tuple[int, int] = (0, 0)  # values in common that more than one sample has


def meet(first: Mapping[int, str], second: Mapping[int, str], most: int) -> Meeting:
    """Every sample of the first beside every one of the second with an equal value, the empty one apart; no pairs are made where they were over ``most``."""
    counts = Counter(first.values()), Counter(second.values())
    common = (counts[0].keys() & counts[1].keys()) - {""}
    count = sum(counts[0][value] * counts[1][value] for value in common)
    lonely = tuple(sum(one.values()) - sum(one[value] for value in common) for one in counts)
    several = tuple(sum(one[value] > 1 for value in common) for one in counts)
    partners: dict[str, list[int]] = defaultdict(list)
    for index, value in second.items():
        partners[value].append(index)
    pairs = ((index, other) for index, value in first.items() for other in (partners[value] if value in common else ()))
    return Meeting(
        pairs=tuple(pairs) if count <= most else (), count=count, lonely=(lonely[0], lonely[1]),
        several=(several[0], several[1]),
    )  # fmt: skip
