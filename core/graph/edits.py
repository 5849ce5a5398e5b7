"""Every change to a document, as a function from one frozen document to the next.

Gestures, menu commands, fixes of Problems and the command line all come through here; nothing else makes documents.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.graph.conditions import OPTION, without_block
from core.graph.document import Document, End, Frame, Node, Wire
from core.graph.recipe import Recipe, Rule
from core.graph.rules import reachable
from core.graph.subgraphs.carrying import with_definitions_of
from core.graph.subgraphs.definitions import reached
from core.graph.sweep import Axis, Change, Sweep
from core.graph.vocabulary import Vocabulary
from core.knobs import Value


def add_node(
    document: Document, block: str, x: float, y: float, knobs: Mapping[str, Value] | None = None
) -> tuple[Document, str]:
    """A new node; gives the document and the node's id."""
    node = Node(id=document.fresh_node_id(block), block=block, x=x, y=y, knobs=knobs or {})
    return replace(document, nodes={**document.nodes, node.id: node}), node.id


LANE, GAP = 124.0, 40.0  # scene units that a block is high, and between two of a row
ROOM = 262.0  # scene units from one block of a row to the next, as the gallery is laid out
NewBlock = tuple[str, str, str, Mapping[str, Value]]  # block, incoming port, outgoing port, knobs
OF_WEIGHTS = frozenset({"knobs", "repeat"})  # fields of a node that are alike wherever its weights are


def change_node(document: Document, node: str, **fields: Any) -> Document:
    """Set fields of one node: title, muted, bypassed, repeat, collapsed, x, y. Knobs and repeat are its weights' everywhere."""
    nodes, owner = dict(document.nodes), document.owner(node)
    shared = {name: value for name, value in fields.items() if name in OF_WEIGHTS}
    nodes[node] = replace(nodes[node], **{name: value for name, value in fields.items() if name not in OF_WEIGHTS})
    nodes[owner] = replace(nodes[owner], **shared) if shared else nodes[owner]
    return replace(document, nodes=nodes)


def change_nodes(document: Document, nodes: Iterable[str], **fields: Any) -> Document:
    """Set the same fields of several nodes."""
    for node in [node for node in nodes if node in document.nodes]:
        document = change_node(document, node, **fields)
    return document


def share_weights(document: Document, node: str, other: str) -> Document:
    """Let a node have the weights of another; what had its own has the other's too, so there is never a chain.

    Its settings and its rule give way to those of the weights. Ask :func:`core.graph.sharing.refusal` first.
    """
    owner, moved = document.owner(other), document.places(node)
    if owner in moved:
        return document
    if document.nodes[node].same_as:
        moved = (node,)
    changed = {key: replace(document.nodes[key], same_as=owner) for key in moved}
    recipe = document.recipe
    for key in moved:
        recipe = _forget(recipe, key)
    return replace(document, nodes={**document.nodes, **changed}, recipe=recipe)


def own_weights(document: Document, node: str) -> Document:
    """Give a node weights of its own again, with the settings and the rule it had; what had its weights keeps sharing."""
    owner, others = document.owner(node), [key for key in document.places(node) if key != node]
    if not others:
        return replace(document, nodes={**document.nodes, node: replace(document.nodes[node], same_as="")})
    if owner == node:
        return _handed_on(document, node)
    alone = replace(document.nodes[node], same_as="")
    recipe = _with_rules_of(document.recipe, owner, node)
    return replace(document, nodes={**document.nodes, node: alone}, recipe=recipe)


def _handed_on(document: Document, owner: str) -> Document:
    """The weights of an owner go on in the first of their other places."""
    others = document.places(owner)[1:]
    return _handed_on_to(document, owner, others) if others else document


def _handed_on_to(document: Document, owner: str, others: Sequence[str]) -> Document:
    """The weights of an owner in some of their other places, where they go on in the first."""
    changed = {key: replace(document.nodes[key], same_as="" if key == others[0] else others[0]) for key in others}
    recipe = _with_rules_of(document.recipe, owner, others[0])
    return replace(document, nodes={**document.nodes, **changed}, recipe=recipe)


def _with_rules_of(recipe: Recipe, owner: str, node: str) -> Recipe:
    """What is said of one node's learning, in every stage, is said of another too, and of what is inside both."""

    def copied(rules: Mapping[str, Rule]) -> dict[str, Rule]:
        kept = {key: rule for key, rule in rules.items() if not is_within(key, node)}
        return {**kept, **{node + key[len(owner) :]: rule for key, rule in rules.items() if is_within(key, owner)}}

    stages = tuple(replace(stage, rules=copied(stage.rules)) for stage in recipe.stages)
    return replace(recipe, rules=copied(recipe.rules), stages=stages)


def set_knob(document: Document, node: str, name: str, value: Value, default: Value = None) -> Document:
    """Turn a knob; a value equal to ``default`` is left out of the file."""
    knobs = dict(document.nodes[node].knobs)
    if value == default and type(value) is type(default):
        knobs.pop(name, None)
    else:
        knobs[name] = value
    return change_node(document, node, knobs=knobs)


def move(document: Document, places: Mapping[str, tuple[float, float]]) -> Document:
    """Put nodes at new places (scene units)."""
    moved = {node: replace(document.nodes[node], x=x, y=y) for node, (x, y) in places.items()}
    return replace(document, nodes={**document.nodes, **moved})


def connect(document: Document, source: End, target: End, via: tuple[tuple[float, float], ...] = ()) -> Document:
    """Draw a wire; one already at the target is replaced. Ask :func:`core.graph.rules.refusal` first."""
    kept = tuple(wire for wire in document.wires if wire.target != target)
    return replace(document, wires=(*kept, Wire(source=source, target=target, via=via)))


def swap_inputs(document: Document, node: str, one: str, other: str) -> Document:
    """What leads to one incoming port leads to the other, and the other way round; bends stay with their wire."""
    ports = {one: other, other: one}
    wires = tuple(
        replace(wire, target=End(node=node, port=ports[wire.target.port]))
        if wire.target.node == node and wire.target.port in ports
        else wire
        for wire in document.wires
    )
    return replace(document, wires=wires)


def share_blocks(document: Document, source: str, beside: str, kinds: Sequence[str]) -> Document:
    """Lead a source into the blocks of another through *Either source*, so that both train them as a task each.

    ``kinds`` are the ports that both give; their wires from ``beside`` go through the new block.
    """
    old, new = document.nodes[beside], document.nodes[source]
    document, either = add_node(document, "transforms.either", max(old.x, new.x) + 210, (old.y + new.y) / 2)
    for wire in [wire for wire in document.wires_from(beside) if wire.source.port in kinds]:
        kind = wire.source.port
        document = connect(document, wire.source, End(node=either, port=f"first_{kind}"))
        document = connect(document, End(node=source, port=kind), End(node=either, port=f"second_{kind}"))
        document = connect(document, End(node=either, port=kind), wire.target, wire.via)
    return document


def disconnect(document: Document, wires: Iterable[str]) -> Document:
    """Remove wires by key."""
    gone = set(wires)
    return replace(document, wires=tuple(wire for wire in document.wires if wire.key not in gone))


def reroute(document: Document, wire: str, via: tuple[tuple[float, float], ...]) -> Document:
    """Give a wire other reroute points."""
    return replace(document, wires=tuple(replace(w, via=via) if w.key == wire else w for w in document.wires))


def remove_nodes(document: Document, nodes: Iterable[str], vocabulary: Vocabulary, keep_wires: bool = True) -> Document:
    """Delete nodes; a node with one way through leaves its wire joined unless ``keep_wires`` is False.

    Weights that are in other places too go on in the first of them.
    """
    for node in dict.fromkeys(node for node in nodes if node in document.nodes):
        if not document.nodes[node].same_as:
            document = _handed_on(document, node)
        bridges = _bridges(document, node, vocabulary) if keep_wires else []
        wires = [wire for wire in document.wires if node not in (wire.source.node, wire.target.node)]
        taken = {wire.target for wire in wires}
        wires += [wire for wire in bridges if wire.target not in taken]
        left = {key: value for key, value in document.nodes.items() if key != node}
        document = replace(document, nodes=left, wires=tuple(wires), recipe=_forget(document.recipe, node))
    return document


def _bridges(document: Document, node: str, vocabulary: Vocabulary) -> list[Wire]:
    ways = vocabulary.spec(document.nodes[node].block).ways_through()
    if len(ways) != 1:
        return []
    taken, given = ways[0]
    before = document.wire_at(End(node=node, port=taken))
    if before is None:
        return []
    return [
        Wire(source=before.source, target=wire.target)
        for wire in document.wires_from(node)
        if wire.source.port == given
    ]


def is_within(key: str, node: str) -> bool:
    """Whether what the recipe names is a node, or inside it."""
    return key == node or key.startswith(f"{node}.")


def _forget(recipe: Recipe, node: str) -> Recipe:
    rules = {key: rule for key, rule in recipe.rules.items() if not is_within(key, node)}
    stages = tuple(
        replace(stage, rules={key: rule for key, rule in stage.rules.items() if not is_within(key, node)})
        for stage in recipe.stages
    )
    mix = recipe.mix
    for source in [source for source in (*mix.parts, mix.selects) if is_within(source, node)]:
        mix = mix.without(source)
    return replace(recipe, rules=rules, stages=stages, mix=mix, callbacks=_without_breakpoints(recipe, node))


def _without_breakpoints(recipe: Recipe, node: str) -> Mapping[str, Mapping[str, Value]]:
    """The training options, where runs no longer pause at figures of a node that is gone."""
    knobs = recipe.callbacks.get(OPTION, {})
    text = str(knobs.get("when", ""))
    left = without_block(text, node)
    if left == text:
        return recipe.callbacks
    others = {key: value for key, value in recipe.callbacks.items() if key != OPTION}
    return {**others, OPTION: {**knobs, "when": left}} if left else others


def insert_on_wire(document: Document, node: str, wire: str, vocabulary: Vocabulary) -> Document:
    """Put a node into a wire where it has a way through that fits; else the document as it was."""
    old = next((w for w in document.wires if w.key == wire), None)
    if old is None or node in (old.source.node, old.target.node):
        return document
    source = vocabulary.spec(document.nodes[old.source.node].block).output(old.source.port)
    target = vocabulary.spec(document.nodes[old.target.node].block).input(old.target.port)
    spec = vocabulary.spec(document.nodes[node].block)
    entry = next((p.name for p in spec.takes if source and p.kind == source.kind), None)
    leave = next((p.name for p in spec.gives if target and p.kind == target.kind), None)
    if entry is None or leave is None:
        return document
    document = disconnect(document, [wire])
    document = connect(document, old.source, End(node=node, port=entry))
    return connect(document, End(node=node, port=leave), old.target)


def put_between(document: Document, source: End, target: End, blocks: Sequence[NewBlock]) -> Document:
    """A row of new blocks from one port to another in place of a wire; what hangs on the target makes room to the right.

    Ask :func:`core.graph.bridging.bridges` which fit.
    """
    first, last = document.nodes[source.node], document.nodes[target.node]
    room = first.x + ROOM * (len(blocks) + 1) - last.x
    if room > 0:
        behind = reachable(document, target.node)
        document = move(document, {key: (document.nodes[key].x + room, document.nodes[key].y) for key in behind})
        last = document.nodes[target.node]
    shares = [place / (len(blocks) + 1) for place in range(1, len(blocks) + 1)]
    spots = [(first.x + (last.x - first.x) * share, first.y + (last.y - first.y) * share) for share in shares]
    aside, end = _free_lane(document, spots), source
    for (x, y), (block, entry, leave, knobs) in zip(spots, blocks, strict=True):
        document, key = add_node(document, block, float(round(x)), float(round(y + aside)), knobs)
        document = connect(document, end, End(node=key, port=entry))
        end = End(node=key, port=leave)
    return connect(document, end, target)


def _free_lane(document: Document, spots: Sequence[tuple[float, float]]) -> float:
    """By how much a row of new blocks is moved down or up, so that none lies on a block that is there; the least there is."""
    nodes = document.nodes.values()
    steps = sorted((side * step for step in range(len(nodes) + 1) for side in (1, -1)), key=abs)
    lanes = (LANE * step / 2 for step in steps)
    return next(
        (
            aside
            for aside in lanes
            if not any(
                abs(node.x - x) < ROOM - GAP and abs(node.y - y - aside) < LANE for node in nodes for x, y in spots
            )
        ),
        0.0,
    )


def add_frame(document: Document, title: str, x: float, y: float, width: float, height: float) -> Document:
    """A titled frame."""
    name = next(f"frame_{n}" for n in range(1, len(document.frames) + 2) if f"frame_{n}" not in document.frames)
    frame = Frame(id=name, title=title, x=x, y=y, width=width, height=height)
    return replace(document, frames={**document.frames, name: frame})


def add_note(document: Document, text: str, x: float, y: float, width: float, height: float) -> tuple[Document, str]:
    """A note; gives the document and the note's id."""
    result = add_frame(document, text, x, y, width, height)
    name = list(result.frames)[-1]
    return change_frame(result, name, is_note=True), name


def change_frame(document: Document, frame: str, **fields: Any) -> Document:
    """Set fields of a frame."""
    return replace(document, frames={**document.frames, frame: replace(document.frames[frame], **fields)})


def remove_frames(document: Document, frames: Iterable[str]) -> Document:
    """Delete frames; what they surround stays."""
    gone = set(frames)
    return replace(document, frames={key: frame for key, frame in document.frames.items() if key not in gone})


def extract(document: Document, nodes: Iterable[str], frames: Iterable[str] = ()) -> Document:
    """The part of a document a copy carries: the nodes, the wires between them, their rules.

    Weights that are in several of the nodes stay one; a node without their owner takes its settings and rule along.
    """
    chosen = set(nodes) & set(document.nodes)
    for owner in {document.owner(key) for key in chosen} - chosen:
        document = _handed_on_to(document, owner, [key for key in document.places(owner) if key in chosen])
    rules = {
        key: rule for key, rule in document.recipe.rules.items() if key in chosen or key.partition(".")[0] in chosen
    }
    return Document(
        name=document.name,
        nodes={key: node for key, node in document.nodes.items() if key in chosen},
        wires=tuple(w for w in document.wires if w.source.node in chosen and w.target.node in chosen),
        frames={key: frame for key, frame in document.frames.items() if key in set(frames)},
        recipe=replace(document.recipe, rules=rules, stages=()),
        definitions=reached(document.definitions, (document.nodes[key] for key in chosen)),
    )


def paste(
    document: Document, part: Document, dx: float, dy: float, keep_incoming: Document | None = None
) -> tuple[Document, list[str]]:
    """Put a copied part in, moved by (dx, dy), under fresh ids; gives the document and the new ids.

    ``keep_incoming`` is the document the part came from: wires that led into the part are drawn again. Subgraphs that the part has
    copies of come along.
    """
    document, part = with_definitions_of(document, part)
    names: dict[str, str] = {}
    nodes = dict(document.nodes)
    for old, node in part.nodes.items():
        names[old] = replace(document, nodes=nodes).fresh_node_id(node.block)
        nodes[names[old]] = replace(node, id=names[old], x=node.x + dx, y=node.y + dy, same_as="")
    for old, node in part.nodes.items():
        nodes[names[old]] = replace(nodes[names[old]], same_as=names.get(node.same_as, ""))
    inner = [
        Wire(
            source=replace(w.source, node=names[w.source.node]),
            target=replace(w.target, node=names[w.target.node]),
            via=tuple((x + dx, y + dy) for x, y in w.via),
        )
        for w in part.wires
    ]
    if keep_incoming is not None:
        inner += [
            Wire(source=w.source, target=replace(w.target, node=names[w.target.node]))
            for w in keep_incoming.wires
            if w.target.node in names and w.source.node not in names and w.source.node in document.nodes
        ]
    said = {_renamed(key, names): rule for key, rule in part.recipe.rules.items()}
    rules = {**document.recipe.rules, **{key: rule for key, rule in said.items() if key}}
    result = replace(
        document, nodes=nodes, wires=(*document.wires, *inner), recipe=replace(document.recipe, rules=rules)
    )
    for frame in part.frames.values():
        add = add_note if frame.is_note else add_frame
        made = add(result, frame.title, frame.x + dx, frame.y + dy, frame.width, frame.height)
        result = made[0] if isinstance(made, tuple) else made
    return result, list(names.values())


def _renamed(key: str, names: Mapping[str, str]) -> str:
    """A node, or what is inside it, under another id; empty where it has none."""
    first, dot, rest = key.partition(".")
    return names.get(key) or (names[first] + dot + rest if first in names else "")


def set_rule(document: Document, node: str, stage: int | None = None, **fields: Any) -> Document:
    """Set frozen, learning_rate or weight_decay of a node's weights, in one stage or (None) in all."""
    recipe, node = document.recipe, document.owner(node)
    if stage is None or not recipe.stages:
        rules = _with_rule(recipe.rules, node, fields)
        return replace(document, recipe=replace(recipe, rules=rules))
    stages = list(recipe.stages)
    stages[stage] = replace(stages[stage], rules=_with_rule(stages[stage].rules, node, fields))
    return replace(document, recipe=replace(recipe, stages=tuple(stages)))


def _with_rule(rules: Mapping[str, Rule], node: str, fields: Mapping[str, Any]) -> dict[str, Rule]:
    rule = replace(rules.get(node, Rule()), **fields)
    kept = {key: value for key, value in rules.items() if key != node}
    return kept if rule == Rule() else {**kept, node: rule}


def set_recipe(document: Document, **fields: Any) -> Document:
    """Set fields of the recipe."""
    return replace(document, recipe=replace(document.recipe, **fields))


def set_mix(document: Document, source: str = "", **fields: Any) -> Document:
    """Set fields of the mix, or of one source's part in it."""
    mix = document.recipe.mix
    changed = mix.with_part(source, replace(mix.part(source), **fields)) if source else replace(mix, **fields)
    return set_recipe(document, mix=changed)


def switch(document: Document, family: str, key: str, on: bool, knobs: Mapping[str, Value] | None = None) -> Document:
    """Switch a callback or a diagnostic on or off; ``family`` is ``callbacks`` or ``diagnostics``."""
    entries = {name: value for name, value in getattr(document.recipe, family).items() if name != key}
    if on:
        entries[key] = dict(knobs or getattr(document.recipe, family).get(key, {}))
    changed: dict[str, Any] = {family: entries}
    return replace(document, recipe=replace(document.recipe, **changed))


def set_sweep(document: Document, sweep: Sweep | None) -> Document:
    """Another plan of a sweep, or none."""
    return replace(document, sweep=sweep)


def drop_axis(document: Document, title: str) -> Document:
    """Take an axis out of the sweep; with the last one the sweep goes."""
    left = document.sweep.without_axis(title) if document.sweep else None
    return replace(document, sweep=left if left and left.axes else None)


def link_axis(document: Document, title: str, points: Sequence[Mapping[str, Any]]) -> Document:
    """Let further settings change with an axis: ``points`` are named changes, as :class:`core.graph.sweep.Change` has them."""
    if document.sweep is None:
        return document
    changes = tuple(Change(name=str(point["name"]), values=point["values"]) for point in points)
    axes = tuple(Axis(name=title, changes=changes) if axis.title == title else axis for axis in document.sweep.axes)
    return replace(document, sweep=replace(document.sweep, axes=axes))


def rename(document: Document, name: str) -> Document:
    """Give the document another name."""
    return replace(document, name=name)


def with_frame_around(
    document: Document, nodes: Iterable[str], title: str, sizes: Mapping[str, tuple[float, float]]
) -> Document:
    """A frame around nodes; ``sizes`` gives each node's width and height as drawn."""
    boxes = [(n.x, n.y, *sizes.get(n.id, (160.0, 90.0))) for n in (document.nodes[key] for key in nodes)]
    if not boxes:
        return document
    left, top = min(b[0] for b in boxes) - 20, min(b[1] for b in boxes) - 36
    right, bottom = max(b[0] + b[2] for b in boxes) + 20, max(b[1] + b[3] for b in boxes) + 20
    if not all(map(math.isfinite, (left, top, right, bottom))):
        return document
    return add_frame(document, title, left, top, right - left, bottom - top)
