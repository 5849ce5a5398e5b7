"""What is left out of a drawing is said with its reason, and the remedy brings it back."""

from __future__ import annotations

from typing import Any

import pytest

from core.compiler.compile import analyse, compile
from core.graph import edits
from core.graph.document import Document, End
from core.problems import Problem
from core.runs.declared import declared_vocabulary
from tests.documents import Drawing, tiny_clip


def errors(document: Document) -> list[Problem]:
    return [problem for problem in analyse(document).problems if problem.severity == "error"]


def mended(document: Document, problem: Problem) -> Document:
    assert problem.fix is not None
    changed: Document = getattr(edits, problem.fix.edit)(document, **problem.fix.arguments)
    return changed


@pytest.mark.parametrize(
    ("node", "at", "title"),
    [
        ("augment", "left", "Augment"), ("vit", "left", "ViT"), ("pool", "left", "Pooling"), ("projection", "left", "Projection"),
        ("tokenizer", "right", "Tokenizer"), ("text_transformer", "right", "Text transformer"), ("pool_2", "right", "Pooling"),
    ],
)  # fmt: skip
def test_a_disabled_middle_block_is_named_with_the_input_that_misses_it(node: str, at: str, title: str) -> None:
    document = edits.change_node(tiny_clip(), node, muted=True)
    (problem,) = errors(document)
    assert "There is no objective" not in problem.what
    assert title in problem.what
    assert "is disabled" in problem.what
    assert (problem.node, problem.port) == ("info_nce", at)
    again = mended(document, problem)
    assert not again.nodes[node].muted
    if not again.nodes[node].bypassed or node == "augment":
        compile(again)


def test_what_has_a_way_through_is_bypassed_and_what_has_none_is_enabled() -> None:
    way = errors(edits.change_node(tiny_clip(), "augment", muted=True))[0]
    assert way.fix is not None
    assert way.fix.text == "Bypass Augment images"
    none = errors(edits.change_node(tiny_clip(), "vit", muted=True))[0]
    assert none.fix is not None
    assert none.fix.text.startswith("Enable ")


def test_a_bypassed_block_without_a_way_through_is_named() -> None:
    document = edits.change_node(tiny_clip(), "vit", bypassed=True)
    (problem,) = errors(document)
    assert "is bypassed and has no way through to 'tokens'" in problem.what
    compile(mended(document, problem))


def test_two_disabled_blocks_are_both_said_and_one_remedy_each_brings_the_run_back() -> None:
    document = edits.change_nodes(tiny_clip(), ["vit", "tokenizer"], muted=True)
    found = errors(document)
    assert [problem.port for problem in found] == ["left", "right"]
    for problem in found:
        document = mended(document, problem)
    compile(document)


def test_behind_a_bypassed_block_the_disabled_one_is_named() -> None:
    document = edits.change_node(tiny_clip(), "projection", bypassed=True)
    document = edits.change_node(document, "vit", muted=True)
    (problem,) = errors(document)
    assert "ViT" in problem.what
    assert "is disabled" in problem.what


@pytest.mark.parametrize(("node", "word"), [("emoji", "data source"), ("info_nce", "objective")])
def test_a_disabled_source_or_objective_is_no_missing_one(node: str, word: str) -> None:
    document = edits.change_node(tiny_clip(), node, muted=True)
    said = [problem for problem in errors(document) if word in problem.what and "is disabled" in problem.what]
    assert len(said) == 1
    assert not any("There is no objective" in problem.what for problem in errors(document))
    compile(mended(document, said[0]))


def test_an_objective_that_is_left_out_beside_another_is_a_warning() -> None:
    document, other = edits.add_node(tiny_clip(), "objectives.siglip", 0, 0)
    document, extra = edits.add_node(document, "connectors.projection", 0, 0, {"width": 16})
    for source, target in (
        (("pool", "embedding"), (extra, "embedding")), ((extra, "embedding"), (other, "left")),
        (("projection_2", "embedding"), (other, "right")),
    ):  # fmt: skip
        document = edits.connect(document, End(node=source[0], port=source[1]), End(node=target[0], port=target[1]))
    document = edits.change_node(document, extra, muted=True)
    assert errors(document) == []
    (warning,) = [problem for problem in analyse(document).problems if problem.node == other]
    assert warning.severity == "warning"
    assert "SigLIP" in warning.what


def test_a_cut_wire_is_drawn_again_by_the_remedy() -> None:
    whole = tiny_clip()
    for wire in whole.wires:
        document = edits.disconnect(whole, [wire.key])
        (problem,) = [p for p in errors(document) if (p.node, p.port) == (wire.target.node, wire.target.port)]
        if wire.source.node == "emoji" and wire.target.node == "augment":
            continue  # the picture fits the encoder behind as well: which was meant is not known
        assert problem.fix is None or problem.fix.edit == "connect", wire.key
        if problem.fix is not None:
            compile(mended(document, problem))


def test_a_drawing_without_an_objective_or_a_source_still_says_so() -> None:
    document = edits.remove_nodes(tiny_clip(), ["info_nce"], declared_vocabulary(), keep_wires=False)
    assert any("There is no objective" in problem.what for problem in errors(document))
    document = edits.remove_nodes(tiny_clip(), ["emoji"], declared_vocabulary(), keep_wires=False)
    assert any("There is no data source" in problem.what for problem in errors(document))


def test_doing_without_a_block_is_offered_only_where_something_is_left_to_train() -> None:
    draw = Drawing()
    draw.add("connectors.projection")
    draw.add("objectives.info_nce")
    draw.wire("projection.embedding", "info_nce.left")

    def remedy(document: Document, node: str) -> Any:
        return next(problem.fix for problem in errors(document) if problem.node == node)

    assert remedy(draw.document, "projection") is None
    draw.add("objectives.siglip")
    assert remedy(draw.document, "projection").edit == "change_node"
