"""Ports and shown settings come, go, change their names and their order under every copy; wires, values and sweeps follow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.graph import edits
from core.graph.document import End
from core.graph.paths import knob_at, placed, value_at
from core.graph.rules import refusal
from core.graph.subgraphs import borders
from core.graph.subgraphs.flat import flat_document, flattened
from core.graph.subgraphs.grouping import group
from core.graph.subgraphs.levels import level
from core.graph.subgraphs.specs import words_of
from core.graph.sweep import Axis, Sweep
from core.problems import Refused
from tests.documents import tiny_clip
from tests.subgraphs import WORDS, three_deep, two_copies


def test_a_shown_setting_is_a_knob_of_the_copy_with_the_insides_value_as_default() -> None:
    document = two_copies()
    (knob,) = words_of(document, WORDS).spec("subgraphs.tower").knobs
    inner = next(knob for knob in WORDS["encoders.vit"].knobs if knob.name == "width")
    assert (knob.name, knob.default, knob.low, knob.high) == ("width", 24, inner.low, inner.high)
    assert value_at(document, "tower.width", WORDS) == 24
    assert value_at(document, "tower_2.width", WORDS) == 32
    turned = placed(document, "tower.width", 40, WORDS)
    assert flat_document(turned).nodes["tower.vit"].knobs["width"] == 40
    assert flat_document(turned).nodes["tower_2.vit"].knobs["width"] == 32


def test_a_setting_inside_is_no_setting_of_the_document_until_it_is_shown() -> None:
    with pytest.raises(Refused, match="every copy"):
        knob_at(two_copies(), "tower.vit.depth", WORDS)
    assert knob_at(two_copies(), "rules.tower.vit.frozen", WORDS).name == "frozen"


def test_a_setting_under_another_name_keeps_every_value() -> None:
    document = replace(three_deep(), sweep=Sweep(axes=(Axis(path="tower_2.width", values=(8, 16)),)))
    for definition, fresh in (("core", "breadth"), ("body", "wide"), ("tower", "how wide")):
        document = borders.rename_knob(document, definition, "width", fresh)
        assert flat_document(document).nodes["tower_2.body.core.vit"].knobs["width"] == 32
    assert document.nodes["tower_2"].knobs == {"how wide": 32}
    assert document.sweep is not None
    assert document.sweep.axes[0].path == "tower_2.how wide"
    assert flattened(document).problems == ()


@pytest.mark.parametrize("name", ["", "a.b", "a/b", "x" * 65, "repeat", "depth"])
def test_names_that_cannot_be_are_told(name: str) -> None:
    document = borders.show_knob(two_copies(), "tower", "vit", "depth")
    with pytest.raises(Refused):
        borders.rename_knob(document, "tower", "width", name)


def test_order_and_hiding() -> None:
    document = borders.show_knob(two_copies(), "tower", "vit", "depth")
    assert borders.show_knob(document, "tower", "vit", "depth") == document
    names = [
        knob.name
        for knob in words_of(borders.move_knob(document, "tower", "depth", -1), WORDS).spec("subgraphs.tower").knobs
    ]
    assert names == ["depth", "width"]
    hidden = borders.hide_knob(document, "tower", "width")
    assert [shown.name for shown in hidden.definitions["tower"].knobs] == ["depth"]
    assert hidden.nodes["tower_2"].knobs == {"width": 32}


def test_a_port_is_led_out_named_moved_and_taken_away() -> None:
    document = borders.add_port(two_copies(), "tower", End(node="vit", port="tokens"), WORDS, outgoing=True)
    assert [port.name for port in document.definitions["tower"].gives] == ["embedding", "tokens"]
    document = edits.connect(
        *edits.add_node(document, "connectors.pool", 0, 0)[:1],
        End(node="tower_2", port="tokens"),
        End(node="pool", port="tokens"),
    )
    document = borders.rename_port(document, "tower", "tokens", "all of them", outgoing=True)
    assert document.wire_at(End(node="pool", port="tokens")).source.port == "all of them"  # type: ignore[union-attr]
    assert flat_document(document).wire_at(End(node="pool", port="tokens")).source == End(
        node="tower_2.vit", port="tokens"
    )  # type: ignore[union-attr]
    moved = borders.move_port(document, "tower", "all of them", -1, outgoing=True)
    assert [port.name for port in moved.definitions["tower"].gives] == ["all of them", "embedding"]
    gone = borders.remove_port(document, "tower", "all of them", outgoing=True)
    assert gone.wire_at(End(node="pool", port="tokens")) is None
    assert not any(wire.target.port == "all of them" for wire in gone.definitions["tower"].wires)
    with pytest.raises(Refused, match="already"):
        borders.add_port(document, "tower", End(node="pool", port="tokens"), WORDS, outgoing=False)


def test_inside_a_subgraph_the_border_is_two_blocks_and_what_would_hold_itself_is_not_offered() -> None:
    document = three_deep()
    inside = level(document, ("tower", "body"))
    words = words_of(inside, WORDS)
    assert [port.kind for port in words.spec("border.entry").gives] == ["image"]
    assert [port.kind for port in words.spec("border.exit").takes] == ["embedding"]
    assert "subgraphs.core" in words
    assert "subgraphs.body" not in words
    assert "subgraphs.tower" not in words
    assert not any(key.startswith("border.") for key in words)
    assert refusal(inside, End(node="entry", port="image"), End(node="core", port="image"), words) == ""
    assert refusal(inside, End(node="entry", port="image"), End(node="pool", port="tokens"), words)


def test_before_and_behind_batching_is_told_by_the_port() -> None:
    document, copy = group(tiny_clip(), ["augment", "vit"], WORDS, "Picture tower")
    words, into = words_of(document, WORDS), End(node=copy, port="image")
    assert words.spec(f"subgraphs.{copy}").role == "block"
    assert words.spec(f"subgraphs.{copy}").per_sample == ("image",)
    assert refusal(document, End(node="emoji", port="image"), into, words) == ""
    drawn, decoder = edits.add_node(document, "tokenizers.picture_decoder", 0, 0)
    assert "before batching" in refusal(drawn, End(node=decoder, port="image"), into, words)


def test_a_subgraph_without_copies_is_forgotten_and_one_with_some_is_not() -> None:
    document = two_copies()
    with pytest.raises(Refused, match="document: 2"):
        borders.remove_subgraph(document, "tower")
    bare = edits.remove_nodes(document, ["tower", "tower_2"], WORDS)
    assert borders.remove_subgraph(bare, "tower").definitions == {}
    assert (
        words_of(borders.rename_subgraph(document, "tower", " Picture tower "), WORDS).spec("subgraphs.tower").title
        == "Picture tower"
    )
