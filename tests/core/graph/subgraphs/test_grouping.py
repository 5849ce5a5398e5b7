"""A selection becomes a subgraph and a copy is unpacked: the flat form means the same, and what cannot be is a sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.graph import edits
from core.graph.document import End
from core.graph.recipe import Rule, Stage
from core.graph.subgraphs.flat import flat_document
from core.graph.subgraphs.grouping import dissolve, group, refusal
from core.graph.sweep import Axis, Change, Sweep
from core.problems import Refused
from core.runs.declared import declared_vocabulary
from tests.documents import siamese, tiny_clip
from tests.subgraphs import WORDS, one_tower, two_copies

FULL = declared_vocabulary()  # with the recipe's options, which name blocks, too


def test_wires_across_the_edge_become_ports() -> None:
    document, copy = group(tiny_clip(), ["vit", "text_transformer", "tokenizer"], WORDS, "Both towers")
    definition = document.definitions["both_towers"]
    assert [(port.name, port.kind) for port in definition.takes] == [("image", "image"), ("sentence", "sentence")]
    assert [(port.name, port.kind) for port in definition.gives] == [("tokens", "tokens"), ("tokens_2", "tokens")]
    assert document.wire_at(End(node="pool_2", port="tokens")).source == End(node=copy, port="tokens_2")  # type: ignore[union-attr]


def test_one_source_is_one_port_and_a_loose_need_becomes_one() -> None:
    document, copy = group(siamese(), ["augment", "augment_2"], WORDS, "Two views")
    assert [port.name for port in document.definitions["two_views"].takes] == ["image"]
    assert [port.name for port in document.definitions["two_views"].gives] == ["image", "image_2"]
    assert len(list(document.wires_into(copy))) == 1
    loose = edits.disconnect(tiny_clip(), ["emoji.image>augment.image"])
    document, copy = group(loose, ["augment", "vit"], WORDS, "Loose")
    assert [port.name for port in document.definitions["loose"].takes] == ["image"]
    assert document.wire_at(End(node=copy, port="image")) is None


def test_unpacking_gives_the_drawing_back() -> None:
    before = edits.set_rule(
        one_tower(stages=(Stage(name="a", rules={"pool": Rule(frozen=True)}),)), "vit", learning_rate=0.1
    )
    before = edits.switch(before, "callbacks", "linear_probe", True, {"block": "pool"})
    before = edits.add_frame(edits.add_frame(before, "Inside", 500, -20, 700, 200), "Outside", 0, 0, 10, 10)
    document, copy = group(before, ["vit", "pool", "mlp_projection"], FULL, "Tower", ["frame_1"])
    assert list(document.frames) == ["frame_2"]
    assert document.recipe.callbacks["linear_probe"]["block"] == "tower.pool"
    assert document.recipe.rules == {"tower.vit": Rule(learning_rate=0.1)}
    back, names = dissolve(document, copy)
    assert set(names) == {"vit", "pool", "mlp_projection"}
    assert dict(back.nodes) == dict(before.nodes)
    assert {wire.key for wire in back.wires} == {wire.key for wire in before.wires}
    assert back.recipe == before.recipe
    assert dict(back.frames) == dict(before.frames)


def test_unpacking_a_copy_keeps_its_values_and_its_rule() -> None:
    document = edits.set_rule(two_copies(), "tower_2", frozen=True)
    back, names = dissolve(document, "tower_2")
    assert back.nodes["vit"].knobs["width"] == 32
    assert all(back.recipe.rules[name].frozen for name in names)
    assert "tower" in back.definitions
    flat, again = flat_document(document), flat_document(back)
    assert flat.nodes["tower_2.vit"].knobs == again.nodes["vit"].knobs


def test_what_cannot_become_one_is_told() -> None:
    document = tiny_clip()
    assert "Select" in refusal(document, [], WORDS)
    assert "source alone" in refusal(document, ["emoji"], WORDS)
    assert "'pool' lies between" in refusal(document, ["vit", "projection"], WORDS)
    assert "weights of 'vit'" in refusal(siamese(), ["vit_2"], WORDS)
    assert refusal(siamese(), ["vit", "vit_2"], WORDS) == ""
    strange, node = edits.add_node(document, "encoders.from_the_future", 0, 0)
    assert "not known here" in refusal(strange, [node], WORDS)
    with pytest.raises(Refused):
        group(document, ["emoji"], WORDS, "No")


def test_what_cannot_be_unpacked_is_told() -> None:
    document = two_copies()
    for node, fields, words in (
        ("tower", {"repeat": 2}, "in a row"), ("tower", {"bypassed": True}, "bypassed"), ("augment", {}, "Only a subgraph"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=words):
            dissolve(edits.change_node(document, node, **fields), node)
    with pytest.raises(Refused, match="other places"):
        dissolve(edits.share_weights(document, "tower_2", "tower"), "tower")


def test_a_sweep_finds_its_settings_on_the_subgraph() -> None:
    axes = (Axis(path="vit.width", values=(8, 16)), Axis(path="rules.pool.frozen", values=(True, False)))
    document, copy = group(replace(one_tower(), sweep=Sweep(axes=axes)), ["vit", "pool"], WORDS, "Tower")
    assert document.sweep is not None
    assert [axis.path for axis in document.sweep.axes] == ["tower.width", "rules.tower.pool.frozen"]
    assert [(shown.name, shown.node) for shown in document.definitions["tower"].knobs] == [("width", "vit")]
    with pytest.raises(Refused, match="sweep varies"):
        dissolve(document, copy)
    taken = replace(one_tower(), sweep=Sweep(axes=(Axis(name="off", changes=(Change(name="a", muted=("vit",)),)),)))
    assert "end the sweep" in refusal(taken, ["vit"], WORDS)


def test_subgraphs_of_one_name_have_ids_of_their_own() -> None:
    document, _ = group(tiny_clip(), ["vit"], WORDS, "塔 A")
    document, _ = group(document, ["text_transformer"], WORDS, "塔 A")
    assert list(document.definitions) == ["塔_a", "塔_a_2"]
