"""One inside as a document of its own, and what was drawn there put back.

A level is looked at through a copy, so what the recipe says of that copy's blocks is what it shows; what is drawn in it is the
definition's, and with it every copy's. Top drawing and level are edited by the same functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from core.graph.document import Definition, Document, Node, Wire
from core.graph.recipe import Recipe, Rule
from core.graph.subgraphs.changes import settled
from core.graph.subgraphs.definitions import ENTRY, EXIT, border, definition_of, is_border, title_of
from core.graph.subgraphs.flat import Path, flattened
from core.graph.subgraphs.grouping import options_named
from core.problems import refuse


def inside_of(document: Document, path: Path) -> Definition | None:
    """The definition that a path of copies leads into; None at the top, or where it leads nowhere any more."""
    nodes, found = document.nodes, None
    for key in path:
        found = definition_of(document.definitions, nodes[key]) if key in nodes else None
        if found is None:
            return None
        nodes = found.nodes
    return found


def still_there(document: Document, path: Path) -> Path:
    """As much of a path as the document has."""
    while path and inside_of(document, path) is None:
        path = path[:-1]
    return path


def level(document: Document, path: Path) -> Document:
    """The drawing that a path of copies leads into; the document itself at the top."""
    definition = inside_of(document, path)
    if definition is None:
        return document
    prefix = "".join(f"{key}." for key in path)
    return Document(
        id=f"{document.id}/{'.'.join(path)}", name=document.name, note=document.note, nodes=definition.nodes,
        wires=definition.wires, frames=definition.frames, definitions=document.definitions, inside=definition.id,
        recipe=_said(document.recipe, lambda key: key.removeprefix(prefix) if key.startswith(prefix) else ""),
    )  # fmt: skip


def with_level(document: Document, path: Path, drawn: Document) -> Document:
    """The document with a level as it is drawn now. Raises Refused where it would hold itself.

    The border stays; wires and values of copies that hang on what is gone go as :mod:`.changes` says.
    """
    definition = inside_of(document, path)
    if definition is None:
        return drawn
    nodes, wires = _bordered(definition, drawn)
    now = drawn.definitions.get(definition.id, definition)
    made = replace(now, nodes=nodes, wires=wires, frames=drawn.frames)
    definitions = {**drawn.definitions, definition.id: made}
    if _holds_itself(definitions, definition.id):
        raise refuse(f"{title_of(definition)!r} cannot hold itself.", hint="Put the block outside of it.")
    recipe = _put_back(document.recipe, "".join(f"{key}." for key in path), drawn.recipe)
    moves = _regrouped(definition, made, definitions)
    for other in paths_to(document, definition.id):
        copy = ".".join(other)
        if other != path:
            recipe = _carried(recipe, copy, moves, made)
        recipe = options_named(recipe, {f"{copy}.{old}": f"{copy}.{new}" for old, new in moves.items()})
    return settled(replace(document, definitions=definitions, recipe=recipe), definition.id)


def paths_to(document: Document, definition: str) -> list[Path]:
    """Every path of copies that leads into a definition."""
    every = (tuple(key.split(".")) for key in flattened(document).wholes)
    return [path for path in every if (found := inside_of(document, path)) is not None and found.id == definition]


def _regrouped(was: Definition, now: Definition, definitions: Mapping[str, Definition]) -> dict[str, str]:
    """Where blocks of an inside are after some became a subgraph in it, or one was unpacked: what the recipe says goes along."""
    gone = [key for key in was.nodes if key not in now.nodes]
    fresh = [key for key in now.nodes if key not in was.nodes]
    if len(fresh) == 1 and (inner := definition_of(definitions, now.nodes[fresh[0]])) is not None:
        return {key: f"{fresh[0]}.{key}" for key in gone if key in inner.nodes}
    if len(gone) == 1 and (inner := definition_of(definitions, was.nodes[gone[0]])) is not None:
        inside = [key for key, node in inner.nodes.items() if not is_border(node)]
        return {f"{gone[0]}.{key}": name for key, name in zip(inside, fresh)} if len(inside) == len(fresh) else {}
    return {}


def _carried(recipe: Recipe, copy: str, moves: Mapping[str, str], now: Definition) -> Recipe:
    """What is said of another copy's blocks: where they moved, without those that are gone."""

    def named(key: str) -> str:
        if not key.startswith(f"{copy}."):
            return key
        inner = key.removeprefix(f"{copy}.")
        old = next((old for old in moves if inner == old or inner.startswith(f"{old}.")), "")
        inner = moves[old] + inner.removeprefix(old) if old else inner
        return f"{copy}.{inner}" if inner.partition(".")[0] in now.nodes else ""

    return _said(recipe, named)


def _holds_itself(definitions: Mapping[str, Definition], key: str) -> bool:
    from_here, seen = [key], set[str]()
    while from_here:
        for node in definitions[from_here.pop()].nodes.values():
            inner = definition_of(definitions, node)
            if inner is not None and inner.id == key:
                return True
            if inner is not None and inner.id not in seen:
                seen.add(inner.id)
                from_here.append(inner.id)
    return False


def _bordered(definition: Definition, drawn: Document) -> tuple[dict[str, Node], tuple[Wire, ...]]:
    """What was drawn with the border as it was: one entry and one exit, always there."""
    nodes, wires = dict(drawn.nodes), list(drawn.wires)
    for block in (ENTRY, EXIT):
        key = border(definition.nodes, block)
        if key not in nodes:  # it was deleted: it comes back, with its wires to what is still there
            nodes[key] = definition.nodes[key]
            taken = {wire.target for wire in wires}
            wires += [
                wire for wire in definition.wires
                if key in (wire.source.node, wire.target.node) and {wire.source.node, wire.target.node} <= nodes.keys() and wire.target not in taken
            ]  # fmt: skip
        nodes[key] = replace(nodes[key], muted=False, bypassed=False, repeat=1, same_as="", knobs={})
    kept = {border(definition.nodes, block) for block in (ENTRY, EXIT)}
    nodes = {key: node for key, node in nodes.items() if not is_border(node) or key in kept}
    return nodes, tuple(w for w in wires if w.source.node in nodes and w.target.node in nodes)


def _said(recipe: Recipe, inward: Callable[[str], str]) -> Recipe:
    """A recipe with what it says of nodes under other names; an empty name leaves it out."""

    def rules(some: Mapping[str, Rule]) -> dict[str, Rule]:
        return {name: rule for key, rule in some.items() if (name := inward(key))}

    parts = {name: part for key, part in recipe.mix.parts.items() if (name := inward(key))}
    stages = tuple(replace(stage, rules=rules(stage.rules)) for stage in recipe.stages)
    mix = replace(recipe.mix, selects=inward(recipe.mix.selects), parts=parts)
    return replace(recipe, rules=rules(recipe.rules), stages=stages, mix=mix)


def _put_back(recipe: Recipe, prefix: str, inner: Recipe) -> Recipe:
    """The whole recipe with what a level says of its nodes; all else is the whole's."""

    def rules(whole: Mapping[str, Rule], level: Mapping[str, Rule]) -> dict[str, Rule]:
        others = {key: rule for key, rule in whole.items() if not key.startswith(prefix)}
        return {**others, **{prefix + key: rule for key, rule in level.items()}}

    parts = {key: part for key, part in recipe.mix.parts.items() if not key.startswith(prefix)}
    parts |= {prefix + key: part for key, part in inner.mix.parts.items()}
    was_inside = recipe.mix.selects.startswith(prefix)
    selects = (prefix + inner.mix.selects if inner.mix.selects else "") if was_inside else recipe.mix.selects
    stages = tuple(
        replace(stage, rules=rules(stage.rules, inner.stages[number].rules if number < len(inner.stages) else {}))
        for number, stage in enumerate(recipe.stages)
    )
    mix = replace(recipe.mix, selects=selects, parts=parts)
    return replace(recipe, rules=rules(recipe.rules, inner.rules), stages=stages, mix=mix)
