"""A level is edited as any document, and what was drawn there holds for every copy; nothing is lost at depth three."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.graph import edits, file
from core.graph.document import Document, End
from core.graph.history import History
from core.graph.recipe import Rule
from core.graph.subgraphs import borders
from core.graph.subgraphs.changes import losses
from core.graph.subgraphs.flat import flat_document
from core.graph.subgraphs.grouping import dissolve, group
from core.graph.subgraphs.levels import level, still_there, with_level
from core.problems import Refused
from tests.subgraphs import WORDS, three_deep, two_copies

DEEP = ("tower", "body", "core")


def widths(document: Document) -> tuple[object, object]:
    flat = flat_document(document)
    return tuple(flat.nodes[f"{copy}.body.core.vit"].knobs["width"] for copy in ("tower", "tower_2"))  # type: ignore[return-value]


def test_a_level_put_back_as_it_is_changes_nothing() -> None:
    document = edits.set_rule(three_deep(), "tower.body.core.vit", frozen=True)
    for depth in range(4):
        assert with_level(document, DEEP[:depth], level(document, DEEP[:depth])) == document
    assert level(document, DEEP).recipe.rules == {"vit": Rule(frozen=True)}


def test_saving_loading_and_copying_lose_no_value_at_depth_three() -> None:
    document = three_deep()
    assert widths(document) == (24, 32)
    again = file.loads(file.dumps(document))
    assert again == document
    assert widths(again) == (24, 32)
    part = file.loads(file.dumps(edits.extract(document, ["tower_2"])))
    pasted, (copy,) = edits.paste(Document(), part, 0, 0)
    assert (
        flat_document(pasted).nodes[f"{copy}.body.core.vit"].knobs
        == flat_document(document).nodes["tower_2.body.core.vit"].knobs
    )


def test_an_edit_three_levels_in_is_one_step_back_from_anywhere() -> None:
    before = three_deep()
    history = History(before)
    inside = level(history.now, DEEP)
    history.do(with_level(history.now, DEEP, edits.set_knob(inside, "vit", "depth", 3)), "Change a setting")
    flat = flat_document(history.now)
    assert [flat.nodes[f"{copy}.body.core.vit"].knobs["depth"] for copy in ("tower", "tower_2")] == [3, 3]
    assert widths(history.now) == (24, 32)
    assert history.undo()
    assert history.now == before
    assert history.redo()
    assert flat_document(history.now) == flat


def test_rules_belong_to_the_copy_that_was_entered() -> None:
    document = three_deep()
    path = ("tower_2", "body", "core")
    document = with_level(document, path, edits.set_rule(level(document, path), "vit", frozen=True))
    flat = flat_document(document)
    assert flat.rule("tower_2.body.core.vit", 0).frozen
    assert not flat.rule("tower.body.core.vit", 0).frozen
    assert level(document, DEEP).recipe.rules == {}


def test_grouping_and_unpacking_inside_keep_every_copys_rules_and_values() -> None:
    document = edits.set_rule(two_copies(), "tower_2.vit", learning_rate=0.5)
    document = edits.switch(document, "callbacks", "gradient_checkpointing", True, {"nodes": "tower.vit, tower_2.vit"})
    before = flat_document(document)
    inner, _ = group(level(document, ("tower",)), ["vit"], WORDS, "Core")
    deeper = with_level(document, ("tower",), inner)
    assert deeper.recipe.rules == {"tower_2.core.vit": Rule(learning_rate=0.5)}
    assert flat_document(deeper).nodes["tower_2.core.vit"].knobs == before.nodes["tower_2.vit"].knobs
    assert losses(document, deeper) == []
    assert deeper.recipe.callbacks["gradient_checkpointing"]["nodes"] == "tower.core.vit, tower_2.core.vit"
    back, _ = dissolve(level(deeper, ("tower",)), "core")
    again = flat_document(with_level(deeper, ("tower",), back))
    assert again.recipe == before.recipe
    assert dict(again.nodes) == dict(before.nodes)


def test_a_block_that_goes_takes_what_was_said_of_it_in_every_copy() -> None:
    document = edits.set_rule(two_copies(), "tower_2.pool", frozen=True)
    inside = edits.remove_nodes(level(document, ("tower",)), ["pool"], WORDS)
    assert with_level(document, ("tower",), inside).recipe.rules == {}


def test_the_border_cannot_be_deleted_doubled_or_disabled() -> None:
    document = two_copies()
    inside = level(document, ("tower",))
    gone = edits.remove_nodes(inside, ["entry", "exit"], WORDS)
    assert with_level(document, ("tower",), gone) == document
    part = edits.extract(inside, ["entry", "vit", "exit"])
    doubled, names = edits.paste(inside, part, 10, 10)
    made = level(with_level(document, ("tower",), doubled), ("tower",))
    assert set(made.nodes) == {*inside.nodes, next(name for name in names if name.startswith("vit"))}
    off = edits.change_nodes(inside, ["entry", "exit"], muted=True)
    assert with_level(document, ("tower",), off) == document


def test_a_subgraph_never_holds_itself() -> None:
    document = three_deep()
    for block in ("subgraphs.tower", "subgraphs.body"):
        inside, _ = edits.add_node(level(document, ("tower", "body")), block, 0, 0)
        with pytest.raises(Refused, match="cannot hold itself"):
            with_level(document, ("tower", "body"), inside)


def test_what_copies_lose_is_told_and_what_they_set_stays() -> None:
    document = two_copies()
    inside = level(document, ("tower",))
    fresh, projection = edits.add_node(inside, "connectors.projection", 0, 0)
    fresh = edits.remove_nodes(fresh, ["vit"], WORDS, keep_wires=False)
    after = with_level(document, ("tower",), fresh)
    (loss,) = losses(document, after)
    assert (loss.title, loss.copies, loss.ports, loss.wires) == ("Tower", 2, (), 0)
    assert loss.values == (("tower_2", "width", 32),)
    assert after.nodes["tower_2"].knobs == {"width": 32}
    shown = borders.show_knob(after, "tower", projection, "width")  # such a setting again: the value holds again
    assert flat_document(shown).nodes[f"tower_2.{projection}"].knobs["width"] == 32
    cut = borders.remove_port(document, "tower", "image", outgoing=False)
    (loss,) = losses(document, cut)
    assert (loss.ports, loss.wires) == (("image",), 2)
    assert cut.wire_at(End(node="tower", port="image")) is None


def test_a_path_leads_as_far_as_the_document_has_it() -> None:
    document = three_deep()
    assert still_there(document, DEEP) == DEEP
    back, _ = dissolve(level(document, ("tower",)), "body")
    assert still_there(with_level(document, ("tower",), back), DEEP) == ("tower",)
    assert still_there(replace(document, nodes={}), DEEP) == ()
