"""Edits give new documents; undo is stepping back through them; rules refuse with the axis that differs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.compiler.describe import vocabulary
from core.graph import arrange, edits
from core.graph.document import Document, End, Node, Wire
from core.graph.history import History
from core.graph.rules import proposals, refusal
from tests.documents import Drawing, tiny_clip

WORDS = vocabulary()


def test_ids_are_readable_and_fresh() -> None:
    draw = Drawing()
    assert [draw.add("encoders.vit") for _ in range(3)] == ["vit", "vit_2", "vit_3"]


def test_deleting_a_block_with_one_way_through_keeps_the_wire() -> None:
    document = edits.remove_nodes(tiny_clip(), ["augment"], WORDS)
    assert document.wire_at(End(node="vit", port="image")).source == End(node="emoji", port="image")  # type: ignore[union-attr]
    cut = edits.remove_nodes(tiny_clip(), ["augment"], WORDS, keep_wires=False)
    assert cut.wire_at(End(node="vit", port="image")) is None


def test_inserting_on_a_wire() -> None:
    document, node = edits.add_node(tiny_clip(), "transforms.augment", 0, 0)
    wire = document.wire_at(End(node="vit", port="image"))
    assert wire
    document = edits.insert_on_wire(document, node, wire.key, WORDS)
    assert document.wire_at(End(node="vit", port="image")).source.node == node  # type: ignore[union-attr]
    unfit, other = edits.add_node(tiny_clip(), "objectives.info_nce", 0, 0)
    assert edits.insert_on_wire(unfit, other, wire.key, WORDS) == unfit


def test_a_copy_carries_inner_wires_and_pastes_under_fresh_ids() -> None:
    document = tiny_clip()
    part = edits.extract(document, ["vit", "pool", "projection"])
    assert len(part.wires) == 2
    pasted, names = edits.paste(document, part, 10, 20)
    assert len(names) == 3
    assert not set(names) & set(document.nodes)
    assert pasted.nodes[names[0]].x == document.nodes["vit"].x + 10
    kept, _ = edits.paste(document, part, 0, 0, keep_incoming=document)
    assert len(kept.wires) == len(document.wires) + 3


def test_a_knob_back_at_its_default_leaves_the_file() -> None:
    document = edits.set_knob(tiny_clip(), "vit", "depth", 9, 6)
    assert document.nodes["vit"].knobs["depth"] == 9
    assert "depth" not in edits.set_knob(document, "vit", "depth", 6, 6).nodes["vit"].knobs


@pytest.mark.parametrize(
    ("source", "target", "word"),
    [
        ("emoji.image", "text_transformer.text", "axis C, H, W"),
        ("emoji.sentence", "text_transformer.text", "needs axis L"),
        ("projection.embedding", "pool.tokens", "needs axis N"),
        ("vit.tokens", "vit.image", "itself"),
        ("emoji.nothing", "vit.image", "no port called nothing"),
    ],
)
def test_a_refused_wire_names_what_differs(source: str, target: str, word: str) -> None:
    (a, out), (b, into) = source.split("."), target.split(".")
    assert word in refusal(tiny_clip(), End(node=a, port=out), End(node=b, port=into), WORDS)


def test_a_circle_is_refused() -> None:
    draw = Drawing()
    draw.add("connectors.projection")
    draw.add("connectors.projection")
    draw.wire("projection.embedding", "projection_2.embedding")
    reason = refusal(
        draw.document, End(node="projection_2", port="embedding"), End(node="projection", port="embedding"), WORDS
    )
    assert "circle" in reason


def test_proposals_fit_and_come_best_first() -> None:
    loose = WORDS["encoders.vit"].output("tokens")
    assert loose
    found = proposals(WORDS, loose, outgoing=True)
    keys = [proposal.spec.key for proposal in found]
    needs = {key: sum(not port.optional for port in WORDS[key].takes) for key in keys}
    assert needs[keys[0]] == 1, "what needs nothing else comes first"
    assert keys.index("connectors.pool") < min(keys.index(key) for key in keys if needs[key] > 1)
    assert all(p.spec.input(p.port).kind == "tokens" for p in found)  # type: ignore[union-attr]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=25))
def test_undo_of_everything_gives_the_beginning(choices: list[int]) -> None:
    history = History(tiny_clip())
    first = history.now
    for number, choice in enumerate(choices):
        document = history.now
        some = next(iter(document.nodes), None)
        if choice == 0 or some is None:
            history.do(edits.add_node(document, "connectors.pool", number, 0)[0], "add")
        elif choice == 1:
            history.do(edits.remove_nodes(document, [some], WORDS), "remove")
        elif choice == 2:
            history.do(edits.move(document, {some: (number, 1.0)}), "move")
        elif choice == 3:
            history.do(edits.change_node(document, some, muted=not document.nodes[some].muted), "mute")
        elif choice == 4 and document.wires:
            history.do(edits.disconnect(document, [document.wires[0].key]), "cut")
        else:
            history.do(edits.set_recipe(document, steps=number + 7), "steps")
    last = history.now
    while history.undo():
        pass
    assert history.now == first
    while history.redo():
        pass
    assert history.now == last


def test_joined_edits_are_one_step() -> None:
    history = History(tiny_clip())
    for value in (1, 2, 3):
        history.do(edits.set_knob(history.now, "vit", "depth", value), "depth", join="vit.depth")
    assert history.undo()
    assert history.now == tiny_clip() or "depth" in history.now.nodes["vit"].knobs
    assert not history.undo()


def test_tidy_layout_has_no_overlap_and_goes_left_to_right() -> None:
    document = tiny_clip()
    sizes = dict.fromkeys(document.nodes, (160.0, 100.0))
    places = arrange.arrange(document, sizes)
    for wire in document.wires:
        assert places[wire.source.node][0] < places[wire.target.node][0]
    boxes = list(places.values())
    for i, (x, y) in enumerate(boxes):
        for u, v in boxes[i + 1 :]:
            assert abs(x - u) >= 160 or abs(y - v) >= 100


def test_tidy_leaves_room_for_frames_above_one_another() -> None:
    wires = [("source", "eye"), ("source", "word"), ("eye", "eye_head"), ("word", "word_head")]
    names = dict.fromkeys(name for pair in wires for name in pair)
    document = Document(nodes={name: Node(id=name, block="test") for name in names}, wires=tuple(
        Wire(source=End(node=a, port="out"), target=End(node=b, port="in")) for a, b in wires
    ))  # fmt: skip
    sizes = dict.fromkeys(names, (160.0, 90.0))
    towers = {name: name.partition("_")[0] for name in names if name != "source"}
    places = arrange.arrange(document, sizes, frames=towers)
    moved = edits.move(document, places)
    boxes = []
    for tower in ("eye", "word"):
        inside = [name for name, mine in towers.items() if mine == tower]
        framed = edits.with_frame_around(moved, inside, tower, sizes)
        boxes += [(frame.y, frame.y + frame.height) for frame in framed.frames.values()]
    (_, first_end), (second_start, _) = sorted(boxes)
    assert first_end <= second_start


def test_an_empty_document_has_an_empty_layout() -> None:
    assert arrange.arrange(Document(), {}) == {}


def test_inputs_that_are_swapped_twice_are_as_they_were() -> None:
    document = tiny_clip()
    once = edits.swap_inputs(document, "info_nce", "left", "right")
    before, after = ({str(w.target): str(w.source) for w in each.wires} for each in (document, once))
    assert after["info_nce.left"] == before["info_nce.right"]
    assert after["info_nce.right"] == before["info_nce.left"]
    assert edits.swap_inputs(once, "info_nce", "left", "right") == document
