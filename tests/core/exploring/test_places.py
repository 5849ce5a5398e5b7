"""The same place in another run: exact where batches, pace and lengths differ."""

from __future__ import annotations

import pytest

from core.exploring.places import same_place
from core.store.library import Library
from tests.said_runs import said_run


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
def test_the_same_place_is_exact(library: Library) -> None:
    losses = {"loss": [1.0] * 40}
    small = library.reader(said_run(library, "small", losses, batch_size=8, seconds=0.5).uid)
    large = library.reader(said_run(library, "large", losses, batch_size=16, seconds=0.25).uid)
    for step in range(1, 41):
        assert same_place(small, step, large, "step") == step
        assert same_place(small, step, large, "samples") == step // 2, "no more samples than the other has seen"
        assert same_place(large, step, small, "samples") == min(2 * step, 40)
        assert same_place(small, step, large, "seconds") == min(2 * step, 40), "twice as quick, and it ends at 40"
        assert same_place(small, step, small, "samples") == step
    assert same_place(small, 1, large, "samples") == 0, "it has not taken a step yet"
