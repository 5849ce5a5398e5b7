"""The row of choices before an objective, and judged pairs as a drawing carries them."""

from __future__ import annotations

import pytest

from core.compiler.compile import analyse
from core.graph import edits, negatives_row
from core.graph.curriculum import hard_share
from core.graph.document import Document, End
from core.graph.judged import carried, lineage, read_pairs, write_pairs
from core.graph.vocabulary import Vocabulary
from core.problems import Refused
from core.runs.launch import parameters
from core.runs.vocabulary import full_vocabulary
from studio.open.documents import find_document as example

PAIRS = ((17, 3, "duplicate"), (4, 9, "truly hard"))


@pytest.fixture(scope="module")
def words() -> Vocabulary:
    return full_vocabulary()


def row(document: Document) -> list[str]:
    return [document.nodes[node].block for node in negatives_row.row_before(document, "info_nce").nodes]


def drawn(words: Vocabulary, *blocks: str) -> Document:
    document = example("mini_clip")
    for block in blocks:
        document = negatives_row.insert(document, objective="info_nce", block=block, vocabulary=words)
    return document


def test_choices_are_put_in_a_row_that_runs(words: Vocabulary) -> None:
    document = drawn(words, "negatives.queue", "negatives.levels", "negatives.mix")
    assert row(document) == ["negatives.queue", "negatives.levels", "negatives.mix"]
    assert negatives_row.row_of(document, "levels") == ("info_nce", ("queue", "levels", "mix"))
    assert str(document.wire_at(End(node="levels", port="classes")).source) == "emoji.classes"  # type: ignore[union-attr]
    found = analyse(document, words)
    assert [problem.what for problem in found.problems if problem.severity == "error"] == []
    spots = [(node.x, node.y) for node in document.nodes.values()]
    assert len(set(spots)) == len(spots)


def test_order_and_removal(words: Vocabulary) -> None:
    document = drawn(words, "negatives.queue", "negatives.levels", "negatives.mix")
    moved = negatives_row.move(document, node="mix", by=-2, vocabulary=words)
    assert row(moved) == ["negatives.mix", "negatives.queue", "negatives.levels"]
    assert negatives_row.move(moved, node="mix", by=2, vocabulary=words).wires != moved.wires
    assert row(negatives_row.move(moved, node="mix", by=9, vocabulary=words)) == [
        "negatives.queue", "negatives.levels", "negatives.mix",
    ]  # fmt: skip
    assert len(moved.wires) == len(document.wires)
    shorter = negatives_row.remove(document, node="levels", vocabulary=words)
    assert row(shorter) == ["negatives.queue", "negatives.mix"]
    assert row(negatives_row.remove(shorter, node="queue", vocabulary=words)) == ["negatives.mix"]
    middle = negatives_row.insert(
        shorter, objective="info_nce", block="negatives.hardest", place=1, vocabulary=words
    )  # fmt: skip
    assert row(middle) == ["negatives.queue", "negatives.hardest", "negatives.mix"]


def test_what_takes_no_choices_is_refused(words: Vocabulary) -> None:
    document = example("mini_clip")
    other = edits.change_node(document, "info_nce", block="objectives.siglip")
    with pytest.raises(Refused, match="whole batch only"):
        negatives_row.insert(other, objective="info_nce", block="negatives.queue", vocabulary=words)
    with pytest.raises(Refused, match="takes chosen negatives"):
        negatives_row.use_judged(other, PAIRS, "a run", words)


def test_judged_pairs_stand_first_and_are_replaced(words: Vocabulary) -> None:
    document = negatives_row.use_judged(drawn(words, "negatives.mix"), PAIRS, "mini-CLIP (a1b2)", words)
    assert row(document) == ["negatives.marked", "negatives.mix"]
    assert read_pairs(str(document.nodes["marked"].knobs["pairs"])) == [(3, 17, "duplicate"), (4, 9, "truly hard")]
    assert [problem.what for problem in analyse(document, words).problems if problem.severity == "error"] == []
    again = negatives_row.use_judged(document, PAIRS[:1], "another", words)
    assert row(again) == row(document)
    assert [each.pairs for each in carried(again)] == [1]
    assert lineage(document) == "2, from mini-CLIP (a1b2)"
    assert lineage(example("mini_clip")) == ""
    assert parameters(document)["marked.pairs"] != parameters(again)["marked.pairs"]
    assert len(parameters(document)["marked.pairs"]) < 30


def test_a_list_of_pairs_comes_back() -> None:
    assert read_pairs(write_pairs(PAIRS)) == [(3, 17, "duplicate"), (4, 9, "truly hard")]


def test_the_curriculum() -> None:
    knobs = {"hard": 0.3, "middle": 0.5, "last": 0.7}
    shares = [hard_share(p, schedule="thirds", **knobs) for p in (0.0, 0.32, 0.34, 0.66, 0.67, 1.0)]
    assert shares == [0.3, 0.3, 0.5, 0.5, 0.7, 0.7]
    assert hard_share(0.5, schedule="linear", **knobs) == pytest.approx(0.5)
    assert hard_share(0.9, schedule="constant", **knobs) == 0.3
