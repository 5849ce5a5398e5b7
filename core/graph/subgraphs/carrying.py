"""Definitions go along when a part is copied into another document: an equal one is shared, another of the same id is renamed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from core.graph.document import Definition, Document, Node
from core.graph.subgraphs.definitions import PREFIX, block_of, in_order, is_copy
from core.graph.subgraphs.grouping import unique


def with_definitions_of(document: Document, part: Document) -> tuple[Document, Document]:
    """The document with what the part needs, and the part with its copies named as they are there."""
    if not part.definitions:
        return document, part
    names: dict[str, str] = {}
    known = dict(document.definitions)
    for key in in_order(part.definitions):
        wanted = replace(part.definitions[key], nodes=_named(part.definitions[key].nodes, names))
        alike = [name for name, each in known.items() if _is_same(each, wanted)]
        same = key if key in alike else next(iter(alike), "")
        names[key] = same or unique(key, known)
        if not same:
            known[names[key]] = replace(wanted, id=names[key], title=_told_apart(wanted, names[key], known))
    drawn = {names[key]: known[names[key]] for key in part.definitions if key in names}  # in the order they had
    known = {**document.definitions, **drawn}
    return replace(document, definitions=known), replace(part, nodes=_named(part.nodes, names), definitions={})


def _is_same(one: Definition, other: Definition) -> bool:
    """Whether two hold the same under one title, told apart by a number or not."""
    number = one.title.removeprefix(other.title).strip()
    is_titled_alike = one.title.startswith(other.title) and (not number or number.isdigit())
    return is_titled_alike and replace(one, id=other.id, title=other.title) == other


def _named(nodes: Mapping[str, Node], names: Mapping[str, str]) -> dict[str, Node]:
    """Nodes whose copies are of definitions under other ids."""
    return {
        key: replace(node, block=block_of(names.get(node.block.removeprefix(PREFIX), node.block.removeprefix(PREFIX)))) if is_copy(node) else node
        for key, node in nodes.items()
    }  # fmt: skip


def _told_apart(definition: Definition, name: str, known: Mapping[str, Definition]) -> str:
    """A title that no other has: two of one name would be one in the palette."""
    taken = [each.title for each in known.values()]
    return definition.title if name == definition.id else unique(definition.title, taken, " ")
