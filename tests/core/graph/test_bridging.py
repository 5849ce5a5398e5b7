"""What may be put between two ports that no wire joins: every refused pair of ports there is, walked."""

from __future__ import annotations

from functools import cache
from itertools import pairwise, product

import pytest

from core.compiler.compile import analyse
from core.compiler.resolve import resolve
from core.graph import edits, rules
from core.graph.bridging import Bridge, bridged, bridges
from core.graph.document import Document, End
from core.graph.ports import mismatch
from core.graph.vocabulary import BlockSpec, Vocabulary
from core.runs.vocabulary import full_vocabulary
from studio.open.documents import find_document as example


@cache
def words() -> Vocabulary:
    return full_vocabulary()


def pair(giver: str, taker: str) -> Document:
    document = Document(id="pair")
    for block, x in ((giver, 0.0), (taker, 300.0)):
        document, _ = edits.add_node(document, block, x, 40.0)
    return document


def between(giver: str, out: str, taker: str, into: str) -> tuple[Document, End, End, list[Bridge]]:
    document = pair(giver, taker)
    first, last = document.nodes
    source, target = End(node=first, port=out), End(node=last, port=into)
    return document, source, target, bridges(document, source, target, words())


def refused_pairs() -> list[tuple[BlockSpec, str, BlockSpec, str]]:
    """One pair of blocks for every pair of kinds and of places along the way that no wire may join: the answer hangs on these alone."""
    found = {}
    for giver, taker in product(words().values(), words().values()):
        if rules.order_refusal(giver, taker):
            continue
        for out, into in product(giver.gives, taker.takes):
            if mismatch(out, into):
                roles = giver.role in ("source", "transform"), taker.role in ("source", "transform")
                found.setdefault((out.kind, into.kind, *roles), (giver, out.name, taker, into.name))
    return list(found.values())


def test_every_refused_pair_is_bridged_and_then_clean_or_told_that_nothing_can():
    told, mended = 0, 0
    for giver, out, taker, into in refused_pairs():
        document, source, target, offered = between(giver.key, out, taker.key, into)
        if not offered:
            found = resolve(edits.connect(document, source, target), words()).problems
            said = [p for p in found if p.node == target.node and p.port == into]
            assert [p.hint for p in said] == ["No block makes the one from the other: remove the wire."]
            told += 1
            continue
        for bridge in offered[:6]:
            after, new = bridged(document, source, target, bridge, words())
            assert len(new) == len(bridge.steps)
            on_the_way = {(wire.target.node, wire.target.port) for wire in after.wires}
            assert on_the_way == {
                *((key, step.entry) for key, step in zip(new, bridge.steps, strict=True)),
                (target.node, into),
            }
            wrong = [p for p in resolve(after, words()).problems if (p.node, p.port) in on_the_way]
            assert wrong == [], (bridge.key, wrong)
            for one, then in pairwise((source.node, *new, target.node)):
                wire = next(w for w in after.wires if w.target.node == then)
                assert wire.source.node == one
                assert rules.refusal(edits.disconnect(after, [wire.key]), wire.source, wire.target, words()) == ""
        mended += 1
    assert mended > 30, (mended, told)
    assert told > 100, (mended, told)


@pytest.mark.parametrize(
    ("giver", "out", "taker", "into", "best"),
    [
        ("encoders.vit", "tokens", "objectives.info_nce", "left", "Pooling"),
        ("sources.emoji", "image", "objectives.info_nce", "left", "ResNet → Pooling"),
        ("sources.emoji", "sentence", "objectives.info_nce", "left", "Tokenizer → Text transformer → Pooling"),
        ("sources.sounds", "waveform", "encoders.audio_cnn", "spectrogram", "Log-mel spectrogram"),
    ],
)
def test_what_the_field_would_put_there_comes_first(giver, out, taker, into, best):
    document = pair(giver, taker)
    first, last = document.nodes
    offered = bridges(document, End(node=first, port=out), End(node=last, port=into), words())
    assert offered[0].title == best, [bridge.title for bridge in offered]


def test_noise_carries_nothing_and_is_no_bridge_from_an_image():
    *_, offered = between("sources.emoji", "image", "connectors.projection", "embedding")
    assert offered
    assert all(step.spec.key != "transforms.noise" for bridge in offered for step in bridge.steps)


def test_nothing_is_offered_where_a_wire_would_do_or_would_close_a_circle():
    *_, offered = between("encoders.vit", "tokens", "connectors.pool", "tokens")
    assert offered == []
    document = pair("connectors.pool", "connectors.token_projection")
    pool, projection = document.nodes
    document = edits.connect(document, End(node=projection, port="tokens"), End(node=pool, port="tokens"))
    assert bridges(document, End(node=pool, port="embedding"), End(node=projection, port="tokens"), words()) == []


def test_what_hangs_on_the_target_makes_room():
    document, source, target, offered = between("encoders.vit", "tokens", "objectives.info_nce", "left")
    after, (pool,) = bridged(document, source, target, offered[0], words())
    xs = [after.nodes[key].x for key in (source.node, pool, target.node)]
    assert xs[1] - xs[0] >= 250
    assert xs[2] - xs[1] >= 250


def test_a_row_is_as_wide_as_what_it_meets():
    document, source, target, offered = between("encoders.vit", "tokens", "objectives.info_nce", "left")
    after, (pool, head) = bridged(document, source, target, offered[0], words(), width=48)
    assert after.nodes[head].block == "connectors.projection"  # a pool keeps the width it is given
    assert after.nodes[head].knobs["width"] == 48
    document, source, target, offered = between("encoders.vit", "tokens", "fusion.concat", "left")
    assert len(bridged(document, source, target, offered[0], words(), width=48)[1]) == 1  # a fusion takes any width


def test_two_sides_of_unequal_width_are_mended_by_a_projection_where_no_knob_can():
    document = edits.remove_nodes(example("mini_clip"), ["projection"], words())
    (problem,) = [p for p in analyse(document, words()).problems if "same width" in p.what]
    assert problem.fix is not None
    assert problem.fix.text == "Put Projection between"
    mended = getattr(edits, problem.fix.edit)(document, **problem.fix.arguments)
    assert analyse(mended, words()).problems == ()


def test_a_wire_tells_what_flows_in_words_numbers_and_bytes():
    facts = analyse(example("mini_clip"), words()).nodes
    flows = {key: facts[node].outputs[port] for key, node, port in (
        ("image", "augment", "image"), ("text", "tokenizer", "text"), ("tokens", "resnet", "tokens"), ("vector", "projection", "embedding"),
    )}  # fmt: skip
    assert {key: flow.dtype for key, flow in flows.items()} == {
        "image": "float32",
        "text": "int64",
        "tokens": "float32",
        "vector": "float32",
    }
    assert [flows[key].modality for key in ("image", "text", "tokens")] == ["image", "text", "image"]
    assert all(flow.mebibytes > 0 for flow in flows.values())


def test_a_drawing_that_lost_a_tower_is_whole_again_after_one_choice():
    """The built-in experiment without its image tower: from the images to the loss, and nothing stands against a run."""
    document = example("mini_clip")
    document = edits.remove_nodes(document, ["resnet", "pool", "projection"], words(), keep_wires=False)
    source, target = End(node="augment", port="image"), End(node="info_nce", port="left")
    for bridge in bridges(document, source, target, words())[:2]:
        after, _ = bridged(document, source, target, bridge, words(), width=128)
        assert analyse(after, words()).problems == (), bridge.title


def test_a_document_with_a_wrong_wire_is_mended_by_its_fix():
    document = pair("encoders.vit", "objectives.info_nce")
    vit, loss = document.nodes
    document = edits.connect(document, End(node=vit, port="tokens"), End(node=loss, port="left"))
    wrong = next(p for p in resolve(document, words()).problems if p.port == "left")
    assert wrong.fix is not None
    assert wrong.fix.text == "Put Pooling between"
    mended = getattr(edits, wrong.fix.edit)(document, **wrong.fix.arguments)
    assert [p for p in resolve(mended, words()).problems if p.port == "left"] == []


def test_what_is_put_between_lies_on_no_block_that_is_there():
    document = example("mini_clip")
    ends = [
        (End(node=giver, port=out.name), End(node=taker, port=into.name))
        for giver, taker in product(document.nodes, document.nodes)
        for out in words().spec(document.nodes[giver].block).gives
        for into in words().spec(document.nodes[taker].block).takes
    ]
    tried = 0
    for source, target in ends:
        for bridge in bridges(document, source, target, words())[:1]:
            after, new = bridged(document, source, target, bridge, words())
            there = [node for key, node in after.nodes.items() if key not in new]
            for node in (after.nodes[key] for key in new):
                assert not [one.id for one in there if abs(one.x - node.x) < 200 and abs(one.y - node.y) < 100]
            tried += 1
    assert tried > 10
