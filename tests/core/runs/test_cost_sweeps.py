"""What the gallery's sweeps of cost claim, asked of their own documents: counts, FLOPs and bytes, without training."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch

from core.blocks.connectors.compress import WAYS
from core.blocks.values import Tokens
from core.compiler.compile import analyse, compile
from core.compiler.module import Experiment
from core.compiler.recompute import recompute, recomputed
from core.graph import edits
from core.graph.analysis import Analysis
from core.graph.configurations import Configuration, applied, grid_configurations, sweep_problems
from core.graph.document import Document
from core.graph.sweep import Sweep
from core.runs.declared import declared_vocabulary
from core.runs.trials import trial_document
from core.runs.verdict import bases_of, rows_of
from core.store.answers import TrialFacts
from core.telemetry.diagnostics.memory import saved_bytes
from studio.open.documents import examples
from tests.core.training.running import trainer, weights

WORDS = declared_vocabulary()
COMPRESSION, MEMORY, FUSION = "token_compression_sweep", "cross_attention_memory_sweep", "early_late_cost_sweep"


@cache
def drawn(key: str) -> Document:
    return next(example.document for example in examples() if example.key == key)


def plan_of(key: str) -> Sweep:
    sweep = drawn(key).sweep
    assert sweep is not None
    return sweep


def configurations_of(key: str) -> dict[str, Configuration]:
    return {configuration.name: configuration for configuration in grid_configurations(plan_of(key))}


@cache
def facts(key: str, configuration: str) -> Analysis:
    """Shapes and costs of one configuration."""
    return analyse(applied(drawn(key), configurations_of(key)[configuration], 0, WORDS), WORDS)


def tokens(key: str, configuration: str, node: str, port: str = "tokens") -> int:
    return facts(key, configuration).nodes[node].outputs[port].tokens


def read_by_transformer(count: int, width: int, depth: int) -> int:
    """FLOPs of so many layers with a feed-forward part four times as wide: 24 n d^2 + 4 n^2 d each."""
    return depth * (24 * count * width**2 + 4 * count**2 * width)


@pytest.mark.parametrize("key", [COMPRESSION, MEMORY, FUSION])
def test_every_configuration_can_be_trained_and_is_compared_with_one_that_is_there(key: str) -> None:
    assert sweep_problems(drawn(key), WORDS) == []
    configurations = configurations_of(key)
    for configuration in configurations.values():
        trial_document(drawn(key), configuration, 0, WORDS)
    rows = rows_of(
        [
            TrialFacts(number=n, configuration=configuration.as_json(), seed=0, state="queued")
            for n, configuration in enumerate(configurations.values())
        ]
    )
    bases = bases_of(rows, plan_of(key).baseline)
    assert set(bases) == set(configurations)
    assert all(plan_of(key).baseline in base.configuration.name.split(" · ") for base in bases.values())


def test_a_thousand_tokens_become_sixty_four_in_every_way_there_is() -> None:
    configurations = configurations_of(COMPRESSION)
    ways = {str(configuration.values["compress.how"]) for configuration in configurations.values()}
    assert ways == set(WAYS)
    for name in configurations:
        assert tokens(COMPRESSION, name, "vit") == 1024
        left = 256 if "256" in name else 64
        assert tokens(COMPRESSION, name, "compress") == tokens(COMPRESSION, name, "token_transformer") == left
        assert facts(COMPRESSION, name).nodes["token_transformer"].flops == read_by_transformer(left, 32, 2)
    plan = compile(applied(drawn(COMPRESSION), configurations["ToMe"], 0, WORDS), WORDS)
    assert plan.modality_of(plan.inputs["info_nce"]["left"]) == "image"


def test_reading_all_of_them_would_cost_more_than_sixteen_times_as_much() -> None:
    bypassed = analyse(edits.change_node(drawn(COMPRESSION), "compress", bypassed=True), WORDS)
    assert "extra_loss" not in bypassed.nodes
    reading = bypassed.nodes["token_transformer"].flops
    assert reading == read_by_transformer(1024, 32, 2)
    assert 30 < reading / facts(COMPRESSION, "average pooling").nodes["token_transformer"].flops < 80


SAVED = {  # share of the bytes for the backward pass, of the cross-attention alone
    "naive": 0, "rank 4": 12, "SDPA": 61, "SDPA, bfloat16": 73, "SDPA, rank 4": 73, "SDPA, rank 4, bfloat16": 79,
    "recomputed": 91, "SDPA, rank 4, recomputed": 91,
}  # fmt: skip


def test_what_each_saving_leaves_of_the_bytes() -> None:
    """At 64 words and 1,024 picture tokens; three of the configurations reach 75 %, and savings do not multiply."""
    assert list(configurations_of(MEMORY)) == list(SAVED)
    kept = {name: facts(MEMORY, name).nodes["cross_attention"].activation_mebibytes for name in SAVED}
    for name in SAVED:
        assert (tokens(MEMORY, name, "pairs", "left"), tokens(MEMORY, name, "pairs", "right")) == (1024, 64)
        assert 100 * (1 - kept[name] / kept["naive"]) == pytest.approx(SAVED[name], abs=1)
    reached = {name for name in SAVED if kept[name] <= 0.25 * kept["naive"]}
    assert reached == {"SDPA, rank 4, bfloat16", "recomputed", "SDPA, rank 4, recomputed"}
    assert kept["SDPA, rank 4, recomputed"] == kept["recomputed"]
    if_independent = (
        (kept["SDPA"] / kept["naive"]) * (kept["rank 4"] / kept["naive"]) * (kept["recomputed"] / kept["naive"])
    )
    assert kept["SDPA, rank 4, recomputed"] > 1.5 * if_independent * kept["naive"]


@pytest.mark.parametrize("name", ["SDPA, rank 4, bfloat16", "recomputed"])
def test_three_quarters_are_really_saved(name: str) -> None:
    """The real modules with real tokens, as the memory diagnostic measures them."""

    def kept(configuration: str) -> int:
        document = edits.set_recipe(
            applied(drawn(MEMORY), configurations_of(MEMORY)[configuration], 0, WORDS), batch_size=2
        )
        module = Experiment(compile(document, WORDS)).train().node("cross_attention")
        if recomputed(document, "cross_attention"):
            recompute(module)
        words = Tokens(x_BND=torch.randn(4, 64, 16), mask_BN=torch.ones(4, 64, dtype=torch.bool), modality="text")
        return saved_bytes(module, {"tokens": words, "context": Tokens(x_BND=torch.randn(4, 1024, 16))})

    assert kept(name) <= 0.25 * kept("naive")


def test_recomputing_trains_the_very_same_model() -> None:
    """So its loss of accuracy is none, not small."""
    runs = []
    for name in ("naive", "recomputed"):
        trial = applied(drawn(MEMORY), configurations_of(MEMORY)[name], 0, WORDS)
        callbacks = {key: knobs for key, knobs in trial.recipe.callbacks.items() if key == "gradient_checkpointing"}
        runs.append(trainer(edits.set_recipe(trial, steps=2, batch_size=4, callbacks=callbacks, diagnostics={})))
        runs[-1].train()
    assert runs[1].experiment.node("cross_attention").recompute
    first, second = (weights(run) for run in runs)
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(("count", "ratio"), [(16, 0.929), (64, 0.800), (256, 0.636)])
def test_late_fusion_halves_the_attention_term_alone(count: int, ratio: float) -> None:
    early, late = (facts(FUSION, f"{way} · 2 × {count}") for way in ("early", "late"))
    for way in ("early", "late"):
        for side in ("left", "right"):
            assert tokens(FUSION, f"{way} · 2 × {count}", "pairs", side) == count
    assert "progressive" not in early.nodes
    assert "early" not in late.nodes
    width, pairs = 32, 2  # every sample with its own caption and with another's
    one_row, two_rows = early.nodes["early"].flops, late.nodes["progressive"].flops
    assert one_row == pairs * read_by_transformer(2 * count, width, 1)
    assert two_rows == pairs * 2 * read_by_transformer(count, width, 1)
    assert (
        two_rows / one_row
        == pytest.approx((6 * width + count) / (6 * width + 2 * count))
        == pytest.approx(ratio, abs=0.001)
    )
    rest = pairs * 24 * 2 * count * width**2
    assert (two_rows - rest) / (one_row - rest) == pytest.approx(0.5)
    others: dict[str, Any] = {key: node.flops for key, node in early.nodes.items() if key != "early"}
    assert others == {key: node.flops for key, node in late.nodes.items() if key != "progressive"}
