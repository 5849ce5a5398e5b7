"""Bytes for the backward pass as a drawing says them are those that a training step keeps, whatever saves them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from core.blocks.attention.layer import Stack
from core.compiler.compile import analyse, compile
from core.compiler.feed import feeds, sample_graphs
from core.compiler.module import Experiment
from core.graph import edits
from core.graph.document import Document
from core.telemetry.diagnostics.memory import MEBIBYTE, saved_bytes
from tests.documents import Drawing

CPU = torch.device("cpu")


def drawn(callbacks: dict[str, Any] | None = None, **attention: Any) -> Document:
    """Words look at 16 patches; pairs double the batch of four."""
    draw = Drawing("words look at patches")
    draw.add("sources.emoji", image_size=16, second_artist="none")
    draw.add("transforms.tokenizer", vocabulary=300, length=8)
    draw.add("encoders.vit", patch_size=4, width=24, depth=1, heads=2)
    draw.add("encoders.text_transformer", width=16, depth=0)
    draw.add("fusion.pairs")
    draw.add("fusion.cross_attention", depth=2, heads=2, **attention)
    draw.add("connectors.pool")
    draw.add("objectives.matching")
    for source, target in (
        ("emoji.image", "vit.image"), ("emoji.sentence", "tokenizer.sentence"), ("tokenizer.text", "text_transformer.text"),
        ("vit.tokens", "pairs.left"), ("text_transformer.tokens", "pairs.right"),
        ("pairs.right", "cross_attention.tokens"), ("pairs.left", "cross_attention.context"),
        ("cross_attention.tokens", "pool.tokens"), ("pool.embedding", "matching.embedding"),
        ("pairs.label", "matching.label"),
    ):  # fmt: skip
        draw.wire(source, target)
    return edits.set_recipe(draw.document, steps=1, batch_size=4, callbacks=callbacks or {}, diagnostics={}, threads=1)


@pytest.mark.parametrize(
    "knobs",
    [
        {}, {"attention": "naive"}, {"attention": "linear"}, {"rank": 8}, {"recompute": True}, {"shared_keys": True},
        {"precision": "bfloat16"}, {"dropout": 0.1},
    ],
    ids=str,
)  # fmt: skip
def test_a_drawing_says_the_bytes_that_training_keeps(knobs: dict[str, Any]) -> None:
    plan = compile(drawn(**knobs))
    graph = sample_graphs(plan)
    graph.prepare()
    feed = feeds(plan, graph, CPU)[plan.tasks[0].source]
    experiment = Experiment(plan).train()
    values = experiment.run(feed.next(0, 0)[0])
    feed.close()
    for node in ("vit", "cross_attention"):
        incoming = {port: values[end] for port, end in plan.inputs[node].items()}
        kept = saved_bytes(experiment.node(node), incoming) / MEBIBYTE
        assert plan.analysis.nodes[node].activation_mebibytes == pytest.approx(kept, rel=0.02)


def test_checkpointing_is_seen_where_it_is_switched_on() -> None:
    def kept(callbacks: dict[str, Any]) -> dict[str, float]:
        return {key: node.activation_mebibytes for key, node in analyse(drawn(callbacks)).nodes.items()}

    plain, all_of_them = kept({}), kept({"gradient_checkpointing": {}})
    one = kept({"gradient_checkpointing": {"nodes": "cross_attention"}})
    assert all_of_them["vit"] < 0.7 * plain["vit"]
    assert all_of_them["cross_attention"] < 0.5 * plain["cross_attention"]
    assert one == {**plain, "cross_attention": all_of_them["cross_attention"]}


def test_fused_attention_costs_the_same_on_a_processor_and_on_meta() -> None:
    """12 N D^2 multiplications in the linear maps of a layer, 2 N^2 D in attention; a FLOP is half of one."""
    counted = []
    for device in ("cpu", "meta"):
        with torch.device(device), FlopCounterMode(display=False) as counter:
            Stack(16, 1, 2)(torch.empty(1, 40, 16), torch.ones(1, 40, dtype=torch.bool))
        counted.append(counter.get_total_flops())
    assert counted == [24 * 40 * 16**2 + 4 * 40**2 * 16] * 2
