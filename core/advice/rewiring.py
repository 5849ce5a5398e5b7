"""Changes that advice makes beyond one edit: another rate, a tower that hears the waveform itself, and a way on when parts fall out."""

from __future__ import annotations

from collections.abc import Mapping

from core.graph import edits
from core.graph.document import Document, End
from core.graph.vocabulary import Vocabulary
from core.knobs import Value


def turned(document: Document, node: str, name: str, value: Value, words: Vocabulary) -> Document:
    """A knob set; what equals its default is left out."""
    default = words.spec(document.nodes[node].block).defaults().get(name)
    return edits.set_knob(document, node, name, value, default)


def at_rate(document: Document, node: str, hertz: int, words: Vocabulary) -> Document:
    """What a node hears is read at this rate."""
    for key in document.ancestors({node}) - {node}:
        if any(knob.name == "hertz" for knob in words.spec(document.nodes[key].block).knobs):
            document = turned(document, key, "hertz", hertz, words)
    return document


def without_idle(document: Document, nodes: set[str], words: Vocabulary) -> Document:
    """Those of the nodes taken out that nothing hangs on any more, one after another; sources stay."""
    while True:
        idle = [
            key for key in nodes & set(document.nodes)
            if not any(document.wires_from(key)) and words.spec(document.nodes[key].block).role in ("transform", "block")
        ]  # fmt: skip
        if not idle:
            return document
        document = edits.remove_nodes(document, idle, words, keep_wires=False)


def wave_end(document: Document, node: str, words: Vocabulary) -> End | None:
    """Where the waveform comes from whose spectrogram a tower hears."""
    for wire in document.wires_into(node):
        port = words.spec(document.nodes[wire.source.node].block).output(wire.source.port)
        if port is not None and port.kind == "waveform":
            return wire.source
        if words.spec(document.nodes[wire.source.node].block).role == "transform":
            return wave_end(document, wire.source.node, words)
    return None


def hearing_waves(
    document: Document, node: str, block: str, words: Vocabulary, knobs: Mapping[str, Value] | None = None
) -> tuple[Document, str]:
    """A tower over a spectrogram exchanged for one over the waveform; gives the document and the new node.

    Steps that only made the spectrogram fall out, and so do those that merge its bands.
    """
    wave, here = wave_end(document, node, words), document.nodes[node]
    assert wave is not None
    before = document.ancestors({node})
    after, new = edits.add_node(document, block, here.x, here.y, knobs)
    after = edits.connect(after, wave, End(node=new, port="waveform"))
    for wire in document.wires_from(node):
        after = edits.connect(after, End(node=new, port="tokens"), wire.target, wire.via)
    after = edits.remove_nodes(after, [node], words, keep_wires=False)
    merges = [wire.target.node for wire in after.wires_from(new)]
    merges = [key for key in merges if after.nodes[key].block == "connectors.frequency_merge"]
    after = edits.remove_nodes(after, merges, words)
    return without_idle(after, before - {node}, words), new
