"""How late the window's event loop runs with every monitor open over a live run, and what each picture costs.

A thread says 20 steps a second to the real recorder; the pump draws from the real reader; a precise 5 ms timer is the probe.
"""

from __future__ import annotations

import gc
import statistics
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QGridLayout, QWidget

from core.graph.document import Document
from core.graph.file import dumps
from core.store.database import Store
from core.store.library import Library
from core.telemetry.events import Listener
from studio.benches.application import application_for_benches, spin
from studio.benches.figure import Figure
from studio.benches.synthetic import SyntheticRun
from studio.watching.pump import Pump
from widgets.monitors.catalog import monitors as catalogue
from widgets.monitors.monitor import Monitor

title = "Event-loop lateness with all monitors open"
PROBE_MILLISECONDS = 5
STEPS_A_SECOND = 20.0
REPEATS = 15


def measure(seconds: float = 12.0, steps_said_before: int = 300) -> list[Figure]:
    """Lateness in milliseconds, the steps drawn, and the median draw of each monitor in milliseconds."""
    application = application_for_benches()
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "bench.db")
        try:
            return _measure(application, store, seconds, steps_said_before)
        finally:
            store.close()


def _measure(application: QApplication, store: Store, seconds: float, before: int) -> list[Figure]:
    library, synthetic = Library(store), SyntheticRun(steps=100_000)
    uid = library.create_run(name="bench", document_text=dumps(Document()), steps=100_000).uid
    recorder = library.recorder(uid)
    for event in synthetic.events(before):
        recorder.say(event)
    recorder.flush()
    window, monitors = wall()
    pump = Pump(library.reader)
    for monitor in monitors:
        pump.add(monitor)
    window.show()
    pump.set_runs(uid)
    stop = threading.Event()
    writer = threading.Thread(target=_say_steps, args=(recorder, synthetic, before, stop), name="bench-writer")
    spin(1.5)
    gc.collect()
    gc.freeze()  # as the application does once its window is up: a full collection would stop it for 60 ms and more
    writer.start()
    spin(1.0)
    late = probe(seconds)
    stop.set()
    writer.join()
    pump.close()
    recorder.close()
    gc.unfreeze()
    figures = [
        Figure(name="lateness, 99th percentile", value=float(np.percentile(late, 99)), unit="ms", most=16),
        Figure(name="lateness, median", value=float(np.median(late)), unit="ms"),
        Figure(name="lateness, worst", value=float(late.max()), unit="ms"),
        Figure(name="steps drawn", value=float(pump.head.step), least=before + seconds * STEPS_A_SECOND / 2),
    ]
    for monitor in monitors:
        figures.append(Figure(name=f"to draw {monitor.title.lower()}", value=_cost(monitor), unit="ms"))
    window.close()
    window.deleteLater()
    application.processEvents()
    return figures


def wall() -> tuple[QWidget, list[Monitor]]:
    """A window of 1440 by 900 with every monitor there is."""
    window = QWidget()
    window.resize(1440, 900)
    grid = QGridLayout(window)
    made = [monitor() for _, monitor in sorted(catalogue.items(), key=lambda item: item[1].order)]
    for index, monitor in enumerate(made):
        grid.addWidget(monitor, index // 3, index % 3)
    return window, made


def _say_steps(listener: Listener, synthetic: SyntheticRun, first: int, stop: threading.Event) -> None:
    """Twenty steps a second, until told to stop."""
    step, due = first, time.monotonic()
    while not stop.is_set():
        step += 1
        for event in synthetic.step(step):
            listener.say(event)
        due += 1 / STEPS_A_SECOND
        stop.wait(max(0.0, due - time.monotonic()))


def probe(seconds: float) -> np.ndarray:
    """Milliseconds by which each beat of a 5 ms timer came late."""
    beats: list[float] = []
    probe = QTimer()
    probe.setTimerType(Qt.TimerType.PreciseTimer)
    probe.setInterval(PROBE_MILLISECONDS)
    probe.timeout.connect(lambda: beats.append(time.perf_counter()))
    probe.start()
    spin(seconds)
    probe.stop()
    return np.maximum(0.0, np.diff(np.asarray(beats)) * 1000 - PROBE_MILLISECONDS)


def _cost(monitor: Monitor) -> float:
    """Milliseconds to take a value and paint it."""
    value, costs = monitor.value(), []
    for _ in range(REPEATS):
        started = time.perf_counter()
        monitor.present(value)
        QApplication.processEvents()
        costs.append((time.perf_counter() - started) * 1000)
    return statistics.median(costs)
