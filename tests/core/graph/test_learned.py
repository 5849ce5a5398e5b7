"""Learned suggestions: what a person wires comes first, fades, is counted by kinds alone, and bad files are no counts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.graph import edits, rules
from core.graph.document import Document, End
from core.graph.learned import MOST_PAIRS, Learned
from core.runs.declared import declared_vocabulary
from studio.open.learning import Learning
from tests.documents import tiny_clip

PAIR = "encoders.vit.tokens>connectors.pool.tokens"


def wired(document: Document) -> Document:
    cut = edits.disconnect(document, ("vit.tokens>pool.tokens",))
    return edits.connect(cut, End(node="vit", port="tokens"), End(node="pool", port="tokens"))


def test_drawn_wires_are_counted_by_kinds_and_nothing_else():
    document, learned = tiny_clip(), Learned()
    cut = edits.disconnect(document, ("vit.tokens>pool.tokens",))
    assert learned.saw(cut, wired(document))
    assert learned.counts == {PAIR: 1.0}
    assert not learned.saw(document, cut)
    assert not learned.saw(document, edits.change_node(document, "vit", x=3.0, title="secret name"))
    assert not learned.saw(Document(), document), "a whole document is no habit of wiring"
    assert "secret" not in json.dumps(learned.to_data())


def test_what_is_taken_comes_first():
    words, learned = declared_vocabulary(), Learned()
    loose = words.spec("encoders.vit").output("tokens")
    assert loose is not None
    plain = [proposal.spec.key for proposal in rules.proposals(words, loose, True)]
    last = plain[-1]
    port = next(p for p in words.spec(last).takes if not rules.mismatch(loose, p))
    learned.counts[f"encoders.vit.tokens>{last}.{port.name}"] = 8.0
    beside = learned.beside("encoders.vit", "tokens", True)
    assert beside == {last: 8.0}
    found = [proposal.spec.key for proposal in rules.proposals(words, loose, True, None, beside)]
    assert found.index(last) < plain.index(last)
    assert sorted(found) == sorted(plain), "nothing that fits is left out"
    assert learned.beside(last, port.name, False) == {"encoders.vit": 8.0}


def test_counts_fade_and_are_forgotten():
    learned = Learned({PAIR: 1.0, "a.b>c.d": 0.06})
    assert learned.faded().counts == {PAIR: 0.8}
    many = Learned({f"a.b>c{n}.d": 1.0 for n in range(MOST_PAIRS)})
    document = tiny_clip()
    many.counts["x.y>z.w"] = 0.5
    many.saw(edits.disconnect(document, ("vit.tokens>pool.tokens",)), document)
    assert len(many.counts) == MOST_PAIRS
    assert "x.y>z.w" not in many.counts


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"wires": []}', '{"wires": {"a>b": -1, "c": 2, "d>e": "x", "f>g": true}}', '{"wires": {"a>b": 1e999}}'],
)
def test_a_file_that_holds_no_counts_is_none(qtbot, tmp_path: Path, text: str):
    place = tmp_path / "suggestions.json"
    place.write_text(text)
    assert Learning(place).learned.counts == {}


def test_kept_as_plain_json_and_forgotten_for_good(qtbot, tmp_path: Path):
    place, document = tmp_path / "suggestions.json", tiny_clip()
    learning = Learning(place)
    learning.saw(edits.disconnect(document, ("vit.tokens>pool.tokens",)), replace(document))
    learning.close()
    assert json.loads(place.read_text())["wires"] == {PAIR: 1.0}
    again = Learning(place)
    assert again.learned.counts == {PAIR: 0.8}
    again.forget()
    assert not place.exists()
    assert Learning(place).learned.counts == {}
