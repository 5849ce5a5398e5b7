"""A selection becomes a subgraph, and a copy becomes what is inside it: each one edit, and the flat form means the same after it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from core.graph.document import Definition, Document, End, Frame, Node, Promoted, Wire
from core.graph.ports import Port
from core.graph.recipe import Recipe, Rule
from core.graph.rules import ports_of, reachable
from core.graph.subgraphs.definitions import ENTRY, EXIT, block_of, border, definition_of, is_border, title_of
from core.graph.subgraphs.specs import bare_port, words_of
from core.graph.sweep import Axis, Sweep
from core.graph.vocabulary import BlockSpec, Vocabulary
from core.knobs import Value
from core.problems import refuse

APART = 240.0  # scene units between the border and what is inside
HEADER = 32.0


def refusal(document: Document, nodes: Collection[str], words: Vocabulary) -> str:
    """Why a selection cannot become a subgraph, as a sentence; empty where it can."""
    chosen = [key for key in nodes if key in document.nodes and not is_border(document.nodes[key])]
    known = words_of(document, words)
    specs = {key: known.spec(document.nodes[key].block) for key in chosen}
    if not chosen:
        return "Select the blocks that become a subgraph first."
    if unknown := next((key for key in chosen if not specs[key].known), ""):
        return f"{unknown!r} is not known here, so its ports cannot become those of a subgraph."
    if all(spec.role == "source" for spec in specs.values()):
        return "A source alone makes no subgraph: select the blocks that belong together behind it."
    if astray := next((wire for wire in document.wires if _is_astray(wire, specs)), None):
        return f"The wire {astray.key} leads to a port that is not there: remove it first."
    if between := _between(document, set(chosen)):
        return (
            f"{between!r} lies between the selected blocks: the subgraph would feed itself through it. Select it too."
        )
    for key in document.nodes:
        owner = document.owner(key)
        if owner != key and (key in chosen) != (owner in chosen):
            return f"{key!r} has the weights of {owner!r}: select both, or give it weights of its own."
    return _swept(document.sweep, set(chosen))


def _is_astray(wire: Wire, specs: Mapping[str, BlockSpec]) -> bool:
    """Whether a wire at one of the blocks has no port there."""
    out, into = specs.get(wire.source.node), specs.get(wire.target.node)
    return (out is not None and out.output(wire.source.port) is None) or (
        into is not None and into.input(wire.target.port) is None
    )


def _swept(sweep: Sweep | None, chosen: set[str]) -> str:
    """A sweep that reaches into the selection by what a subgraph cannot show; empty where none does."""
    for axis in sweep.axes if sweep is not None else ():
        off = {key for change in axis.changes for key in (*change.muted, *change.bypassed)}
        kinds = {path.rpartition(".")[0] for path in _paths(axis) if path.endswith((".repeat", ".kind"))}
        if found := sorted((off | kinds) & chosen):
            return f"The sweep takes {found[0]!r} out, repeats it or exchanges it: end the sweep first."
    return ""


def _between(document: Document, chosen: set[str]) -> str:
    """A block outside of the selection that depends on it and feeds it; empty where there is none."""
    behind: set[str] = set()
    for wire in document.wires:
        if wire.source.node in chosen and wire.target.node not in chosen:
            behind |= reachable(document, wire.target.node) - chosen
    return next((w.source.node for w in document.wires if w.target.node in chosen and w.source.node in behind), "")


def group(
    document: Document, nodes: Collection[str], words: Vocabulary, title: str, frames: Collection[str] = ()
) -> tuple[Document, str]:
    """The document with a selection as a copy of a new subgraph, and the copy's node. Raises Refused with why it cannot be.

    Wires across its edge become its ports; rules, shares and swept settings stay with the blocks they were said of. ``frames``
    are those around them, and notes beside them, which go along.
    """
    if reason := refusal(document, nodes, words):
        raise refuse(reason)
    chosen = [key for key in document.nodes if key in set(nodes) and not is_border(document.nodes[key])]
    left = min(document.nodes[key].x for key in chosen)
    top = min(document.nodes[key].y for key in chosen)
    name = fresh_id(document, title)
    title = unique(title, [each.title for each in document.definitions.values()], " ")
    definition = _cut_out(
        document, chosen, words_of(document, words), replace(Definition(id=name), title=title), left, top
    )
    moved = {key: frame for key, frame in document.frames.items() if key in set(frames)}
    definition = replace(definition, frames={key: _shifted(frame, -left, -top) for key, frame in moved.items()})
    copy = replace(document, nodes={k: n for k, n in document.nodes.items() if k not in chosen}).fresh_node_id(
        block_of(name)
    )
    node = Node(id=copy, block=block_of(name), x=left, y=top)
    outer = _outer_wires(document, set(chosen), copy, definition)
    definition, sweep = _shown_for(document.sweep, definition, chosen, copy)
    definition, definitions = _shown_further(document, definition, chosen, copy)
    made = replace(
        document, nodes=_in_place(document.nodes, chosen, node), wires=outer,
        definitions={**definitions, name: definition}, sweep=sweep,
        frames={key: frame for key, frame in document.frames.items() if key not in moved},
        recipe=_named_anew(document.recipe, {key: f"{copy}.{key}" for key in chosen}, words),
    )  # fmt: skip
    return made, copy


def _shifted(frame: Frame, dx: float, dy: float) -> Frame:
    return replace(frame, x=frame.x + dx, y=frame.y + dy)


def _named_anew(recipe: Recipe, names: Mapping[str, str], words: Vocabulary) -> Recipe:
    """Everything that a recipe says of some nodes, said under other ids; its options name blocks in texts."""
    texts = {
        f"{option.family}s/{option.key}": {k.name for k in option.knobs if k.kind == "text"} for option in words.options
    }
    return options_named(_moved(recipe, names), names, texts)


def options_named(
    recipe: Recipe, names: Mapping[str, str], texts: Mapping[str, Collection[str]] | None = None
) -> Recipe:
    """A recipe whose callbacks and diagnostics name some blocks otherwise; ``texts``: the only settings that may, by family and key."""

    def named(family: str, entries: Mapping[str, Mapping[str, Value]]) -> dict[str, dict[str, Value]]:
        return {
            key: {
                name: _in_text(value, names)
                if isinstance(value, str) and (texts is None or name in texts.get(f"{family}/{key}", ()))
                else value
                for name, value in knobs.items()
            }
            for key, knobs in entries.items()
        }

    return replace(
        recipe, callbacks=named("callbacks", recipe.callbacks), diagnostics=named("diagnostics", recipe.diagnostics)
    )  # fmt: skip


def _in_text(text: str, names: Mapping[str, str]) -> str:
    """A text whose words that are ids are other ids: ``pool, vit`` or ``info_nce/R@10``."""
    return "".join(names.get(part, part) for part in re.split(r"([\s,;/]+)", text))


def fresh_id(document: Document, title: str) -> str:
    """An id for a subgraph that is not taken."""
    return unique(re.sub(r"\W+", "_", title).strip("_").lower()[:40] or "subgraph", document.definitions)


def _in_place(nodes: Mapping[str, Node], chosen: Sequence[str], node: Node) -> dict[str, Node]:
    """The node where the first of the chosen stood: ties of order are told by the drawing."""
    made: dict[str, Node] = {}
    for key, each in nodes.items():
        if key == chosen[0]:
            made[node.id] = node
        if key not in chosen:
            made[key] = each
    return made


def _cut_out(
    document: Document, chosen: Sequence[str], words: Vocabulary, empty: Definition, left: float, top: float
) -> Definition:
    """The definition: what is chosen, with a border where wires crossed the edge."""
    inside = {
        key: replace(document.nodes[key], x=document.nodes[key].x - left, y=document.nodes[key].y - top)
        for key in chosen
    }
    right = max(node.x for node in inside.values())
    middle = max(node.y for node in inside.values()) / 2
    entry, leave = (unique(stem, inside) for stem in ("entry", "exit"))
    nodes = {
        entry: Node(id=entry, block=ENTRY, x=-APART, y=middle), **inside,
        leave: Node(id=leave, block=EXIT, x=right + APART, y=middle),
    }  # fmt: skip
    wires = [w for w in document.wires if w.source.node in inside and w.target.node in inside]
    wires = [replace(wire, via=tuple((x - left, y - top) for x, y in wire.via)) for wire in wires]
    takes, into = _taken(document, inside, words)
    gives, out = _given(document, inside, words)
    wires += [Wire(source=End(node=entry, port=name), target=end) for name, ends in into.items() for end in ends]
    wires += [Wire(source=end, target=End(node=leave, port=name)) for name, end in out.items()]
    return replace(empty, nodes=nodes, wires=tuple(wires), takes=tuple(takes), gives=tuple(gives))


def _taken(
    document: Document, inside: Mapping[str, Node], words: Vocabulary
) -> tuple[list[Port], dict[str, list[End]]]:
    """A port for everything that came in from outside: one source is one port, whatever it leads to. Then what must be wired and is not."""
    by_source: dict[End, list[End]] = {}
    for wire in document.wires:
        if wire.target.node in inside and wire.source.node not in inside:
            by_source.setdefault(wire.source, []).append(wire.target)
    loose = [
        End(node=key, port=port.name)
        for key in inside
        for port in ports_of(document, key, words)[0]
        if not port.optional and document.wire_at(End(node=key, port=port.name)) is None
    ]
    ports: list[Port] = []
    ends: dict[str, list[End]] = {}
    for some in (*by_source.values(), *([end] for end in loose)):
        port = next(p for p in ports_of(document, some[0].node, words)[0] if p.name == some[0].port)
        name = unique(port.name, ends)
        ports.append(bare_port(name, port))
        ends[name] = some
    return ports, ends


def _given(document: Document, inside: Mapping[str, Node], words: Vocabulary) -> tuple[list[Port], dict[str, End]]:
    """A port for every end that something outside takes; where nothing does, for what no block inside takes either."""
    used = dict.fromkeys(w.source for w in document.wires if w.source.node in inside and w.target.node not in inside)
    if not used:
        taken = {w.source for w in document.wires}
        every = (
            End(node=key, port=p.name) for key in inside for p in ports_of(document, key, words)[1] if p.kind != "loss"
        )
        used = dict.fromkeys(end for end in every if end not in taken)
    ports: list[Port] = []
    ends: dict[str, End] = {}
    for end in used:
        port = next(p for p in ports_of(document, end.node, words)[1] if p.name == end.port)
        name = unique(port.name, ends)
        ports.append(bare_port(name, port))
        ends[name] = end
    return ports, ends


def unique(name: str, taken: Collection[str], between: str = "_") -> str:
    """A name that is not taken: ``image``, ``image_2`` ..."""
    numbered = (f"{name}{between}{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(each for each in numbered if each not in taken)


def _outer_wires(document: Document, chosen: set[str], copy: str, definition: Definition) -> tuple[Wire, ...]:
    entry, leave = (border(definition.nodes, block) for block in (ENTRY, EXIT))
    into = {w.target: w.source.port for w in definition.wires if w.source.node == entry}
    out = {w.source: w.target.port for w in definition.wires if w.target.node == leave}
    wires: dict[str, Wire] = {}
    for wire in document.wires:
        ends = wire.source.node in chosen, wire.target.node in chosen
        if ends == (True, True):
            continue
        source = End(node=copy, port=out[wire.source]) if ends[0] else wire.source
        target = End(node=copy, port=into[wire.target]) if ends[1] else wire.target
        made = replace(wire, source=source, target=target)
        wires.setdefault(made.key, made)
    return tuple(wires.values())


def _shown_for(
    sweep: Sweep | None, definition: Definition, chosen: Sequence[str], copy: str
) -> tuple[Definition, Sweep | None]:
    """Settings that a sweep varies are shown on the subgraph, and the sweep names them there."""
    if sweep is None:
        return definition, None
    shown: dict[str, Promoted] = {}
    names: dict[str, str] = {}
    for path in dict.fromkeys(path for axis in sweep.axes for path in _paths(axis)):
        node, _, knob = path.rpartition(".")
        if node in chosen:
            name = unique(knob, shown)
            shown[name] = Promoted(name=name, node=node, knob=knob)
            names[path] = f"{copy}.{name}"
        elif path.startswith("rules.") and node.removeprefix("rules.") in chosen:
            names[path] = f"rules.{copy}.{path.removeprefix('rules.')}"
    return replace(definition, knobs=tuple(shown.values())), with_paths(sweep, names)


def _shown_further(
    document: Document, definition: Definition, chosen: Sequence[str], copy: str
) -> tuple[Definition, dict[str, Definition]]:
    """Inside another subgraph: what that one shows of the chosen blocks is shown through the new one, so that no copy loses a value."""
    definitions = dict(document.definitions)
    holder = definitions.get(document.inside)
    if holder is None:
        return definition, definitions
    shown = {each.name: each for each in definition.knobs}
    knobs = []
    for each in holder.knobs:
        if each.node in chosen:
            name = unique(each.knob, shown)
            shown[name] = Promoted(name=name, node=each.node, knob=each.knob)
            each = replace(each, node=copy, knob=name)
        knobs.append(each)
    definitions[holder.id] = replace(holder, knobs=tuple(knobs))
    return replace(definition, knobs=tuple(shown.values())), definitions


def with_paths(sweep: Sweep, names: Mapping[str, str]) -> Sweep:
    """A sweep whose settings are called otherwise."""
    axes = tuple(
        replace(
            axis, path=names.get(axis.path, axis.path),
            changes=tuple(replace(c, values={names.get(p, p): v for p, v in c.values.items()}) for c in axis.changes),
        )
        for axis in sweep.axes
    )  # fmt: skip
    return replace(sweep, axes=axes)


def _moved(recipe: Recipe, names: Mapping[str, str]) -> Recipe:
    """What a recipe says of some nodes, said of the same under other ids; of what is inside them too."""

    def moved(key: str) -> str:
        first, dot, rest = key.partition(".")
        return names.get(key) or (names[first] + dot + rest if first in names else key)

    def rules(some: Mapping[str, Rule]) -> dict[str, Rule]:
        return {moved(key): rule for key, rule in some.items()}

    mix = replace(
        recipe.mix,
        selects=moved(recipe.mix.selects),
        parts={moved(key): part for key, part in recipe.mix.parts.items()},
    )
    stages = tuple(replace(stage, rules=rules(stage.rules)) for stage in recipe.stages)
    return replace(recipe, rules=rules(recipe.rules), stages=stages, mix=mix)


def dissolve_refusal(document: Document, node: str) -> str:
    """Why a copy cannot be unpacked, as a sentence; empty where it can."""
    here = document.nodes.get(node)
    definition = None if here is None else definition_of(document.definitions, here)
    if here is None or definition is None:
        return "Only a subgraph can be unpacked."
    if here.repeat > 1:
        return f"It stands for {here.repeat} in a row: set its repeat to 1 first."
    if here.bypassed:
        return "It is bypassed: end that first."
    if len(document.places(node)) > 1:
        return "Its weights are in other places too: give it weights of its own first."
    if document.sweep is not None and any(
        path.startswith(f"{node}.") for axis in document.sweep.axes for path in _paths(axis)
    ):
        return "The sweep varies a setting of this copy: take it out of the sweep first."
    return ""


def _paths(axis: Axis) -> Iterator[str]:
    yield from (axis.path, *(path for change in axis.changes for path in change.values))


def dissolve(document: Document, node: str) -> tuple[Document, list[str]]:
    """The document with what is inside a copy in its place, and the new nodes. Raises Refused with why it cannot be.

    The definition stays, for other copies and for the palette.
    """
    if reason := dissolve_refusal(document, node):
        raise refuse(reason, node=node)
    here = document.nodes[node]
    definition = definition_of(document.definitions, here)
    assert definition is not None
    inside = {key: each for key, each in definition.nodes.items() if not is_border(each)}
    shown = {each.name: each for each in definition.knobs}
    for name, value in here.knobs.items():
        if (target := shown.get(name)) is not None and target.node in inside:
            each = inside[target.node]
            inside[target.node] = replace(each, knobs={**each.knobs, target.knob: value})
    outside = {key: each for key, each in document.nodes.items() if key != node}
    names: dict[str, str] = {}
    for key in inside:
        names[key] = unique(key, [*outside, *names.values()])
    fresh = {
        names[key]: replace(
            each, id=names[key], x=each.x + here.x, y=each.y + here.y, same_as=names.get(each.same_as, ""),
            muted=each.muted or here.muted,
        )
        for key, each in inside.items()
    }  # fmt: skip
    made: dict[str, Node] = {}
    for key, each in document.nodes.items():
        made.update(fresh if key == node else {key: each})
    rules = _said_of_all(document.recipe, node, names)
    wires = _joined(document, node, definition, names)
    definitions = _shown_nearer(document, node, definition, names)
    frames = dict(document.frames)
    for key, frame in definition.frames.items():
        name = unique(key, frames)
        frames[name] = replace(_shifted(frame, here.x, here.y), id=name)
    made_of = replace(document, nodes=made, wires=wires, recipe=rules, definitions=definitions, frames=frames)
    return made_of, list(fresh)


def _shown_nearer(
    document: Document, node: str, definition: Definition, names: Mapping[str, str]
) -> dict[str, Definition]:
    """Inside another subgraph: what that one showed of the copy it shows of the blocks themselves."""
    definitions = dict(document.definitions)
    holder = definitions.get(document.inside)
    if holder is None:
        return definitions
    targets = {each.name: each for each in definition.knobs if each.node in names}
    knobs = [
        replace(each, node=names[targets[each.knob].node], knob=targets[each.knob].knob)
        if each.node == node and each.knob in targets
        else each
        for each in holder.knobs
    ]
    definitions[holder.id] = replace(holder, knobs=tuple(knobs))
    return definitions


def _joined(document: Document, node: str, definition: Definition, names: Mapping[str, str]) -> tuple[Wire, ...]:
    """The outer wires led to where the border led them, and those of the inside."""
    here = document.nodes[node]
    entry, leave = (border(definition.nodes, block) for block in (ENTRY, EXIT))
    before = {wire.target.port: wire.source for wire in document.wires_into(node)}
    out: dict[str, End] = {}
    inner: list[Wire] = []
    for wire in definition.wires:
        from_entry = wire.source.node == entry
        source = (
            before.get(wire.source.port) if from_entry else End(node=names[wire.source.node], port=wire.source.port)
        )
        if source is None:
            continue
        if wire.target.node == leave:
            out[wire.target.port] = source
            continue
        via = () if from_entry else tuple((x + here.x, y + here.y) for x, y in wire.via)
        inner.append(Wire(source=source, target=End(node=names[wire.target.node], port=wire.target.port), via=via))
    outer = []
    for wire in document.wires:
        if wire.target.node == node:
            continue
        if wire.source.node == node:
            if wire.source.port not in out:
                continue
            wire = replace(wire, source=out[wire.source.port])
        outer.append(wire)
    return (*outer, *inner)


def _said_of_all(recipe: Recipe, node: str, names: Mapping[str, str]) -> Recipe:
    """What was said of a copy is said of each block in it; what was said of one of them more."""

    def spread(rules: Mapping[str, Rule]) -> dict[str, Rule]:
        whole = rules.get(node, Rule())
        kept = {key: rule for key, rule in rules.items() if key != node and not key.startswith(f"{node}.")}
        for key, rule in rules.items():  # of what lies deeper
            first, dot, rest = key.removeprefix(f"{node}.").partition(".")
            if key.startswith(f"{node}.") and dot and first in names:
                kept[f"{names[first]}.{rest}"] = rule
        for key, fresh in names.items():
            rule = rules.get(f"{node}.{key}", Rule()).over(whole)
            if rule != Rule():
                kept[fresh] = rule
        return kept

    outward = {f"{node}.{key}": fresh for key, fresh in names.items()}
    recipe = options_named(recipe, outward)
    mix = _moved(recipe, outward).mix
    stages = tuple(replace(stage, rules=spread(stage.rules)) for stage in recipe.stages)
    return replace(recipe, rules=spread(recipe.rules), stages=stages, mix=mix)


def title_now(document: Document, node: str) -> str:
    """What a copy is called: its own title, else its definition's."""
    here = document.nodes[node]
    definition = definition_of(document.definitions, here)
    return here.title or (title_of(definition) if definition is not None else node)
