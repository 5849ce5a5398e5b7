"""Curves of runs and groups over each other: means and bands by hand, places that are the same on another axis, values that are none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.exploring.bands import band_of
from core.exploring.views import Chart
from core.store.database import Store
from core.store.library import Library
from tests.said_runs import said_run
from widgets.monitors.cursor import Cursor
from widgets.monitors.curves.overlay import Bundle, OverlayMonitor, OverlaySettings, told_at


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    store = Store.open(tmp_path_factory.mktemp("overlay") / "runs.sqlite")
    library = Library(store)
    losses = ([4.0, 2.0, 1.0, 1.0], [6.0, 4.0, 3.0], [1.0, math.nan, math.inf, 1.0])
    runs = [
        said_run(library, f"run {number}", {"loss": values, "accuracy/x": [0.1] * len(values)}, every=10, batch_size=batch)
        for number, (values, batch) in enumerate(zip(losses, (8, 16, 8)))
    ]  # fmt: skip
    yield [library.reader(run.uid) for run in runs]
    store.close()


def read(readers, **chart):
    bundles = chart.pop("bundles", ())
    return OverlayMonitor.read(OverlaySettings(chart=Chart(**chart), bundles=bundles), readers, Cursor(runs=("a",)))


def test_a_band_is_the_textbook_s():
    x = [np.array([10.0, 20.0, 30.0]), np.array([10.0, 30.0, 50.0])]
    y = [np.array([1.0, 3.0, 5.0]), np.array([2.0, 6.0, 8.0])]
    band = band_of(x, y, "deviation")
    assert band.x.tolist() == [10, 20, 30], "no further than the shorter one goes"
    assert band.mean.tolist() == [1.5, 3.5, 5.5]
    half = np.std([[1, 3, 5], [2, 4, 6]], axis=0, ddof=1)
    assert np.allclose(band.high - band.mean, half)
    interval = band_of(x, y, "interval")
    assert np.allclose(interval.high - interval.mean, 12.706205 * half / math.sqrt(2), rtol=1e-5)
    assert band_of(x, y, "range").low.tolist() == [1, 3, 5]
    assert band_of(x[:1], y[:1], "range") is None
    assert band_of([x[0], x[1] + 100], y, "range") is None


def test_a_group_is_drawn_with_its_band_and_says_of_how_many(readers):
    value = read(
        readers,
        series=("loss",),
        smoothing=0.0,
        spread="range",
        bundles=(Bundle(title="both", runs=(0, 1)), Bundle(title="one", runs=(0,))),
    )
    group, single = value.panels[0].curves
    assert group.band.x.tolist() == [10, 20, 30]
    assert group.band.mean.tolist() == [5, 3, 2]
    assert single.line.raw_y.tolist() == [4, 2, 1, 1]
    assert told_at(group, 20) == "3 [2, 4], n=2"
    assert told_at(group, 40) == "–"
    assert value.panels[0].frame[3] >= 6


def test_by_samples_runs_of_other_batch_sizes_meet_where_they_have_seen_as_much(readers):
    value = read(readers, series=("loss",), axis="samples", smoothing=0.0, bundles=(Bundle(title="both", runs=(0, 1)),))
    band = value.panels[0].curves[0].band
    assert band.x[0] == 160, "the second has its first value after 10 steps of 16"
    assert band.x[-1] == 320, "and the first its last after 40 of 8"
    assert band.mean[0] == pytest.approx((2.0 + 6.0) / 2), (
        "160 samples are step 20 of the first and step 10 of the second"
    )


def test_what_is_not_finite_is_counted_and_units_have_panels_of_their_own(readers, qtbot):
    value = read(readers, series=("loss", "accuracy/x"))
    assert value.not_finite == {"run 2": 2}
    assert len(value.panels) == 2
    monitor = OverlayMonitor()
    qtbot.addWidget(monitor)
    monitor.resize(700, 400)
    monitor.show()
    monitor.present(value)
    assert "run 2: 2 values are not finite" in monitor.figures.text()
    chart = Chart(series=("loss",), axis="seconds", smoothing=0.5, log_y=True, spread="interval")
    monitor.present(read(readers))
    monitor.set_chart(chart)
    assert monitor.chart() == chart
    assert monitor.settings().chart == chart
