"""One block in another's place: of the same family, with ports of the same names where wires are; what both can be set to stays."""

from __future__ import annotations

from dataclasses import replace

from core.graph import edits
from core.graph.document import Document
from core.graph.vocabulary import BlockSpec, Vocabulary
from core.problems import refuse


def candidates(document: Document, node: str, words: Vocabulary) -> list[str]:
    """Keys of the blocks that a node could be exchanged for with every wire kept, as the palette orders them."""
    own = words.spec(document.nodes[node].block)
    if not own.known or own.role == "source":
        return []
    others = [spec for spec in words.values() if spec.family == own.family and spec.key != own.key]
    return [spec.key for spec in others if _fits(document, node, own, spec)]


def _fits(document: Document, node: str, own: BlockSpec, other: BlockSpec) -> bool:
    """Whether every wire finds a port of its name and kind, and none is missing that must be wired."""
    taken = {wire.target.port for wire in document.wires if wire.target.node == node}
    given = {wire.source.port for wire in document.wires_from(node)}
    if _whole_batch(other) != _whole_batch(own):
        return False  # such as pairs made of the samples: what follows would have other samples than its other inputs
    if any(not port.optional and own.input(port.name) is None for port in other.takes):
        return False
    takes, gives = ({port.name: port.kind for port in side} for side in (other.takes, other.gives))
    mine, made = ({port.name: port.kind for port in side} for side in (own.takes, own.gives))
    shared = bool(takes.keys() & mine.keys()) and bool(gives.keys() & made.keys())
    return (
        shared
        and all(takes.get(name) == mine.get(name) for name in taken | (takes.keys() & mine.keys()))
        and all(gives.get(name) == made.get(name) for name in given)
    )


def _whole_batch(spec: BlockSpec) -> bool:
    """Whether a block makes what it gives of the samples of a batch together; objectives end in one number either way."""
    return spec.mixes and spec.role == "block"


def exchanged(document: Document, node: str, block: str, words: Vocabulary) -> Document:
    """The document with another block in a node's place, weights of its own, and the settings that both have.

    Raises Refused where wires would be lost.
    """
    now = document.nodes[node]
    if block == now.block:
        return document
    if block not in candidates(document, node, words):
        if _whole_batch(words.spec(block)) != _whole_batch(words.spec(now.block)):
            raise refuse(
                f"{words.spec(block).title} does not fit in the place of {words.spec(now.block).title}: one of them makes "
                "other samples of a batch, the other gives each sample back.", node=node,
                hint="Choose a block of the same family with the same ports.",
            )  # fmt: skip
        raise refuse(
            f"{words.spec(block).title} does not fit in the place of {words.spec(now.block).title}.", node=node,
            hint="Choose a block of the same family with the same ports.",
        )  # fmt: skip
    if len(document.places(node)) > 1:
        document = edits.own_weights(document, node)
    spec = words.spec(block)
    known = {knob.name: knob for knob in spec.knobs}
    kept = {name: v for name, v in now.knobs.items() if name in known and not known[name].problem_with(v)}
    repeat = now.repeat if spec.repeatable else 1
    return replace(
        document,
        nodes={**document.nodes, node: replace(document.nodes[node], block=block, knobs=kept, repeat=repeat)},
    )
