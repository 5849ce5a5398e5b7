"""A document without subgraphs that means the same: every copy written out, wires led across borders, ids as paths.

Pure and bounded: what cannot be written out is told by :func:`~core.graph.subgraphs.definitions.faults` first. Of a copy that repeats,
the first keeps its id and the others are ``name~2``, ``name~3`` ...; a rule or a setting said of the copy holds for all of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from core.graph.document import Definition, Document, End, Node, Wire
from core.graph.recipe import Rule
from core.graph.subgraphs.definitions import ENTRY, EXIT, border, definition_of, drawing, faults, is_border
from core.graph.vocabulary import BlockSpec
from core.problems import Fix, Problem, Refused

Path = tuple[str, ...]  # node ids from the top drawing inwards


@dataclass(frozen=True, kw_only=True)
class Flat:
    """The flat form, and where its parts were drawn."""

    document: Document
    paths: Mapping[str, Path]  # flat node -> where it is drawn
    wholes: Mapping[str, tuple[str, ...]]  # a copy, by its path joined with dots -> the flat nodes that it is
    ends: Mapping[str, Mapping[str, End]]  # a copy, or an entry -> outgoing port -> the flat end that it is
    insides: Mapping[str, Document] = field(
        default_factory=dict
    )  # a copy -> its drawing, with all that is set from outside
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Place:
    """One drawing written out once."""

    document: Document  # with what its copy sets
    prefix: str = ""  # of the flat ids of its nodes
    weights: str = ""  # the prefix of the place whose weights it has
    path: Path = ()
    above: str = ""  # the prefix of the drawing that its copy lies in
    copy: str = ""  # the copy's node there
    before: str = ""  # of a copy that repeats: the prefix of the one before it
    definition: Definition | None = None
    muted: bool = False


@dataclass
class _Writing:
    """The places found so far, by prefix."""

    places: dict[str, _Place] = field(default_factory=dict)
    rows: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # (prefix, copy) -> prefixes of its row
    problems: list[Problem] = field(default_factory=list)


def flat_document(document: Document) -> Document:
    """The flat form alone. Raises Refused where a document cannot be written out."""
    if not document.definitions:
        return document
    found = flattened(document)
    if errors := [problem for problem in found.problems if problem.severity == "error"]:
        raise Refused(*errors)
    return found.document


def flattened(document: Document) -> Flat:
    """The flat form with where its parts were drawn; a document without subgraphs is its own."""
    if not document.definitions:
        return Flat(document=document, paths={key: (key,) for key in document.nodes}, wholes={}, ends={})
    known = next((flat for drawn, flat in tuple(_recent) if drawn is document), None)
    if known is None:
        known = _flattened(document)
        _recent.append((document, known))
    return known


_recent: deque[tuple[Document, Flat]] = deque(maxlen=8)  # frozen values, asked for again by whoever shows one


def _flattened(document: Document) -> Flat:
    if found := faults(document):
        return Flat(document=replace(document, nodes={}, wires=(), definitions={}), paths={}, wholes={}, ends={}, problems=tuple(found))  # fmt: skip
    writing = _Writing()
    _write(writing, document, _Place(document=document))
    nodes, paths, wires = _written(document, writing)
    whole = _with_rules(replace(document, nodes=nodes, wires=wires, definitions={}), paths, document)
    return Flat(
        document=whole, paths=paths, wholes=_wholes(writing, paths), ends=_ends(document, writing),
        insides={".".join(place.path): place.document for place in writing.places.values() if place.path},
        problems=tuple({(problem.node, problem.what): problem for problem in writing.problems}.values()),
    )  # fmt: skip


def _write(writing: _Writing, whole: Document, place: _Place) -> None:
    """Find every place in a drawing and below; as deep as the levels that :func:`faults` allows."""
    writing.places[place.prefix] = place
    here = place.document
    for key, node in here.nodes.items():
        definition = definition_of(whole.definitions, node)
        if definition is None:
            continue
        set_, told = _set_by(definition, node, here, whole, ".".join((*place.path, key)))
        writing.problems += told
        row: list[str] = []
        owner = here.owner(key)
        for number in range(1, node.repeat + 1):
            name = f"{key}." if number == 1 else f"{key}~{number}."
            mine = f"{owner}." if number == 1 else f"{owner}~{number}."
            inner = _Place(
                document=set_, prefix=place.prefix + name, weights=place.weights + mine, path=(*place.path, key), above=place.prefix,
                copy=key, before=row[-1] if row else "", definition=definition, muted=place.muted or node.muted or node.bypassed,
            )  # fmt: skip
            row.append(inner.prefix)
            _write(writing, whole, inner)
        writing.rows[place.prefix, key] = row


def _set_by(
    definition: Definition, node: Node, here: Document, whole: Document, path: str
) -> tuple[Document, list[Problem]]:
    """The inside of a definition with the values that a copy sets; what it sets and the inside does not show is told."""
    nodes, shown = dict(definition.nodes), {each.name: each for each in definition.knobs}
    problems = []
    for name, value in node.knobs.items():
        target = shown.get(name)
        if target is None or target.node not in nodes:
            if here.owner(node.id) == node.id:
                problems.append(_unheld(path, name, value))
            continue
        inner = nodes[target.node]
        nodes[target.node] = replace(inner, knobs={**inner.knobs, target.knob: value})
    return drawing(replace(definition, nodes=nodes), whole.definitions), problems


def _unheld(path: str, name: str, value: object) -> Problem:
    return Problem(
        what=f"This copy sets {name!r} to {value!r}, which its subgraph does not show.", node=path, severity="warning",
        hint="Show such a setting inside, or drop the value.",
        fix=Fix(text="Drop this value", edit="set_knob", arguments={"node": path, "name": name, "value": None}),
    )  # fmt: skip


def _written(document: Document, writing: _Writing) -> tuple[dict[str, Node], dict[str, Path], tuple[Wire, ...]]:
    nodes: dict[str, Node] = {}
    paths: dict[str, Path] = {}
    wires: list[Wire] = []
    for place, key in _in_drawn_order(document, writing):
        node, flat = place.document.nodes[key], place.prefix + key
        if flat in nodes:
            writing.problems.append(
                Problem(
                    what=f"Two blocks would be called {flat!r}: one of the graph, and one inside a subgraph.",
                    node=flat, hint="Give one of them another id in the file.",
                )
            )  # fmt: skip
            continue
        owner = place.weights + place.document.owner(key)
        same_as = owner if owner != flat else place.prefix + node.same_as if node.same_as else ""
        nodes[flat] = replace(node, id=flat, same_as=same_as, muted=node.muted or place.muted)
        paths[flat] = (*place.path, key)
    for flat, place, wire in _plain_wires(writing, nodes):
        source = _source(writing, place.prefix, wire.source)
        if source is not None:
            is_plain = source.node == place.prefix + wire.source.node
            wires.append(
                Wire(source=source, target=End(node=flat, port=wire.target.port), via=wire.via if is_plain else ())
            )
    return nodes, paths, tuple(wires)


def _in_drawn_order(document: Document, writing: _Writing) -> Iterator[tuple[_Place, str]]:
    """Every block that is no copy and no border, a copy's where the copy was drawn."""

    def walk(prefix: str) -> Iterator[tuple[_Place, str]]:
        place = writing.places[prefix]
        for key, node in place.document.nodes.items():
            if (row := writing.rows.get((prefix, key))) is not None:
                for inner in row:
                    yield from walk(inner)
            elif place.definition is None or not is_border(node):
                yield place, key

    yield from walk("")


def _plain_wires(writing: _Writing, nodes: Mapping[str, Node]) -> Iterator[tuple[str, _Place, Wire]]:
    """Every wire that ends at a block, with its flat id."""
    for place in writing.places.values():
        for wire in place.document.wires:
            key = wire.target.node
            if (place.prefix, key) not in writing.rows and (flat := place.prefix + key) in nodes:
                yield flat, place, wire


def _source(writing: _Writing, prefix: str, end: End) -> End | None:
    """The block's end that an outgoing end of a drawing is; None where nothing leads there."""
    seen = set()
    at: tuple[str, End] | None = (prefix, end)
    while at is not None and at not in seen:  # pass-through wires may go in a circle
        seen.add(at)
        prefix, end = at
        place = writing.places[prefix]
        row = writing.rows.get((prefix, end.node))
        if row is not None:
            at = _out_of(writing, prefix, end, row)
        elif place.definition is not None and place.document.nodes[end.node].block == ENTRY:
            at = _into(writing, place, end.port)
        else:
            return End(node=prefix + end.node, port=end.port)
    return None


def _out_of(writing: _Writing, prefix: str, end: End, row: list[str]) -> tuple[str, End] | None:
    """Through the exit of a copy; past it where it is bypassed."""
    here, inner = writing.places[prefix].document, writing.places[row[-1]]
    assert inner.definition is not None
    if here.nodes[end.node].bypassed:
        for taken, given in ways_through(inner.definition):
            if given == end.port:
                wire = here.wire_at(End(node=end.node, port=taken))
                return None if wire is None else (prefix, wire.source)
    leave = border(inner.document.nodes, EXIT)
    wire = inner.document.wire_at(End(node=leave, port=end.port))
    return None if wire is None else (inner.prefix, wire.source)


def _into(writing: _Writing, place: _Place, port: str) -> tuple[str, End] | None:
    """What leads into a place: of a row, what the one before it gives."""
    assert place.definition is not None
    ways = ways_through(place.definition)[:1]
    if place.before and ways and ways[0][0] == port:
        before = writing.places[place.before]
        wire = before.document.wire_at(End(node=border(before.document.nodes, EXIT), port=ways[0][1]))
        return None if wire is None else (before.prefix, wire.source)
    wire = writing.places[place.above].document.wire_at(End(node=place.copy, port=port))
    return None if wire is None else (place.above, wire.source)


def ways_through(definition: Definition) -> list[tuple[str, str]]:
    """Pairs of a port taken and one given that bypassing a copy joins; the first of them joins a row."""
    bare = BlockSpec(
        key="", title="", role="block", family="", summary="", takes=definition.takes, gives=definition.gives,
    )  # fmt: skip
    return bare.ways_through()


def _with_rules(flat: Document, paths: Mapping[str, Path], drawn: Document) -> Document:
    """What the recipe says of a copy holds for each block in it, unless more is said of that one."""
    recipe = flat.recipe

    def spread(rules: Mapping[str, Rule]) -> dict[str, Rule]:
        found = {key: rule for key, rule in rules.items() if key in drawn.nodes or key not in flat.nodes}
        for key, path in paths.items():
            rule = Rule()
            for depth in range(1, len(path) + 1):
                rule = rules.get(".".join(path[:depth]), Rule()).over(rule)
            if rule != Rule():
                found[key] = rule
        return {key: rule for key, rule in found.items() if key in flat.nodes or key not in drawn.nodes}

    stages = tuple(replace(stage, rules=spread(stage.rules)) for stage in recipe.stages)
    return replace(flat, recipe=replace(recipe, rules=spread(recipe.rules), stages=stages))


def _wholes(writing: _Writing, paths: Mapping[str, Path]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {".".join(place.path): [] for place in writing.places.values() if place.path}
    for flat, path in paths.items():
        for depth in range(1, len(path)):
            found[".".join(path[:depth])].append(flat)
    return {key: tuple(inner) for key, inner in found.items()}


def _ends(document: Document, writing: _Writing) -> dict[str, dict[str, End]]:
    """What copies and entries give, as flat ends; of a row what its last gives, and at its entry what its first takes."""
    found: dict[str, dict[str, End]] = {}
    for place in writing.places.values():
        for key, node in place.document.nodes.items():
            definition = definition_of(document.definitions, node)
            if definition is not None:
                ports = definition.gives
            elif node.block == ENTRY and place.definition is not None:
                ports = place.definition.takes
            else:
                continue
            ends = {port.name: _source(writing, place.prefix, End(node=key, port=port.name)) for port in ports}
            named = ".".join((*place.path, key))
            if named not in found:
                found[named] = {port: end for port, end in ends.items() if end is not None}
    return found
