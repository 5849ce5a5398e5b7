"""The caption among many with the largest share of common words (Jaccard): retrieval that learns nothing."""

from __future__ import annotations

from collections.abc import Sequence


class Captions:
    """Captions that can be searched."""

    def __init__(self, captions: Sequence[str]) -> None:
        self.captions = tuple(captions)
        self._words = [_words(caption) for caption in self.captions]
        self._holding: dict[str, list[int]] = {}  # word -> captions that have it
        for number, words in enumerate(self._words):
            for word in words:
                self._holding.setdefault(word, []).append(number)

    def nearest(self, sentence: str, *, other: bool = False) -> int:
        """Its number, the first where several are as near; ``other``: never one that is the very same sentence.

        Raises ValueError where there is none to choose from.
        """
        own = _words(sentence)
        left = [number for number, caption in enumerate(self.captions) if not other or caption != sentence]
        if not left:
            raise ValueError("There is no other caption.")
        common: dict[int, int] = {}
        for word in own:
            for number in self._holding.get(word, ()):
                common[number] = common.get(number, 0) + 1

        def share(number: int) -> float:
            shared = common.get(number, 0)
            return shared / max(len(own) + len(self._words[number]) - shared, 1)

        return max(left, key=share)


def _words(sentence: str) -> frozenset[str]:
    return frozenset(sentence.lower().replace(",", " ").split())
