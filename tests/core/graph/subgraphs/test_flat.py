"""The flat form of a document with subgraphs: ids are paths, wires cross borders, values, rules and states reach what they were said of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.graph import edits, file
from core.graph.document import Document, End
from core.graph.recipe import Rule, Stage
from core.graph.subgraphs import borders
from core.graph.subgraphs.flat import flat_document, flattened
from core.graph.subgraphs.grouping import group
from core.graph.subgraphs.levels import level, with_level
from core.problems import Refused
from tests.documents import Drawing, tiny_clip
from tests.subgraphs import WORDS, one_tower, three_deep, two_copies


def wires(document: Document) -> set[str]:
    return {wire.key for wire in document.wires}


def test_a_document_without_subgraphs_is_its_own_flat_form() -> None:
    document = tiny_clip()
    assert flat_document(document) is document


def test_copies_are_written_out_under_paths() -> None:
    flat = flat_document(two_copies())
    assert list(flat.nodes) == [
        "emoji", "augment", "augment_2", "tower.vit", "tower.pool", "tower.mlp_projection", "nt_xent",
        "tower_2.vit", "tower_2.pool", "tower_2.mlp_projection",
    ]  # fmt: skip
    assert wires(flat) == {
        "emoji.image>augment.image", "emoji.image>augment_2.image", "augment.image>tower.vit.image", "augment_2.image>tower_2.vit.image",
        "tower.vit.tokens>tower.pool.tokens", "tower_2.vit.tokens>tower_2.pool.tokens",
        "tower.pool.embedding>tower.mlp_projection.embedding", "tower_2.pool.embedding>tower_2.mlp_projection.embedding",
        "tower.mlp_projection.embedding>nt_xent.left", "tower_2.mlp_projection.embedding>nt_xent.right",
    }  # fmt: skip
    assert flat.nodes["tower.vit"].knobs["width"] == 24
    assert flat.nodes["tower_2.vit"].knobs["width"] == 32
    assert file.loads(file.dumps(flat)) == flat  # an ordinary document, with ids that can be written


def test_what_is_grouped_means_the_same() -> None:
    before = one_tower()
    after, copy = group(before, ["vit", "pool", "mlp_projection"], WORDS, "Tower")
    flat, inside = flat_document(after), ("vit", "pool", "mlp_projection")
    plain = {
        key.removeprefix(f"{copy}."): replace(node, id=node.id.removeprefix(f"{copy}."))
        for key, node in flat.nodes.items()
    }
    assert plain.keys() == before.nodes.keys()
    for key, node in plain.items():
        old = before.nodes[key]
        assert (node.block, node.knobs) == (old.block, old.knobs)
    assert {key.replace(f"{copy}.", "") for key in wires(flat)} == wires(before)
    assert set(flattened(after).wholes[copy]) == {f"{copy}.{key}" for key in inside}


def test_a_value_reaches_three_levels_by_its_name() -> None:
    flat = flat_document(three_deep())
    assert flat.nodes["tower.body.core.vit"].knobs["width"] == 24
    assert flat.nodes["tower_2.body.core.vit"].knobs["width"] == 32
    assert "tower_2.body.core.vit.tokens>tower_2.body.pool.tokens" in wires(flat)


def test_a_disabled_copy_disables_what_is_in_it_and_a_bypassed_one_is_passed_by() -> None:
    muted = flat_document(edits.change_node(three_deep(), "tower_2", muted=True))
    assert muted.nodes["tower_2.body.core.vit"].muted
    assert not muted.nodes["tower.body.core.vit"].muted
    draw = Drawing()
    for block in ("connectors.pool", "connectors.projection", "connectors.mlp_projection"):
        draw.add(block)
    draw.wire("pool.embedding", "projection.embedding")
    draw.wire("projection.embedding", "mlp_projection.embedding")
    document, copy = group(draw.document, ["projection"], WORDS, "Head")
    passed = flat_document(edits.change_node(document, copy, bypassed=True))
    assert "pool.embedding>mlp_projection.embedding" in wires(passed)
    assert passed.nodes[f"{copy}.projection"].muted


def test_a_copy_that_repeats_is_a_row() -> None:
    draw = Drawing()
    for block in ("connectors.pool", "connectors.mlp_projection", "connectors.projection"):
        draw.add(block)
    draw.wire("pool.embedding", "mlp_projection.embedding")
    draw.wire("mlp_projection.embedding", "projection.embedding")
    document, copy = group(draw.document, ["mlp_projection"], WORDS, "Layer")
    flat = flat_document(edits.change_node(document, copy, repeat=3))
    assert wires(flat) == {
        "pool.embedding>layer.mlp_projection.embedding",
        "layer.mlp_projection.embedding>layer~2.mlp_projection.embedding",
        "layer~2.mlp_projection.embedding>layer~3.mlp_projection.embedding",
        "layer~3.mlp_projection.embedding>projection.embedding",
    }
    assert flattened(edits.change_node(document, copy, repeat=3)).paths["layer~2.mlp_projection"] == (
        "layer",
        "mlp_projection",
    )


def test_shared_weights_are_shared_all_the_way_in() -> None:
    document = edits.share_weights(three_deep(), "tower_2", "tower")
    flat = flat_document(document)
    assert flat.nodes["tower_2.body.core.vit"].same_as == "tower.body.core.vit"
    assert flat.nodes["tower_2.body.core.vit"].knobs == flat.nodes["tower.body.core.vit"].knobs
    assert flat.nodes["tower.body.core.vit"].same_as == ""
    assert file.loads(file.dumps(flat)) == flat


def test_rules_are_said_of_copies_and_of_what_is_in_them() -> None:
    document = three_deep(
        stages=(Stage(name="one", rules={"tower_2": Rule(frozen=True), "tower_2.body.core": Rule(frozen=False)}),)
    )
    document = edits.set_rule(document, "tower", learning_rate=0.5)
    flat = flat_document(document)
    assert flat.rule("tower.body.core.vit", 0).learning_rate == 0.5
    assert flat.rule("tower_2.mlp_projection", 0).frozen
    assert not flat.rule("tower_2.body.core.vit", 0).frozen
    assert set(flat.recipe.rules) <= set(flat.nodes)


def test_a_port_without_a_wire_inside_gives_nothing() -> None:
    document = two_copies()
    inside = level(document, ("tower",))
    cut = edits.disconnect(inside, [w.key for w in inside.wires if w.target.node == "exit"])
    flat = flat_document(with_level(document, ("tower",), cut))
    assert flat.wire_at(End(node="nt_xent", port="left")) is None


def test_a_wire_straight_through_is_followed() -> None:
    document = two_copies()
    inside = level(document, ("tower",))
    inside = edits.disconnect(inside, [w.key for w in inside.wires if w.target.node == "exit"])
    inside = edits.connect(inside, End(node="entry", port="image"), End(node="exit", port="embedding"))
    flat = flat_document(with_level(document, ("tower",), inside))
    assert flat.wire_at(End(node="nt_xent", port="left")).source == End(node="augment", port="image")  # type: ignore[union-attr]


def test_a_value_that_nothing_shows_is_told_and_can_be_dropped() -> None:
    document = borders.hide_knob(two_copies(), "tower", "width")
    told = flattened(document).problems
    assert [(problem.node, problem.severity) for problem in told] == [("tower_2", "warning")]
    assert "'width' to 32" in told[0].what
    assert told[0].fix is not None
    mended = getattr(edits, told[0].fix.edit)(document, **told[0].fix.arguments)
    assert flattened(mended).problems == ()


def test_two_blocks_of_one_path_are_told() -> None:
    document = two_copies()
    odd = replace(document.nodes["augment"], id="tower.vit")
    with pytest.raises(Refused, match=r"tower\.vit"):
        flat_document(replace(document, nodes={**document.nodes, "tower.vit": odd}))
