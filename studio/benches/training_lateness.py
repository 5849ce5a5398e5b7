"""How late the window's event loop runs while the default example really trains in a thread, with every monitor open.

Training takes every core, below the window's priority. Wanted: the 99th percentile under 16 ms.
"""

from __future__ import annotations

import gc
import tempfile
from pathlib import Path

import numpy as np

from core.graph import edits
from core.runs.launch import queue
from core.runs.worker import RunThread, ask
from core.store.database import Store
from core.store.library import Library
from studio.benches.application import application_for_benches, spin
from studio.benches.figure import Figure
from studio.benches.redraw import probe, wall
from studio.open.documents import DEFAULT_EXAMPLE, find_document
from studio.watching.pump import Pump

title = "Event-loop lateness while the default example trains"
WARM_STEPS, PATIENCE_SECONDS = 8, 120.0


def measure(seconds: float = 20.0) -> list[Figure]:
    """Lateness in milliseconds, and steps a second with and without the pictures."""
    application_for_benches()
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "bench.db")
        try:
            return _measure(store, seconds)
        finally:
            store.close()


def _measure(store: Store, seconds: float) -> list[Figure]:
    library = Library(store)
    facts = queue(library, edits.set_recipe(find_document(DEFAULT_EXAMPLE), steps=100_000))
    window, monitors = wall()
    pump = Pump(library.reader)
    for monitor in monitors:
        pump.add(monitor)
    window.show()
    pump.set_runs(facts.uid)
    run = RunThread(store, facts.uid)
    run.start()
    waited = 0.0
    while pump.head.step < WARM_STEPS and run.is_alive() and waited < PATIENCE_SECONDS:
        spin(0.5)
        waited += 0.5
    gc.collect()
    gc.freeze()  # as the application does
    first = pump.head.step
    late = probe(seconds)
    watched = (pump.head.step - first) / seconds
    pump.close()
    first = library.facts(facts.uid).step
    spin(seconds / 2)
    unwatched = (library.facts(facts.uid).step - first) / (seconds / 2)
    ask(store, facts.uid, "stop")
    run.join(60)
    gc.unfreeze()
    window.close()
    if not watched:
        raise RuntimeError(f"the run did not move: {library.facts(facts.uid).reason}")
    return [
        Figure(name="lateness, 99th percentile", value=float(np.percentile(late, 99)), unit="ms", most=16),
        Figure(name="lateness, median", value=float(np.median(late)), unit="ms"),
        Figure(name="lateness, worst", value=float(late.max()), unit="ms"),
        Figure(name="steps a second, watched / unwatched", value=watched / max(unwatched, 1e-9)),
        Figure(name="steps a second, watched", value=watched),
    ]
