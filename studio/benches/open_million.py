"""How long a run of a million points takes to open, and whether every planted spike is in the picture.

Wanted: at most 0.3 s to a curve of 2000 buckets, every spike visible, in a process that has not read the run before.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from core.store.answers import Curve
from core.store.database import Store
from core.store.library import Library
from core.store.reader import RunReader
from core.telemetry.events import At, Scalars
from studio.benches.figure import Figure

title = "A run of a million points"
POINTS, BUCKETS, SPIKES = 1_000_000, 2000, 200


def measure() -> list[Figure]:
    """Seconds to open and to read, spikes found of those planted, and the size on disk."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.db"
        uid, planted, writing = write(path)
        start = time.perf_counter()
        store = Store.open(path)
        reader = Library(store).reader(uid)
        curve = reader.curve("loss", points=BUCKETS)
        opening = time.perf_counter() - start
        start = time.perf_counter()
        by_seconds = reader.curve("loss", points=BUCKETS, axis="seconds")
        second_axis = time.perf_counter() - start
        found = sum(_shows(curve, step, value) for step, value in planted.items())
        zoomed = sum(_is_seen(reader, step, value) for step, value in planted.items())
        size = path.stat().st_size / 2**20
        store.close()
    return [
        Figure(name="from the file to 2000 buckets", value=opening, unit="s", most=0.3),
        Figure(name="the same by seconds", value=second_axis, unit="s", most=0.3),
        Figure(name=f"spikes seen, of {SPIKES}", value=float(found), least=SPIKES),
        Figure(name="spikes seen zoomed in", value=float(zoomed), least=SPIKES),
        Figure(name="points behind the picture", value=float(min(curve.count, by_seconds.count)), least=POINTS),
        Figure(name="on disk", value=size, unit="MiB", share=0.45),
        Figure(name="points written a second", value=POINTS / writing),
    ]


def write(path: Path, points: int = POINTS, spikes: int = SPIKES) -> tuple[str, dict[int, float], float]:
    """A run with one series; gives its uid, the planted spikes by step, and the seconds it took."""
    random = np.random.default_rng(7)
    values = np.exp(-np.arange(points) / points * 4) + random.normal(0, 0.01, points)
    steps = np.sort(random.choice(points, spikes, replace=False))
    heights = np.where(random.random(spikes) < 0.5, -1, 1) * (5 + np.arange(spikes) * 0.01)
    values[steps] = heights
    start = time.perf_counter()
    store = Store.open(path)
    library = Library(store)
    uid = library.create_run("a million", "{}", steps=points).uid
    recorder = library.recorder(uid)
    for step, value in enumerate(values.tolist()):
        recorder.say(Scalars(at=At(step=step, seconds=step * 0.01), values={"loss": value}))
        if step % 20_000 == 19_999:
            recorder.flush(60)
    if not recorder.close(60):
        raise RuntimeError(f"not written: {recorder.problems}")
    store.close()
    return uid, dict(zip(steps.tolist(), heights.tolist())), time.perf_counter() - start


def _is_seen(reader: RunReader, step: int, value: float) -> bool:
    curve = reader.curve("loss", low=step - 70_000, high=step + 70_000, points=BUCKETS, upto=step + 35_000)
    return _shows(curve, step, value)


def _shows(curve: Curve, step: int, value: float) -> bool:
    """Whether the bucket in which the spike lies reaches as far as it."""
    bucket = int(np.searchsorted(curve.steps, step))
    return bool(curve.high[bucket] >= value if value > 0 else curve.low[bucket] <= value)
