"""How a search field ranks names: the same in the palette, the quick search and the command list."""

from __future__ import annotations

from collections.abc import Iterable

from core.graph.vocabulary import BlockSpec
from widgets.look.language import tr

INITIALS = 3.0


def match(query: str, *texts: str) -> float:
    """How well ``texts`` (most important first) answer the query; 0 means not at all, an empty query fits all.

    Every word of the query must be found; the start of a word counts more than its middle, an earlier text more than
    a later one, and initials (``tt`` for "Text transformer") lie
    between.
    """
    words = query.casefold().split()
    if not words:
        return 1.0
    folded = [text.casefold() for text in texts]
    scores = [
        max((_one(word, text) / (1 + 0.6 * rank) for rank, text in enumerate(folded)), default=0.0) for word in words
    ]
    found = sum(scores) / len(scores) if all(scores) else 0.0
    initials = INITIALS if folded and _are_initials("".join(words), folded[0]) else 0.0
    return max(found, initials)


def best_first(query: str, entries: Iterable[tuple[str, tuple[str, ...]]]) -> list[str]:
    """Keys of the entries that fit, best first; equals keep their order."""
    scored = [(match(query, *texts), key) for key, texts in entries]
    return [key for score, key in sorted(scored, key=lambda pair: -pair[0]) if score > 0]


def _one(word: str, text: str) -> float:
    place = text.find(word)
    if place < 0:
        return 0.0
    if place == 0:
        return 10.0 if len(text) == len(word) else 8.0
    return 5.0 if not text[place - 1].isalnum() or not text[place].isascii() else 2.0


def _are_initials(letters: str, text: str) -> bool:
    starts = "".join(part[0] for part in text.replace("-", " ").replace(".", " ").split())
    return len(letters) > 1 and starts.startswith(letters)


def names_of(spec: BlockSpec) -> tuple[str, ...]:
    """What a block can be found by, most important first: its names in both languages, its key, its summary."""
    return tr(spec.title), spec.title, spec.key, tr(spec.summary), spec.summary, tr(spec.family), spec.family
