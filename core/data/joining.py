"""What belongs together: captions that read the same, and everything that hangs together through such captions or pictures."""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable


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
