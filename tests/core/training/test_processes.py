"""Several processes that share a batch take the steps of one: gradients, losses, queues, norms and scores."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.data.order import Group, Share, none_without, share_of
from core.graph.document import Document
from core.graph.edits import set_knob, set_recipe
from core.graph.recipe import Choice
from core.problems import Refused
from tests.core.training.running import trainer
from tests.core.training.shared import (
    a_few_steps,
    a_normed_step,
    clip,
    in_two,
    matched,
    two_objectives,
    words_and_patches,
)
from tests.core.training.test_batching import BUCKETED, scenes
from tests.core.training.test_momentum import with_negatives
from tests.core.training.test_tokenizers import SMALL
from tests.documents import siamese, tokenizer

DYING = {
    "vector_quantizer": {"dead": 1.0},
    "residual_quantizer": {"dead": 1.0},
}  # codes are put elsewhere in every step
NEAR = {
    "mixed precision": 2**-6,
    "mixed precision, sharded": 2**-6,
}  # bfloat16 has eight binary digits, and a few roundings
# Scores over a temperature of 0.07 are fourteen times as far from each other as float32 rounded them (14 · 2**-24 = 8e-7):
# whether their gradients are within 1e-6 is how a processor adds. Losses are.
ROUNDED = dict.fromkeys(("local loss", "label smoothing", "hardest", "sharded late interaction"), 2**-18)
EVALUATED = {"evaluation": {"every": 100, "most": 100}, "clipping": {}}


def everyday() -> dict[str, Document]:
    """What is asked of every change."""
    return {
        "evaluated": clip(callbacks=EVALUATED),
        "siglip": clip("siglip"),
        "late interaction": words_and_patches(),
        "queue": with_negatives(clip(), ("negatives.queue", {"size": 40, "momentum": 0.9})),
        "cached": clip(knobs={"local_loss": True}, callbacks={"gradient_cache": {"chunk": 3}}),
    }


def thorough() -> dict[str, Document]:
    """The rest of what can be shared."""
    return {
        "local loss": clip(knobs={"local_loss": True}),
        "label smoothing": clip(knobs={"label_smoothing": 0.1}),
        "accumulated": clip(callbacks={"accumulation": {"chunks": 2}}),
        "accumulated siglip": clip("siglip", callbacks={"accumulation": {"chunks": 4}}),
        "cached queue": with_negatives(
            clip(callbacks={"gradient_cache": {"chunk": 3}}), ("negatives.queue", {"size": 40, "momentum": 0.0})
        ),
        "hardest": with_negatives(clip(), ("negatives.hardest", {})),
        "cached siglip": clip("siglip", callbacks={"gradient_cache": {"chunk": 5}}),
        "cached late interaction": words_and_patches(callbacks={"gradient_cache": {"chunk": 5}}),
        "matched": matched(),
        "matched, cached": matched(callbacks={"gradient_cache": {"chunk": 5}}),
        "one tower twice": siamese(steps=3, callbacks=EVALUATED),
        "sharded": set_recipe(clip(callbacks={**EVALUATED, "watchdog": {}}), sharded=True, processes=2),
        "sharded, cached": set_recipe(clip(callbacks={"gradient_cache": {"chunk": 3}}), sharded=True, processes=2),
        "sharded late interaction": set_recipe(words_and_patches(), sharded=True, processes=2),
        "sharded pairs": set_recipe(matched(), sharded=True, processes=2),
        "averaged weights": clip(callbacks={"ema": {"decay": 0.9}, **EVALUATED}),
    }


def weighed_and_counted() -> dict[str, Document]:
    """What is measured in the whole batch: weights of objectives, lengths of gradients, means of code books, packs of unequal sizes."""
    sampled = set_recipe(scenes(), steps=3)
    return {
        "objectives in balance": two_objectives(clip(callbacks={"grad_norm": {"rate": 0.5}}), 30.0),
        "modalities in balance": clip(callbacks={"ogm_ge": {}}),
        "modalities in balance by gradient": clip(callbacks={"ogm_ge": {"by": "gradient"}}),
        "mixed precision": clip(callbacks={"mixed_precision": {"insist": True}}),
        "mixed precision, sharded": set_recipe(
            clip(callbacks={"mixed_precision": {"insist": True}}), sharded=True, processes=2
        ),
        "adaptive weight": tokenizer(steps=3, perceptual=True),
        "bucketed": clip(batching=BUCKETED),
        "packed": sampled,
        "one pack for all": set_recipe(sampled, batching=Choice(key="packed", knobs={"budget": 400, "packs": 1, "window": 64})),
        "packed, with a queue": set_recipe(scenes(queue=True), steps=3),
        "packed, cached": set_recipe(sampled, callbacks={"gradient_cache": {"chunk": 3}, **EVALUATED}),
        "packed siglip": set_recipe(set_knob(scenes(objective="siglip"), "siglip", "weight", 0.1), steps=3),
        **{name: tokenizer(steps=3, quantizer=name, knobs={**SMALL[name], **DYING.get(name, {})}) for name in SMALL},
    }  # fmt: skip


def check_the_same(cases: dict[str, Document], folder: Path) -> None:
    shared = in_two(cases, folder)
    for name, document in cases.items():
        alone, (first, second) = a_few_steps(document), [found[name] for found in shared]
        assert set(first["gradients"]) == set(alone["gradients"])
        for parameter, gradient in alone["gradients"].items():
            near = ROUNDED.get(name, NEAR.get(name, 1e-6)) * max(1.0, float(gradient.abs().max()))
            shared_one, other = (found["gradients"][parameter] for found in (first, second))
            torch.testing.assert_close(shared_one, gradient, atol=near, rtol=0, msg=f"{name} {parameter}")
            assert torch.equal(shared_one, other), f"{name} {parameter}"
        assert first["losses"] == second["losses"]
        assert first["losses"] == pytest.approx(alone["losses"], abs=1e2 * NEAR.get(name, 1e-6)), name
        assert first["samples"] == alone["samples"]
        seen = [{key: sorted(indices) for key, indices in found["drawn"].items()} for found in (first, alone)]
        assert seen[0] == seen[1], name
        for series, value in alone["scores"].items():
            assert first["scores"][series] == second["scores"][series] == pytest.approx(value, abs=1e-2), (
                f"{name} {series}"
            )
        for buffer, value in alone["buffers"].items():
            torch.testing.assert_close(first["buffers"][buffer], value, atol=1e-4, rtol=1e-4, msg=f"{name} {buffer}")
        assert first["scores"].keys() == alone["scores"].keys()
    check_norms([found["batch norm"] for found in shared])


def check_norms(parts: list[dict[str, torch.Tensor]]) -> None:
    """Batch norm sees all samples: the mean of losses over halves is the loss of the whole."""
    whole = a_normed_step(slice(0, 8))
    torch.testing.assert_close(torch.cat([part["made"] for part in parts]), whole["made"])
    torch.testing.assert_close(torch.cat([part["images"] for part in parts]) / len(parts), whole["images"])
    for part in parts:
        for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            torch.testing.assert_close(part[name], whole[name])


@pytest.mark.long
def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    check_the_same(everyday(), tmp_path)


@pytest.mark.long
def test_whatever_is_shared_takes_the_steps_of_one(tmp_path: Path) -> None:
    check_the_same(thorough(), tmp_path)


@pytest.mark.long
def test_what_is_measured_in_the_whole_batch_takes_the_steps_of_one(tmp_path: Path) -> None:
    check_the_same(weighed_and_counted(), tmp_path)


def test_parts_in_order_of_ranks_are_the_batch() -> None:
    group = Group(indices=tuple(range(100, 124)))
    for world in (1, 2, 3, 4):
        parts = [share_of(group, Share(rank=rank, world=world)) for rank in range(world)]
        assert sum((part.indices for part in parts), ()) == group.indices
        pieces = [share_of(group, Share(rank=rank, world=world), 2) for rank in range(world)]
        half = 12 // world
        assert sum((part.indices[:half] for part in pieces), ()) == group.indices[:12]
    with pytest.raises(ValueError, match="24 samples in 1 pieces cannot be shared by 5 processes"):
        share_of(group, Share(rank=0, world=5))


def packed(*sizes: int, first: int = 0) -> Group:
    """Packs of so many samples each."""
    indices = range(first, first + sum(sizes))
    return Group(indices=tuple(indices), packs=tuple(pack for pack, size in enumerate(sizes) for _ in range(size)))


def test_packs_stay_whole_where_there_are_enough() -> None:
    group = packed(3, 1, 4, 2, 2)
    for world in (1, 2, 3, 4, 5):
        parts = [share_of(group, Share(rank=rank, world=world)) for rank in range(world)]
        assert sum((part.indices for part in parts), ()) == group.indices
        packs = [set(part.packs or ()) for part in parts]
        assert sum(map(len, packs)) == len(set.union(*packs)) == 5
        assert max(map(len, packs)) - min(map(len, packs)) <= 1
    parts = [share_of(packed(5), Share(rank=rank, world=3)).indices for rank in range(3)]
    assert parts == [(0, 1), (2, 3), (4,)], "one pack is cut by samples"
    with pytest.raises(ValueError, match="2 samples cannot be shared by 3 processes"):
        [share_of(packed(2), Share(rank=rank, world=3)) for rank in range(3)]


def test_a_step_of_too_few_samples_is_one_with_another() -> None:
    found = none_without([packed(1), packed(3, 1, first=1), packed(2, first=5)], 3)
    assert [(group.indices, group.packs) for group in found] == [((0, 1, 2, 3, 4, 5, 6), (0, 1, 1, 1, 2, 3, 3))]
    groups = [packed(2, 2), packed(4, first=4)]
    assert none_without(groups, 2) == groups


def test_packs_batch_norm_and_parts_of_a_batch_do_not_go_together() -> None:
    batching = Choice(key="packed", knobs={"budget": 256})
    run = trainer(clip(batching=batching, callbacks={"gradient_cache": {}}))
    run.experiment.node("projection").add_module("norm", torch.nn.BatchNorm1d(16))
    run.share = Share(rank=0, world=2)
    with pytest.raises(Refused, match="batch norm sees those of all of them"):
        run.train()
