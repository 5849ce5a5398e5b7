"""Several processes that share a batch take the steps of one: gradients, losses, queues, norms and scores."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.data.order import Group, Share, share_of
from core.graph.document import Document
from core.graph.edits import set_recipe
from tests.core.training.shared import a_few_steps, a_normed_step, clip, in_two, matched, words_and_patches
from tests.core.training.test_momentum import with_negatives
from tests.documents import siamese

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


def check_the_same(cases: dict[str, Document], folder: Path) -> None:
    shared = in_two(cases, folder)
    for name, document in cases.items():
        alone, (first, second) = a_few_steps(document), [found[name] for found in shared]
        assert set(first["gradients"]) == set(alone["gradients"])
        for parameter, gradient in alone["gradients"].items():
            near = 1e-6 * max(1.0, float(gradient.abs().max()))
            shared_one, other = (found["gradients"][parameter] for found in (first, second))
            torch.testing.assert_close(shared_one, gradient, atol=near, rtol=0, msg=f"{name} {parameter}")
            assert torch.equal(shared_one, other), f"{name} {parameter}"
        assert first["losses"] == second["losses"]
        assert first["losses"] == pytest.approx(alone["losses"], abs=1e-4), name
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
