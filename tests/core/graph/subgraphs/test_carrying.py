"""Copied between documents, a subgraph comes along: an equal one is shared, another of the same name gets a name of its own."""

from __future__ import annotations

from core.graph import edits, file
from core.graph.document import Document
from core.graph.recipe import Rule
from core.graph.subgraphs import borders
from core.graph.subgraphs.flat import flat_document
from tests.subgraphs import three_deep, two_copies


def carried(document: Document, part: Document) -> tuple[Document, list[str]]:
    return edits.paste(document, file.loads(file.dumps(part)), 0, 0)


def test_it_comes_along_with_all_that_is_in_it_and_what_was_said_of_it() -> None:
    document = edits.set_rule(three_deep(), "tower_2.body", frozen=True)
    there, (copy,) = carried(Document(), edits.extract(document, ["tower_2"]))
    assert set(there.definitions) == {"tower", "body", "core"}
    assert there.nodes[copy].knobs == {"width": 32}
    assert there.recipe.rules == {f"{copy}.body": Rule(frozen=True)}
    assert flat_document(there).rule(f"{copy}.body.core.vit", 0).frozen


def test_an_equal_one_is_shared_and_another_is_renamed_with_what_holds_it() -> None:
    document = three_deep()
    part = edits.extract(document, ["tower_2"])
    same, _ = carried(document, part)
    assert same.definitions == document.definitions
    other = borders.hide_knob(document, "core", "width")
    mixed, (copy,) = carried(other, part)
    assert set(mixed.definitions) == {"tower", "body", "core", "core_2", "body_2", "tower_2"}
    assert mixed.definitions["core_2"].title == "Core 2"
    assert flat_document(mixed).nodes[f"{copy}.body.core.vit"].knobs["width"] == 32
    again, _ = carried(mixed, part)
    assert set(again.definitions) == set(mixed.definitions)  # by content, under whatever name


def test_a_part_without_copies_carries_none() -> None:
    assert edits.extract(two_copies(), ["augment"]).definitions == {}
