"""What the blocks of a drawing are called: the person's own titles, else the block's; told apart where two are equal."""

from __future__ import annotations

from collections import Counter

from core.graph.document import Document
from core.graph.vocabulary import Vocabulary
from widgets.look.language import tr

_words = Vocabulary()


def use_vocabulary(words: Vocabulary) -> None:
    """What blocks without a title of their own are called."""
    global _words
    _words = words


def vocabulary() -> Vocabulary:
    """The blocks there are, with the defaults of their settings; empty until they were read."""
    return _words


def titles_of(document: Document) -> dict[str, str]:
    """A title for every node, no two alike."""
    found: dict[str, str] = {}
    for key, node in document.nodes.items():
        known = node.block in _words
        found[key] = node.title or (tr(_words.spec(node.block).title) if known else key.replace("_", " "))
    counts, used = Counter(found.values()), Counter[str]()
    for key, title in found.items():
        if counts[title] > 1:
            used[title] += 1
            found[key] = title if used[title] == 1 else f"{title} {used[title]}"
    return found
