"""What the blocks of a drawing are called: the person's own titles, else the block's; told apart where two are equal."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Final

from core.graph.document import Document, Node
from core.graph.subgraphs.definitions import definition_of, drawing, title_of
from core.graph.subgraphs.facts import place_of
from core.graph.subgraphs.flat import Path, flattened
from core.graph.vocabulary import Vocabulary
from widgets.look.language import tr

BETWEEN: Final = " › "  # a copy and what is inside it
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
    found = {key: _title(document, node) for key, node in document.nodes.items()}
    counts, used = Counter(found.values()), Counter[str]()
    for key, title in found.items():
        if counts[title] > 1:
            used[title] += 1
            found[key] = title if used[title] == 1 else f"{title} {used[title]}"
    return found if not document.definitions or document.inside else {**_inside(document), **found}


def _title(document: Document, node: Node) -> str:
    definition = definition_of(document.definitions, node)
    if definition is not None:
        return node.title or title_of(definition)
    known = _words.spec(node.block).known
    return node.title or (tr(_words.spec(node.block).title) if known else node.id.replace("_", " "))


def _inside(document: Document) -> dict[str, str]:
    """A title for everything inside subgraphs, by its path: those of the copies it lies in, and its own."""
    levels = {key: titles_of(drawing(each)) for key, each in document.definitions.items()}
    top, flat = titles_of(replace(document, definitions={})), flattened(document)

    def told(path: Path) -> str:
        parts, nodes, titles = [], document.nodes, top
        for key in path:
            definition = definition_of(document.definitions, nodes[key])
            parts.append(titles[key] if nodes[key].title or definition is None else title_of(definition))
            if definition is not None:
                nodes, titles = definition.nodes, levels[definition.id]
        return BETWEEN.join(parts)

    inner = {key: told(path) for key, path in flat.paths.items() if len(path) > 1}
    return inner | {key: told(place_of(flat, key)) for key in flat.wholes if "." in key}
