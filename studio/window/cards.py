"""The examples as cards of the gallery: text, size, and the drawing in miniature."""

from __future__ import annotations

from core.graph.configurations import trial_count
from core.graph.document import Document
from core.graph.subgraphs.flat import flattened
from core.graph.subgraphs.specs import words_of
from core.graph.vocabulary import Vocabulary
from studio.open.documents import examples
from widgets.gallery import Card
from widgets.look.language import tr


def gallery_cards(words: Vocabulary) -> list[Card]:
    """One card an example, in the person's language."""
    return [_card(example.key, example.document, example.family, words) for example in examples()]


def _card(key: str, document: Document, family: str, words: Vocabulary) -> Card:
    place = {node: number for number, node in enumerate(document.nodes)}
    wires = [(wire.source.node, wire.target.node) for wire in document.wires]
    of_all = words_of(document, words)
    drawn = flattened(document).document.nodes
    specs = [words.spec(node.block) for node in drawn.values()]
    found_by = {
        document.name,
        *(spec.title for spec in specs),
        *(tr(spec.title) for spec in specs),
        *(p for spec in specs for p in spec.papers),
    }
    return Card(
        key=key, family=tr(family), title=tr(document.name), note=tr(document.note), blocks=len(drawn),
        steps=document.recipe.steps, trials=trial_count(document.sweep)[1] if document.sweep else 0,
        boxes=tuple((node.x, node.y, of_all.spec(node.block).modality) for node in document.nodes.values()),
        wires=tuple((place[a], place[b]) for a, b in wires if a in place and b in place),
        words=tuple(sorted(found_by)),
    )  # fmt: skip
