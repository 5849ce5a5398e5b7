"""Pointing at a word shows where in the image it is most alike, with numbers; it is called similarity, never attention."""

from __future__ import annotations

import numpy as np
import pytest

from core.telemetry.events import At, AttentionMap, Exhibit
from tests.widgets.monitors.memory_run import MemoryRun
from tests.widgets.monitors.test_attention_scale import pooled_run
from widgets.monitors.attention.attention import AttentionMonitor
from widgets.monitors.cursor import Cursor


def run() -> MemoryRun:
    run, at = pooled_run(), At(step=1, seconds=0.1)
    run.say(
        Exhibit(
            at=at, name="words in the image", pictures=(np.full((48, 48, 3), 90, np.uint8),), sentences=("red heart",),
            words=(("", "red", "heart", ""),),
        )
    )  # fmt: skip
    cosines = np.full((1, 1, 6, 36), -0.25, np.float16)  # two tokens of padding
    cosines[0, 0, 0] = cosines[0, 0, 3:] = 0.9  # start, end and padding are no words
    cosines[0, 0, 1, 7], cosines[0, 0, 2, 8] = 0.5, 0.75
    run.say(
        AttentionMap(
            at=at, series="attention/words in the image/0", weights=cosines,
            queries={"kind": "words", "measure": "cosine"},
            keys={"kind": "patches", "height": 6, "width": 6, "extra": 0}, exhibit="words in the image",
        )
    )  # fmt: skip
    return run


@pytest.fixture
def monitor(qtbot) -> AttentionMonitor:
    monitor = AttentionMonitor()
    qtbot.addWidget(monitor)
    monitor.resize(560, 340)
    monitor.show()
    monitor.present(monitor.read(monitor.settings(), [run()], Cursor(runs=("a",), step=1)))
    return monitor


def test_it_is_what_is_seen_first_and_is_named_for_what_it_is(monitor):
    assert monitor._node.currentText() == "Words in the image"
    assert monitor._words._words == ("", "red", "heart", "")
    assert monitor.figures.text() == "cosine similarity, not attention · step 1"
    assert not monitor._layer.isVisible()
    assert not monitor._head.isVisible()


def test_a_word_lights_where_it_is_with_one_scale_for_all_words(monitor):
    monitor._hover_word(2)
    weights = monitor._patches._weights
    assert np.unravel_index(weights.argmax(), weights.shape) == (1, 2)
    assert [text for _, text in monitor._scale.labels()] == ["-0.25", "0.25", "0.75"]
    assert monitor._words._tip(2) == "heart: up to 0.75"
    monitor._hover_word(1)
    assert monitor._patches._weights.argmax() == 7
    assert monitor._scale.scale.high == 0.75
    assert monitor._words._marked == 1


def test_a_patch_tells_its_value_and_lights_the_words(monitor):
    monitor._hover_patch(1, 1)
    assert monitor._patches._tell(1, 1) == "most like “red”: 0.50"
    assert monitor._scale.at == 0.5
    assert monitor._words._tip(1) == "red: 0.50"
    assert monitor._patches._weights is not None, "the image keeps its colours"
    monitor._choose_word(2)
    monitor.present(monitor.read(monitor.settings(), [run()], Cursor(runs=("a",), step=1)))
    monitor._hover_patch(1, 1)
    assert monitor._patches._tell(1, 1) == "heart: -0.25"
    assert monitor._scale.at == -0.25
    monitor._hover_patch(-1, -1)
    assert monitor._scale.at is None


def test_attention_itself_is_one_choice_away(monitor):
    choices = [monitor._node.itemText(number) for number in range(monitor._node.count())]
    assert choices == ["Words in the image", "pool", "pool 2"]
    monitor._node.setCurrentIndex(1)
    monitor.present(monitor.read(monitor.settings(), [run()], Cursor(runs=("a",), step=1)))
    assert monitor._layer.isVisible()
    assert [text for _, text in monitor._scale.labels()] == ["0.0 %", "15 %", "30 %"]
