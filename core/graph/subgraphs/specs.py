"""What a copy of a subgraph is to the canvas, the rules and the forms: a block like others, from what its definition holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final

from core.graph.document import Definition, Document, End
from core.graph.ports import KINDS, Port
from core.graph.subgraphs.definitions import (
    ENTRY,
    EXIT,
    block_of,
    border,
    drawing,
    holders,
    in_order,
    is_border,
    title_of,
)  # fmt: skip
from core.graph.vocabulary import BlockSpec, Role, Vocabulary
from core.knobs import Knob

FAMILY: Final = "Subgraphs of this document"
ORDER: Final[tuple[Role, ...]] = ("objective", "block", "transform", "source")  # the first that is inside is the role


def words_of(document: Document, words: Vocabulary) -> Vocabulary:
    """The vocabulary with the document's subgraphs; inside one, with its border and without those that would hold themselves."""
    if not document.definitions:
        return words
    return _words(_Key(document.definitions, words), document.inside)


class _Key:
    """Definitions and words by identity: both are frozen, and read anew with every edit."""

    def __init__(self, definitions: Mapping[str, Definition], words: Vocabulary) -> None:
        self.definitions, self.words = definitions, words
        self._parts = tuple(map(id, (words, *definitions.values())))

    def __hash__(self) -> int:
        return hash(self._parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._parts == other._parts


@lru_cache(maxsize=16)
def _words(key: _Key, inside: str) -> Vocabulary:
    definitions, words = key.definitions, key.words
    specs = specs_of(definitions, words)
    barred = holders(definitions, inside) if inside in definitions else set()
    found = [spec for name, spec in specs.items() if name not in barred]
    hidden = [spec for name, spec in specs.items() if name in barred]
    if inside in definitions:
        hidden += _border_specs(specs[inside])
    return Vocabulary([*words.values(), *found], words.options, hidden)


def specs_of(definitions: Mapping[str, Definition], words: Vocabulary) -> dict[str, BlockSpec]:
    """A spec for every definition, by id; of one that holds itself without what is inside it."""
    found: dict[str, BlockSpec] = {}
    order = in_order(definitions)
    for key in (*order, *(key for key in definitions if key not in order)):
        inside = {
            name: found.get(node.block) or words.spec(node.block)
            for name, node in definitions[key].nodes.items()
            if not is_border(node)
        }
        found[block_of(key)] = _spec(definitions[key], inside)
    return {key: found[block_of(key)] for key in definitions}


def _spec(definition: Definition, inside: Mapping[str, BlockSpec]) -> BlockSpec:
    """``inside``: the specs of what it holds, by node."""
    roles = {spec.role for spec in inside.values()}
    role: Role = next((each for each in ORDER if each in roles), "block")
    takes, gives, per_sample = _sides(definition, inside)
    mixes = any(spec.mixes for spec in inside.values())
    row = {port.kind for port in takes} & {port.kind for port in gives}
    modalities = {port.modality for port in (*takes, *gives)} - {"any", "loss"}
    return BlockSpec(
        key=block_of(definition.id), title=title_of(definition), role=role, family=FAMILY,
        summary=definition.note or "A part of this graph that stands as one block.", takes=takes, gives=gives,
        knobs=_knobs(definition, inside), modality=modalities.pop() if len(modalities) == 1 else "shared" if modalities else "any",
        repeatable=role == "block" and bool(row) and not mixes, mixes=mixes, per_sample=per_sample,
    )  # fmt: skip


def _sides(
    definition: Definition, inside: Mapping[str, BlockSpec]
) -> tuple[tuple[Port, ...], tuple[Port, ...], tuple[str, ...]]:
    """The ports as the blocks that they lead to have them, and which of them are before batching."""
    here, per_sample = drawing(definition), []
    entry, leave = (border(definition.nodes, block) for block in (ENTRY, EXIT))
    takes, gives = [], []
    for port in definition.takes:
        wires = [wire for wire in here.wires_from(entry) if wire.source.port == port.name]
        into = [(inside[w.target.node], w.target.port) for w in wires if w.target.node in inside]
        ends = [found for spec, name in into if (found := spec.input(name)) is not None]
        takes.append(_like(port, ends, optional=all(end.optional for end in ends)))
        if any(spec.is_per_sample(name) for spec, name in into):
            per_sample.append(port.name)
    for port in definition.gives:
        wire = here.wire_at(End(node=leave, port=port.name))
        spec = inside.get(wire.source.node) if wire is not None else None
        out = spec.output(wire.source.port) if spec is not None and wire is not None else None
        gives.append(_like(port, [out] if out else [], optional=False))
        if spec is not None and wire is not None and spec.is_per_sample(wire.source.port):
            per_sample.append(port.name)
    return tuple(takes), tuple(gives), tuple(per_sample)


def _like(port: Port, ends: list[Port], *, optional: bool) -> Port:
    """A port of the border with what the inside says of it."""
    if not ends:
        return replace(port, optional=optional)
    first = ends[0]
    modality = first.modality if port.modality == "any" else port.modality
    return replace(port, axes=first.axes, help=first.help, modality=modality, optional=optional)


def _knobs(definition: Definition, inside: Mapping[str, BlockSpec]) -> tuple[Knob, ...]:
    """What a copy can set: the shown settings, each with the value that the inside has as its default."""
    found = []
    for shown in definition.knobs:
        node, spec = definition.nodes.get(shown.node), inside.get(shown.node)
        knob = next((k for k in spec.knobs if k.name == shown.knob), None) if spec is not None else None
        if knob is None or node is None:
            continue
        default = node.knobs.get(knob.name, knob.default)
        title = knob.title if shown.name == knob.name else shown.name.replace("_", " ").capitalize()
        found.append(replace(knob, name=shown.name, title=title, default=default, advanced=False, placed=None))
    return tuple(found)


def _border_specs(spec: BlockSpec) -> list[BlockSpec]:
    """The two nodes of an inside's border: one gives what the subgraph takes, the other takes what it gives."""
    entry = BlockSpec(
        key=ENTRY, title="What comes in", role="transform", family="Border", gives=spec.takes,
        summary="What leads into the subgraph, by its ports.",
    )  # fmt: skip
    leave = BlockSpec(
        key=EXIT, title="What goes out", role="block", family="Border",
        takes=tuple(replace(port, optional=True) for port in spec.gives), summary="What the subgraph gives, by its ports.",
    )  # fmt: skip
    return [entry, leave]


def bare_port(name: str, like: Port) -> Port:
    """A port of a border, as a definition keeps it: name, kind and modality."""
    return Port(name=name, kind=like.kind, axes=KINDS[like.kind], modality=like.modality)
