"""What the map of embeddings records: the same held-out samples every time, within its bound, with what lies between them kept."""

from __future__ import annotations

import numpy as np
import torch

from core.telemetry.diagnostics.embedding_map import narrowed
from core.telemetry.events import Embeddings
from tests.core.training.running import same, trainer, weights
from tests.documents import tiny_clip


def test_the_directions_kept_are_those_that_matter() -> None:
    torch.manual_seed(0)
    flat = torch.randn(60, 8) @ torch.linalg.qr(torch.randn(40, 40))[0][:8]
    left, right = narrowed(flat[:30], flat[30:], 8)
    assert left.shape == (30, 8)
    both = torch.cat([left, right])
    assert torch.allclose(both @ both.T, flat @ flat.T, atol=1e-3), "of points that use 8 directions nothing is lost"
    same, _ = narrowed(flat[:30, :8], flat[30:, :8], 8)
    assert torch.equal(same, flat[:30, :8])


def test_looking_changes_nothing_and_says_the_same_samples_at_every_evaluation() -> None:
    settings = {"callbacks": {"evaluation": {"every": 2, "most": 40}}}
    some = {"embedding_map": {"samples": 12, "directions": 5}}
    bare, watched = (trainer(tiny_clip(steps=4, diagnostics=diagnostics, **settings)) for diagnostics in ({}, some))
    assert (bare.train(), watched.train()) == ("finished", "finished")
    assert same(weights(bare), weights(watched))
    looks = watched.listener.of(Embeddings)  # type: ignore[attr-defined]
    assert [look.at.step for look in looks] == [2, 4]
    for look in looks:
        assert look.series == "embeddings/info_nce"
        assert look.left.shape == look.right.shape == (12, 5)
        assert look.left.dtype == np.float16
        assert look.names == ("image", "text")
        assert len(set(look.numbers.tolist())) == 12
        assert np.array_equal(look.numbers, looks[0].numbers)
        assert all(look.labels)
