"""Histograms of other programs' runs: those that no other monitor shows, at the cursor and over time."""

from __future__ import annotations

import numpy as np

from core.telemetry.events import At, Histogram
from tests.widgets.monitors.memory_run import MemoryRun
from widgets.monitors.cursor import Cursor
from widgets.monitors.curves.distributions import DistributionMonitor, DistributionSettings


def told() -> MemoryRun:
    run = MemoryRun(steps=0)
    for step in (0, 10, 20):
        at = At(step=step, seconds=float(step))
        counts = np.array([step, 5, 1], dtype=np.uint32)
        run.say(Histogram(at=at, series="similarity/a/positive", low=-1.0, high=1.0, counts=counts))
        for name in ("weights", "bias"):
            run.say(Histogram(at=at, series=name, low=-2.0, high=1.0, counts=counts))
    return run


def test_what_has_a_monitor_of_its_own_is_not_shown_twice() -> None:
    value = DistributionMonitor.read(DistributionSettings(), [told()], Cursor(runs=("a",), step=12))
    assert value is not None
    assert (value.names, value.histogram.name, value.histogram.step) == (("bias", "weights"), "bias", 10)
    assert (value.low, value.high, value.strip_end) == (-2.0, 1.0, 10)


def test_the_chosen_one_is_drawn_with_its_range(qtbot) -> None:
    monitor = DistributionMonitor()
    qtbot.addWidget(monitor)
    run, cursor = told(), Cursor(runs=("a",), step=20)
    monitor.present(monitor.read(monitor.settings(), [run], cursor))
    monitor._series.setCurrentIndex(monitor._series.findData("weights"))
    value = monitor.read(monitor.settings(), [run], cursor)
    monitor.present(value)
    assert value is not None
    assert value.histogram.name == "weights"
    assert monitor.figures.text() == "step 20 · 26 values · -2 to 1"
