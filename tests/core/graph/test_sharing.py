"""One set of weights in several places of a drawing: edits, files, refusals; no edit leaves a place without its weights."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.compiler.describe import vocabulary
from core.graph import edits, file
from core.graph.document import Document, Node
from core.graph.history import History
from core.graph.paths import placed, value_at
from core.graph.recipe import Rule, Stage
from core.graph.sharing import fault, fitting, refusal, why_none
from core.problems import Refused
from tests.documents import Drawing, siamese, tiny_clip

WORDS = vocabulary()


def three() -> Document:
    """Three projections: the second and the third have the weights of the first."""
    draw = Drawing()
    for width in (32, 48, 64):
        draw.add("connectors.projection", width=width)
    document = edits.share_weights(draw.document, "projection_2", "projection")
    return edits.share_weights(document, "projection_3", "projection_2")


def shared(document: Document) -> dict[str, str]:
    return {key: node.same_as for key, node in document.nodes.items() if node.same_as}


def test_sharing_goes_to_the_owner_and_takes_its_settings() -> None:
    document = three()
    assert shared(document) == {"projection_2": "projection", "projection_3": "projection"}
    assert {node.knobs["width"] for node in document.nodes.values()} == {32}
    assert document.places("projection_3") == ("projection", "projection_2", "projection_3")


def test_an_owner_that_shares_takes_its_places_along() -> None:
    document, other = edits.add_node(three(), "connectors.projection", 0, 0, {"width": 8})
    document = edits.share_weights(document, "projection", other)
    assert shared(document) == dict.fromkeys(("projection", "projection_2", "projection_3"), other)
    assert {node.knobs["width"] for node in document.nodes.values()} == {8}


def test_a_setting_turned_anywhere_turns_everywhere() -> None:
    document = edits.set_knob(three(), "projection_3", "width", 24)
    document = edits.change_node(document, "projection_2", repeat=3, muted=True, title="mine")
    assert {node.knobs["width"] for node in document.nodes.values()} == {24}
    assert {node.repeat for node in document.nodes.values()} == {3}
    assert [node.muted for node in document.nodes.values()] == [False, True, False]
    assert document.nodes["projection"].title == ""
    document = edits.set_rule(document, "projection_2", frozen=True)
    assert document.rule("projection_3", 0).frozen
    assert set(document.recipe.rules) == {"projection"}
    assert value_at(document, "rules.projection_3.frozen", WORDS) is True
    assert value_at(placed(document, "projection_3.width", 40, WORDS), "projection.width", WORDS) == 40


def test_deleting_the_owner_hands_the_weights_on() -> None:
    document = edits.set_rule(three(), "projection", learning_rate=0.5)
    document = edits.remove_nodes(document, ["projection"], WORDS)
    assert shared(document) == {"projection_3": "projection_2"}
    assert document.nodes["projection_2"].knobs["width"] == 32
    assert document.rule("projection_3", 0).learning_rate == 0.5
    last = edits.remove_nodes(document, ["projection_2"], WORDS)
    assert shared(last) == {}
    assert last.rule("projection_3", 0).learning_rate == 0.5


def test_own_weights_keep_settings_and_rules() -> None:
    document = edits.set_recipe(three(), stages=(Stage(name="one", rules={"projection": Rule(frozen=True)}),))
    alone = edits.own_weights(document, "projection_2")
    assert shared(alone) == {"projection_3": "projection"}
    assert alone.nodes["projection_2"].knobs["width"] == 32
    assert alone.rule("projection_2", 0).frozen
    assert edits.set_knob(alone, "projection_2", "width", 9).nodes["projection"].knobs["width"] == 32
    left = edits.own_weights(document, "projection")
    assert shared(left) == {"projection_3": "projection_2"}
    assert left.rule("projection_3", 0).frozen
    assert edits.own_weights(tiny_clip(), "vit").nodes == tiny_clip().nodes


def test_a_copied_part_shares_inside_and_is_its_own_alone() -> None:
    document = edits.set_rule(siamese(), "vit", learning_rate=0.25)
    both, names = edits.paste(document, edits.extract(document, ["vit_2", "vit"]), 0, 0)
    assert [both.nodes[name].same_as for name in names] == ["", names[0]]
    alone, (one,) = edits.paste(document, edits.extract(document, ["vit_2"]), 0, 0)
    assert alone.nodes[one].same_as == ""
    assert alone.nodes[one].knobs == document.nodes["vit"].knobs
    assert alone.rule(one, 0).learning_rate == 0.25


def test_a_part_without_its_owner_stays_one() -> None:
    part = edits.extract(three(), ["projection_3", "projection_2"])
    assert shared(part) == {"projection_3": "projection_2"}


def test_undo_and_redo() -> None:
    history = History(three())
    history.do(edits.own_weights(history.now, "projection_2"), "own")
    history.undo()
    assert shared(history.now) == {"projection_2": "projection", "projection_3": "projection"}
    history.redo()
    assert shared(history.now) == {"projection_3": "projection"}


def test_the_file_says_it_once() -> None:
    document = siamese()
    data = json.loads(file.dumps(document))
    assert data["nodes"]["vit_2"]["same_as"] == "vit"
    assert "knobs" not in data["nodes"]["vit_2"]
    assert file.loads(json.dumps(data)) == document
    plain = json.loads(file.dumps(tiny_clip()))
    assert not any("same_as" in node for node in plain["nodes"].values())


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"vit_2": {"same_as": "gone"}}, "not in the document"),
        ({"vit_2": {"same_as": "pool"}}, "another kind"),
        ({"vit_2": {"same_as": "vit_2"}}, "as itself"),
        ({"vit": {"same_as": "vit_2"}}, "another block itself"),
        ({"vit_2": {"same_as": 3}}, "not valid"),
        ({"vit_2": {"knobs": {"width": 12}}}, "other settings"),
        ({"vit_2": {"repeat": 2}}, "other settings"),
    ],
)
def test_a_wrong_place_is_refused_in_a_sentence(changes: dict[str, Any], word: str) -> None:
    data = json.loads(file.dumps(siamese()))
    for node, fields in changes.items():
        data["nodes"][node].update(fields)
    with pytest.raises(Refused, match=word):
        file.loads(json.dumps(data))


def test_what_may_share_and_why_the_rest_may_not() -> None:
    document = edits.own_weights(siamese(), "vit_2")
    assert refusal(document, "vit_2", "vit", WORDS) == ""
    assert fitting(document, "vit_2", WORDS) == ["vit"]
    assert "two kinds" in refusal(document, "vit_2", "pool", WORDS)
    assert "no weights" in refusal(document, "augment_2", "augment", WORDS)
    assert "itself" in refusal(document, "vit", "vit", WORDS)
    assert "already" in refusal(document, "mlp_projection", "mlp_projection_2", WORDS)
    assert "not on the canvas" in refusal(document, "vit", "gone", WORDS)
    assert why_none(document, "vit", WORDS) == ""
    assert "no other NT-Xent" in why_none(document, "nt_xent", WORDS)


def faults(document: Document) -> list[str]:
    """Whatever is wrong with whose weights are where."""
    found = [reason for key in document.nodes if (reason := fault(document.nodes, key))]
    for key, node in document.nodes.items():
        owner = document.nodes[document.owner(key)]
        found += ["settings differ"] if (node.knobs, node.repeat) != (owner.knobs, owner.repeat) else []
    return found + [f"a rule of {key}" for key in document.recipe.rules if document.owner(key) != key]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 40), st.integers(0, 40)), max_size=30))
def test_no_edit_leaves_a_place_without_its_weights(steps: list[tuple[int, int, int]]) -> None:
    history = History(three())
    for kind, first, second in steps:
        document = history.now
        names = list(document.nodes) or [""]
        one, other = names[first % len(names)], names[second % len(names)]
        if kind == 0 or not document.nodes:
            block = ("connectors.projection", "connectors.pool")[second % 2]
            history.do(edits.add_node(document, block, 0, 0)[0], "add")
        elif kind == 1 and not refusal(document, one, other, WORDS):
            history.do(edits.share_weights(document, one, other), "share")
        elif kind == 2:
            history.do(edits.own_weights(document, one), "own")
        elif kind == 3:
            history.do(edits.remove_nodes(document, [one, other], WORDS), "delete")
        elif kind == 4:
            history.do(edits.paste(document, edits.extract(document, [one, other]), 5, 5, document)[0], "paste")
        elif kind == 5:
            history.do(edits.change_node(document, one, repeat=1 + second % 3), "repeat")
        elif kind == 6 and document.nodes[one].block == "connectors.projection":
            history.do(edits.set_knob(document, one, "width", 2 + second), "width")
        elif kind == 7:
            history.do(edits.set_rule(document, one, learning_rate=second / 40), "rule")
        elif kind == 8:
            (history.undo if second % 2 else history.redo)()
        assert faults(history.now) == []
        assert file.loads(file.dumps(history.now)) == history.now


def test_a_document_made_otherwise_has_a_sentence_for_it() -> None:
    document = Document(nodes={"a": Node(id="a", block="connectors.pool", same_as="gone")})
    assert document.owner("a") == "a"
    assert "not in the document" in fault(document.nodes, "a")
