"""Gradient caching is the whole batch's gradient; plain accumulation is another objective."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch

from core.graph import edits
from core.training.gradients import accumulated, cached, plain
from core.training.trainer import Trainer
from tests.core.training.running import trainer
from tests.documents import tiny_clip


def gradients(run: Trainer, how: Any) -> dict[str, torch.Tensor]:
    run._enter_stage()
    run.batch, run.indices = run.feed.next(0, 0)
    run.feed.close()
    run.experiment.zero_grad()
    torch.manual_seed(0)
    how(run)
    return {name: p.grad.clone() for name, p in run.experiment.named_parameters() if p.grad is not None}


def double(run: Trainer) -> Trainer:
    from core.blocks.values import map_tensors

    run.experiment.double()
    run.feed.after.append(
        lambda batch, _: {
            end: map_tensors(lambda t: t.double() if t.is_floating_point() else t, value)
            for end, value in batch.items()
        }
    )
    return run


@pytest.mark.parametrize("chunk", [3, 8, 32])
def test_cached_equals_the_whole_batch(chunk: int) -> None:
    """Without randomness the two are the same function, temperature included: to 1e-12 in float64."""
    document = tiny_clip(batch_size=32, dropout=0.0)
    document = edits.set_knob(document, "vit", "patch_dropout", 0.0)
    whole = gradients(double(trainer(document)), plain)
    parts = gradients(double(trainer(document)), partial(cached, chunk=chunk))
    assert whole.keys() == parts.keys()
    assert any("logit_scale" in name for name in whole)
    assert all(gradient.dtype == torch.float64 for gradient in whole.values())
    for name in whole:
        torch.testing.assert_close(parts[name], whole[name], atol=1e-12, rtol=1e-10)


def test_random_numbers_are_replayed() -> None:
    """With dropout and patch dropout both passes of a chunk must draw the same masks: embeddings agree bit for bit."""
    document = tiny_clip(batch_size=32, dropout=0.5)
    run = trainer(document)
    made: list[torch.Tensor] = []
    run._enter_stage()
    run.experiment.node("projection").register_forward_hook(lambda _m, _i, out: made.append(out["embedding"].detach()))
    run.batch, run.indices = run.feed.next(0, 0)
    run.feed.close()
    torch.manual_seed(0)
    cached(run, chunk=8)
    assert len(made) == 8
    for first, second in zip(made[:4], made[4:]):
        assert torch.equal(first, second)
    assert not torch.equal(made[0], made[1])


def test_plain_accumulation_is_another_objective() -> None:
    document = tiny_clip(batch_size=32, dropout=0.0)
    whole = gradients(trainer(document), plain)
    parts = gradients(trainer(document), partial(accumulated, chunks=4))
    a, b = (torch.cat([g[name].flatten() for name in sorted(whole)]) for g in (whole, parts))
    assert torch.cosine_similarity(a, b, dim=0) < 0.999


def test_plain_accumulation_says_so() -> None:
    run = trainer(tiny_clip(steps=1, callbacks={"accumulation": {"chunks": 2}}))
    run.train()
    assert any("changes this objective" in event.text for event in run.listener if hasattr(event, "text"))  # type: ignore[attr-defined]
