"""A map of attention has a scale with numbers; a pooling's one query is not shown as a word; its sentence stands beside."""

from __future__ import annotations

import numpy as np
import pytest

from core.telemetry.events import At, AttentionMap, Exhibit
from tests.widgets.monitors.memory_run import MemoryRun
from widgets.look.heat.scale import HeatScale, percent
from widgets.monitors.attention.attention import AttentionMonitor
from widgets.monitors.cursor import Cursor


def pooled_run() -> MemoryRun:
    run, at = MemoryRun(steps=10), At(step=1, seconds=0.1)
    run.say(
        Exhibit(
            at=at, name="probe", pictures=(np.full((48, 48, 3), 90, np.uint8),), sentences=("red heart",),
            words=(("red", "heart"),),
        )
    )  # fmt: skip
    picture = np.full((1, 1, 1, 36), 0.02, np.float16)
    picture[0, 0, 0, 7] = 0.3
    one = {"kind": "latents", "count": 1}
    for series, weights, keys in (
        ("attention/pool/0", picture, {"kind": "patches", "height": 6, "width": 6, "extra": 0}),
        ("attention/pool_2/0", np.array([[[[0.25, 0.75]]]], np.float16), {"kind": "words"}),
    ):
        run.say(AttentionMap(at=at, series=series, weights=weights, queries=one, keys=keys, exhibit="probe"))
    return run


@pytest.fixture
def monitor(qtbot) -> AttentionMonitor:
    monitor = AttentionMonitor()
    qtbot.addWidget(monitor)
    monitor.resize(560, 340)
    monitor.show()
    run = pooled_run()
    monitor.present(monitor.read(monitor.settings(), [run], Cursor(runs=("a",), step=1)))
    return monitor


def test_the_scale_says_the_greatest_weight_in_numbers(monitor):
    assert monitor._scale.scale.high == pytest.approx(0.3, abs=1e-3)
    assert [text for _, text in monitor._scale.labels()] == ["0.0 %", "15 %", "30 %"]


def test_a_pooling_shows_its_sentence_and_no_lone_token(monitor):
    assert monitor._words._words == ("red", "heart")
    assert monitor._words._tip(1) == "heart: 75.0 %"
    assert monitor._patches._grid == (6, 6)
    monitor._hover_word(1)
    assert monitor._scale.scale.high == pytest.approx(0.3, abs=1e-3)


def test_the_value_under_the_mouse_is_marked_on_the_scale(monitor):
    monitor._hover_patch(1, 1)
    assert monitor._scale.at == pytest.approx(0.3, abs=1e-3)
    monitor._hover_patch(-1, -1)
    assert monitor._scale.at is None


def test_the_picture_has_most_of_the_card(monitor):
    assert monitor._patches.place().width() >= 200


def test_shares_are_written_short():
    assert (percent(0.025), percent(0.3)) == ("2.5 %", "30 %")
    assert HeatScale().labels()[0][1] == "0.0 %"
