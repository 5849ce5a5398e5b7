"""Looking inside: what is shown is what the compiled model computes, nothing is computed twice, and what cannot be shown is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from core.blocks.attention.layer import Stack
from core.blocks.catalog import blocks
from core.compiler.compile import compile
from core.compiler.describe import vocabulary
from core.compiler.feed import sample_graphs
from core.compiler.module import Experiment
from core.data.batch import collate
from core.graph import edits
from core.graph.document import Document, End
from core.graph.inside import Wish
from core.graph.subgraphs.grouping import group
from core.graph.upstream import upstream_key
from core.inference.answering import Cancelled
from core.inference.flows import coarse, numbers_of
from core.inference.inside import Insides
from core.problems import Refused
from studio.open.documents import find_document
from tests.documents import tiny_clip

WORDS = vocabulary()


@pytest.fixture(scope="module")
def document() -> Document:
    return find_document("mini_clip")


@pytest.fixture(scope="module")
def insides() -> Insides:
    """One for all tests: what one has computed, the next ones find."""
    return Insides()


def hooked(document: Document, split: str, place: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What every block of the whole compiled model gives for one sample, taken by hooks on its own forward."""
    plan = compile(document, WORDS)
    graphs = sample_graphs(plan)
    graphs.prepare()
    graph = graphs.first
    index = int(graph.source.splits()[split][place])
    batch = collate([graph.sample(index, epoch=0, seed=document.recipe.seed, training=False)], [index])
    experiment = Experiment(plan, document.recipe.seed).eval()
    for module in experiment.modules():
        if isinstance(module, Stack):
            module.first_only = False
    taken: dict[str, Mapping[str, Any]] = {}
    for key in plan.owners:
        experiment.node(key).register_forward_hook(lambda _, given, made, key=key: taken.update({key: made}))
    with torch.no_grad():
        experiment.run({End(node=k[0], port=k[1]): v for k, v in batch.items() if k != "indices"})
    yield from taken.items()


def farthest(one: Any, other: Any) -> float:
    """The largest difference between two values' tensors."""
    pairs = zip(pytree.tree_leaves(one), pytree.tree_leaves(other), strict=True)
    return max(float((a.double() - b.double()).abs().max()) for a, b in pairs if isinstance(a, Tensor))


@pytest.mark.parametrize("name", ["tiny_clip", "sound_offset", "space_time_cost_sweep"])
def test_what_is_shown_is_what_the_compiled_model_computes(name: str):
    document, insides = tiny_clip() if name == "tiny_clip" else find_document(name), Insides()
    compared, mixing = 0, compile(document, WORDS).mixing
    for key, made in hooked(document, "validation", 3):
        if key in mixing:
            continue
        values = insides.values(document, Wish(node=key, split="validation", place=3), WORDS)
        for port, value in made.items():
            assert farthest(values[End(node=key, port=port)], value) == 0.0, f"{key}.{port}"
            compared += 1
    assert compared >= 2


def test_moving_renaming_and_what_comes_behind_run_nothing_again(document: Document, insides: Insides):
    wish = Wish(node="pool", split="validation")
    insides.look(document, wish, WORDS)
    ran, opened = insides.ran, insides.opened
    elsewhere = edits.change_node(document, "resnet", title="Eyes", x=900.0, y=-40.0, collapsed=True)
    behind = edits.set_knob(elsewhere, "projection", "width", 64)
    behind = edits.set_rule(edits.set_recipe(behind, batch_size=8, steps=5), "resnet", frozen=True)
    beside = edits.set_knob(behind, "text_transformer", "depth", 1)
    for changed in (elsewhere, behind, beside):
        assert insides.look(changed, wish, WORDS).ran == 0
    assert (insides.ran, insides.opened) == (ran, opened)


def test_only_what_changed_and_what_hangs_on_it_is_run_again(document: Document):
    insides = Insides()
    wish = Wish(node="projection", split="validation")
    assert insides.look(document, wish, WORDS).ran == 3  # resnet, pool, projection
    assert insides.look(edits.set_knob(document, "projection", "width", 64), wish, WORDS).ran == 1
    assert insides.look(edits.set_knob(document, "resnet", "width", 8), wish, WORDS).ran == 3
    assert insides.look(document, replace(wish, place=1), WORDS).ran == 3
    assert insides.look(edits.set_recipe(document, seed=7), wish, WORDS).ran == 3
    assert insides.look(document, wish, WORDS).ran == 0
    assert insides.opened == 2  # a seed decides what a sample is, too


def test_the_key_tells_apart_what_flows_and_nothing_else(document: Document):
    key = upstream_key(document, "pool")
    same = [
        edits.change_node(document, "pool", x=1.0, title="P"), edits.set_knob(document, "info_nce", "temperature", 0.2),
        edits.disconnect(document, ("projection.embedding>info_nce.left",)),
    ]  # fmt: skip
    other = [
        edits.set_knob(document, "pool", "how", "mean"), edits.set_knob(document, "emoji", "image_size", 32),
        edits.set_recipe(document, seed=1), edits.change_node(document, "augment", bypassed=True),
    ]  # fmt: skip
    assert {upstream_key(each, "pool") for each in same} == {key}
    assert len({key, *(upstream_key(each, "pool") for each in other)}) == 1 + len(other)


def test_neighbours_come_last_and_are_the_largest_cosines(document: Document, insides: Insides):
    told: list[Any] = []
    wish = Wish(node="projection", split="validation", place=2)
    found = insides.look(document, wish, WORDS, first=told.append)
    assert told[0].flows[0].awaits_neighbours
    assert not told[0].flows[0].neighbours
    near = found.flows[0].neighbours
    assert len(near) == 5
    assert [one.cosine for one in near] == sorted((one.cosine for one in near), reverse=True)
    vectors = {}
    for place in range(found.splits["validation"]):
        inside = replace(wish, place=place)
        vectors[place] = next(iter(insides.values(document, inside, WORDS).values()))[0]
        if len(vectors) > 3:
            break
    assert all(-1.0001 <= one.cosine <= 1.0001 and one.sentence for one in near)


def test_tokens_lie_over_what_they_stand_for(document: Document, insides: Insides):
    image = insides.look(document, Wish(node="resnet", split="validation"), WORDS).flows[0]
    assert image.picture is not None
    assert image.grid is not None
    assert image.heat is not None
    assert image.heat.shape == image.grid
    assert image.cosines_NN is not None
    assert np.allclose(np.diag(image.cosines_NN), 1, atol=1e-5)
    words = insides.look(document, Wish(node="text_transformer", split="validation"), WORDS).flows[0]
    assert len(words.words) == len(words.ids) == len(words.lit) > 2
    assert words.numbers is not None
    assert words.numbers.shape[0] == len(words.words)


def test_a_block_that_compares_samples_is_shown_a_batch(document: Document, insides: Insides):
    found = insides.look(document, Wish(node="info_nce", split="train"), WORDS)
    assert found.together == 16
    assert found.flows[0].numbers is not None
    assert 0 < found.flows[0].numbers.mean < 20


def test_nobody_waits_for_what_is_stale(document: Document):
    asked: list[int] = []

    def go_on() -> bool:
        asked.append(1)
        return len(asked) < 3

    insides = Insides()
    with pytest.raises(Cancelled):
        insides.look(document, Wish(node="projection"), WORDS, go_on=go_on)
    assert insides.ran < 3
    found = insides.look(document, Wish(node="projection"), WORDS)
    assert found.ran + 1 >= 3 - insides.ran % 3  # goes on from what was there
    assert not found.flows[0].awaits_neighbours


@pytest.mark.parametrize(
    ("change", "node", "words"),
    [
        (lambda d: edits.change_node(d, "pool", muted=True), "pool", "disabled"),
        (lambda d: edits.change_node(d, "resnet", muted=True), "pool", "hangs on a block that is disabled"),
        (lambda d: edits.change_node(d, "augment", bypassed=True), "augment", "bypassed"),
        (lambda d: edits.disconnect(d, ("resnet.tokens>pool.tokens",)), "pool", "needs something"),
        (lambda d: edits.set_knob(d, "resnet", "depth", 10**6), "resnet", "must lie between"),
    ],
)
def test_what_cannot_flow_is_a_sentence_at_its_node(document: Document, change: Any, node: str, words: str):
    with pytest.raises(Refused) as refused:
        Insides().look(change(document), Wish(node=node), WORDS)
    assert refused.value.problems[0].node == node
    assert words in refused.value.problems[0].what


def test_a_copy_of_a_subgraph_gives_what_its_border_gives_and_its_inside_can_be_looked_into():
    whole = tiny_clip()
    drawn, copy = group(whole, ["vit", "pool"], WORDS, "Eyes")
    insides = Insides()
    through = insides.look(drawn, Wish(node=copy, split="validation"), WORDS)
    assert through.ran == 2
    inner = insides.look(drawn, Wish(node=f"{copy}.pool", split="validation"), WORDS)
    assert inner.ran == 0
    assert through.flows[0].numbers == inner.flows[0].numbers
    assert [near.sentence for near in through.flows[0].neighbours] == [
        near.sentence for near in inner.flows[0].neighbours
    ]
    assert insides.look(drawn, Wish(node="projection", split="validation"), WORDS).ran == 1


def test_a_source_that_is_not_ready_says_what_it_needs():
    with pytest.raises(Refused) as refused:
        Insides().look(find_document("own_pictures"), Wish(node="pool"), WORDS)
    assert refused.value.problems[0].node == "caption_table"
    assert refused.value.problems[0].hint


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3 GiB"), "The memory does not suffice"),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
            "does not suffice",
        ),
        (ValueError("a bad day"), "cannot be run: ValueError: a bad day."),
    ],
)
def test_a_block_that_fails_is_named(document: Document, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str):
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    insides = Insides()
    insides.look(document, Wish(node="resnet", split="validation"), WORDS)
    monkeypatch.setattr(
        blocks["connectors.pool"],
        "forward",
        lambda self, tokens: fail() if tokens.x_BND.device.type == "cpu" else {"embedding": tokens.x_BND[:, 0]},
    )
    with pytest.raises(Refused) as refused:
        insides.look(document, Wish(node="projection", split="validation"), WORDS)
    assert refused.value.problems[0].node == "pool"
    assert words in refused.value.problems[0].what


def test_figures_are_those_of_the_tensor():
    x = torch.tensor([[0.0, 3.0, float("nan")], [4.0, 0.0, float("inf")]])
    told = numbers_of(x)
    assert (told.norm, told.zeros, told.not_finite) == (5.0, 2 / 6, 2 / 6)
    assert told.mean == 7 / 4
    assert sum(told.counts) == 4
    assert len(told.edges) == len(told.counts) + 1


def test_a_large_matrix_is_averaged_whole():
    x = np.arange(200 * 300, dtype=np.float64).reshape(200, 300)
    small = coarse(x, 64, 96)
    assert small.shape == (64, 96)
    assert small[0, 0] == pytest.approx(x[:3, :3].mean())
    assert coarse(x[:10, :10]).tolist() == x[:10, :10].tolist()
