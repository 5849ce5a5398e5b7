"""The expert monitor: bands by modality, cells by use, and an idle expert said aloud."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QColor

from core.telemetry.events import At, Histogram, Scalars
from tests.widgets.monitors.memory_run import MemoryRun
from widgets.look.theme import theme
from widgets.monitors.cursor import Cursor
from widgets.monitors.curves.experts import ExpertMonitor, ExpertSettings, painted
from widgets.monitors.pairs.retrieval import RetrievalMonitor


@pytest.fixture
def run():
    run = MemoryRun(steps=100)
    for step in range(5, 101, 5):
        at = At(step=step, seconds=step / 10)
        for node, text in (("mixture", [0, 0, 30, 10]), ("other", [1, 1, 1, 1])):
            for modality, counts in (("image", [60, 60, 0, 0]), ("text", text)):
                run.say(
                    Histogram(
                        at=at,
                        series=f"experts/{node}/{modality}",
                        low=0,
                        high=4,
                        counts=np.array(counts, dtype=np.uint32),
                    )
                )
        quietest = 0.05 if step > 60 else 0.4
        values = {"dropped": 0.083, "entropy": 0.5, "purity": 1.0, "quietest": quietest}
        run.say(Scalars(at=at, values={f"experts/mixture/{name}": value for name, value in values.items()}))
    return run


def read(run, step, **settings):
    return ExpertMonitor.read(ExpertSettings(**settings), [run], Cursor(runs=("a",), step=step))


def test_shares_are_of_each_modality_and_up_to_the_cursor(run):
    value = read(run, 50)
    assert (value.nodes, value.node, value.experts, value.strip_end) == (("mixture", "other"), "mixture", 4, 50)
    shares = dict(value.strips)
    assert np.allclose(shares["image"], [0.5, 0.5, 0, 0])
    assert np.allclose(shares["text"], [0, 0, 0.75, 0.25])
    assert np.allclose(dict(read(run, 50, node="other").strips)["text"], 0.25)
    assert read(run, 4) is None


def test_twice_the_fair_share_has_the_full_colour_and_no_use_none():
    picture = painted(np.array([[0.5, 0.25, 0.0, 0.25]], dtype=np.float32), theme().modality["image"])
    assert picture.shape == (4, 1, 4)
    assert tuple(picture[0, 0, :3]) == QColor(theme().modality["image"]).getRgb()[:3]
    assert tuple(picture[2, 0, :3]) == QColor(theme().canvas).getRgb()[:3]


def test_figures_and_an_idle_expert(qtbot, run):
    monitor = ExpertMonitor()
    qtbot.addWidget(monitor)
    monitor.resize(420, 260)
    monitor.show()
    monitor.present(read(run, 50))
    assert monitor.figures.text() == "dropped 8.3% · entropy 0.50 · purity 1.00 (chance level 0.50)"
    monitor.present(read(run, 100))
    assert monitor.figures.text() == "An expert lies idle: 5% of its fair share"


def test_the_block_is_chosen_and_pointing_moves_the_cursor(qtbot, run):
    monitor = ExpertMonitor()
    qtbot.addWidget(monitor)
    monitor.present(read(run, 50))
    monitor._node.setCurrentIndex(1)
    assert monitor.settings().node == "other"
    with qtbot.waitSignal(monitor.cursorRequested) as asked:
        monitor._plot.cursorRequested.emit(33.4)
    assert asked.args == [33]


def test_pairs_of_three_modalities_stand_in_rows_of_their_own(qtbot):
    run, at = MemoryRun(steps=10), At(step=10, seconds=1)
    for way, chance in (("image_to_text", 0.1), ("text_to_image", 0.1), ("audio_to_text", 0.5), ("text_to_audio", 0.5)):
        run.say(Scalars(at=at, values={f"retrieval/test/{way}/R@10": 0.6, f"retrieval/test/{way}/chance R@10": chance}))
    monitor = RetrievalMonitor()
    qtbot.addWidget(monitor)
    monitor.resize(460, 320)
    monitor.show()
    monitor.present(RetrievalMonitor.read(monitor.settings(), [run], Cursor(runs=("a",), step=10)))
    rows = list(monitor._table._splits().values())
    assert [sorted(row.way for row in pair) for pair in rows] == [
        ["image_to_text", "text_to_image"],
        ["audio_to_text", "text_to_audio"],
    ]
    assert [pair[0].chance["R@10"] for pair in rows] == [0.1, 0.5]
