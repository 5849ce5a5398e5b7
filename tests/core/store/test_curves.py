"""No spike is ever lost in a picture, however it is zoomed and wherever the cursor stands."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from core.store import curves, points
from core.store.database import Store
from core.store.library import Library
from core.store.reader import RunReader
from core.store.schema import chunk
from studio.benches import open_million
from tests.core.store.said import scalars


@pytest.fixture(scope="module")
def long_run() -> tuple[Library, str, np.ndarray]:
    """9,973 points at every third step, with infinities and NaN, sealed and not."""
    random = np.random.default_rng(11)
    values = random.normal(size=9973)
    values[random.integers(0, 9973, 40)] = np.nan
    values[random.integers(0, 9973, 5)] = np.inf
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "runs.db")
        library = Library(store)
        uid = library.create_run("long", "{}").uid
        recorder = library.recorder(uid)
        for index, value in enumerate(values.tolist()):
            recorder.say(scalars(index * 3, loss=value))
        assert recorder.close()
        yield library, uid, values  # type: ignore[misc]
        store.close()


@settings(max_examples=60, deadline=None)
@given(
    bounds=st.tuples(st.integers(-10, 30_000), st.integers(-10, 30_000)), buckets=st.integers(1, 400),
    upto=st.none() | st.integers(0, 30_000), single=st.sampled_from([64, 1500, 1 << 16]),
)  # fmt: skip
def test_a_curve_holds_the_extremes_of_its_range(
    long_run: tuple[Library, str, np.ndarray], bounds: tuple[int, int], buckets: int, upto: int | None, single: int
) -> None:
    library, uid, values = long_run
    low, high = min(bounds), max(bounds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curves, "MOST_SINGLE_POINTS", single)  # also by stored blocks and by whole chunks
        curve = library.reader(uid).curve("loss", low=low, high=high, points=buckets, upto=upto)
    steps = np.arange(len(values)) * 3
    within = (steps >= low) & (steps <= high) & (steps <= (upto if upto is not None else 10**9))
    expected = values[within]
    assert len(curve.x) <= buckets
    assert curve.count == within.sum()
    if not len(expected):
        assert len(curve.x) == 0
        return
    finite_low, finite_high = np.fmin.reduce(expected), np.fmax.reduce(expected)
    np.testing.assert_equal(np.fmin.reduce(curve.low), finite_low)
    np.testing.assert_equal(np.fmax.reduce(curve.high), finite_high)
    assert curve.nonfinite.sum() == np.count_nonzero(~np.isfinite(expected))
    np.testing.assert_equal(curve.last[-1], expected[-1])
    assert curve.steps[-1] == steps[within][-1]
    assert (np.diff(curve.steps) > 0).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(width=64), min_size=1, max_size=200), st.integers(1, 64))
def test_blocks_keep_every_bit_that_matters(values: list[float], size: int) -> None:
    array = np.array(values)
    blocks = points.blocks_of(np.arange(len(values)), array, size)
    for index in range(len(blocks)):
        part = array[index * size : (index + 1) * size]
        np.testing.assert_equal(blocks.low[index], np.fmin.reduce(part))
        np.testing.assert_equal(blocks.high[index], np.fmax.reduce(part))
        np.testing.assert_equal(blocks.last[index], part[-1])


def test_a_damaged_chunk_is_said_in_a_sentence(library: Library, store: Store) -> None:
    uid = library.create_run("damaged", "{}").uid
    recorder = library.recorder(uid)
    for step in range(2000):
        recorder.say(scalars(step))
    assert recorder.close()
    with store.write() as connection:
        connection.execute(update(chunk).values(data=bytes(8192)))
    with pytest.raises(ValueError, match="damaged on disk"):
        library.reader(uid).curve("loss")


def test_growing_only_changes_the_end(library: Library) -> None:
    """Between two doublings a live curve does not shimmer."""
    uid = library.create_run("growing", "{}").uid
    recorder = library.recorder(uid)
    for step in range(5000):
        recorder.say(scalars(step, loss=float(np.sin(step))))
    assert recorder.close()
    reader: RunReader = library.reader(uid)
    before, after = reader.curve("loss", points=1000, upto=4100), reader.curve("loss", points=1000, upto=4990)
    np.testing.assert_array_equal(before.high[:-1], after.high[: len(before.high) - 1])


@pytest.mark.long
def test_a_million_points_show_every_spike() -> None:
    broken = [figure.name for figure in open_million.measure() if figure.unit != "s" and not figure.is_kept]
    assert broken == []
