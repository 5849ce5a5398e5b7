"""Attention: the right row for the right word, the right patch for the right column, and rollout by hand."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint

from core.blocks.values import Grid
from core.telemetry.events import At, AttentionMap, Exhibit
from tests.widgets.monitors.memory_run import MemoryRun
from widgets.monitors.attention.attention import AttentionMonitor
from widgets.monitors.attention.attention_map import (
    MEAN,
    ROLLOUT,
    AttentionSettings,
    column_for,
    read_attention,
    rollout,
    row_for,
    side_of,
)  # fmt: skip
from widgets.monitors.cursor import Cursor

CURSOR = Cursor(runs=("a",), step=10)
PATCHES = {"kind": "patches", "height": 2, "width": 2, "extra": 1}
WORDS = {"kind": "words"}


def rows(*shape, seed=0):
    weights = np.random.default_rng(seed).random(shape)
    return (weights / weights.sum(axis=-1, keepdims=True)).astype(np.float16)


@pytest.fixture
def run():
    run, at = MemoryRun(), At(step=5, seconds=1)
    pictures = np.full((2, 16, 16, 3), 200, dtype=np.uint8)
    run.say(
        Exhibit(
            at=at,
            name="probe",
            pictures=pictures,
            sentences=("red heart", "blue ring"),
            words=(("red", "heart"), ("blue", "ring")),
        )
    )
    for layer in range(2):
        run.say(
            AttentionMap(
                at=at,
                series=f"attention/vit/{layer}",
                weights=rows(2, 3, 5, 5, seed=layer),
                queries=PATCHES,
                keys=PATCHES,
            )
        )
    cross = rows(2, 1, 2, 5, seed=7)
    run.say(AttentionMap(at=at, series="attention/cross/0", weights=cross, queries=WORDS, keys=PATCHES))
    return run


def test_last_layer_and_mean_of_heads_by_default(run):
    value = read_attention(AttentionSettings(node="vit"), run, CURSOR)
    expected = rows(2, 3, 5, 5, seed=1)[0].astype(np.float32).mean(axis=0)
    assert (value.layer, value.layers, value.heads, value.samples) == (1, (0, 1), 3, 2)
    assert np.allclose(value.weights_QK, expected)


def test_layer_head_and_sample_are_chosen(run):
    value = read_attention(AttentionSettings(node="vit", layer=0, head=2, sample=1), run, CURSOR)
    assert np.allclose(value.weights_QK, rows(2, 3, 5, 5, seed=0)[1, 2])
    assert value.sentence == "blue ring"


def test_rollout_is_the_product_of_the_layers():
    layers = [rows(2, 3, 3, seed=seed).astype(np.float32) for seed in (1, 2)]
    eye = np.eye(3)
    by_hand = (0.5 * layers[1].mean(0) + 0.5 * eye) @ (0.5 * layers[0].mean(0) + 0.5 * eye)
    by_hand /= by_hand.sum(axis=1, keepdims=True)
    assert np.allclose(rollout(layers), by_hand, atol=1e-6)


def test_rows_and_columns(run):
    value = read_attention(AttentionSettings(node="cross"), run, CURSOR)
    assert np.allclose(row_for(value, 1), value.weights_QK[1])
    assert np.allclose(column_for(value, 3), value.weights_QK[:, 3])
    assert np.allclose(row_for(value, MEAN), value.weights_QK.mean(axis=0))
    vit = read_attention(AttentionSettings(node="vit"), run, CURSOR)
    assert np.allclose(row_for(vit, MEAN), vit.weights_QK[0]), "the class token stands for the picture"


def test_before_the_first_map_there_is_nothing(run):
    assert read_attention(AttentionSettings(), run, Cursor(runs=("a",), step=4)) is None


@pytest.fixture
def monitor(qtbot, run):
    monitor = AttentionMonitor()
    qtbot.addWidget(monitor)
    monitor.resize(520, 320)
    monitor.show()
    monitor.present(monitor.read(monitor.settings(), [run], CURSOR))
    return monitor


def test_a_word_shows_its_patches_and_a_patch_its_words(monitor):
    value = monitor.value()
    assert value.node == "cross"
    monitor._words.wordHovered.emit(1)
    assert np.allclose(monitor._patches._weights.ravel(), value.weights_QK[1, 1:])
    monitor._patches.patchHovered.emit(1, 0)
    assert np.allclose(monitor._words._weights, value.weights_QK[:, 3])
    monitor._patches.patchHovered.emit(-1, -1)
    assert np.allclose(monitor._patches._weights.ravel(), value.weights_QK.mean(axis=0)[1:])


def test_the_mouse_finds_the_patch(monitor, qtbot):
    place = monitor._patches.place()
    at = QPoint(round(place.left() + place.width() * 0.75), round(place.top() + place.height() * 0.25))
    assert monitor._patches._patch_at(at) == (0, 1)
    word = monitor._words._places[1].center()
    assert monitor._words._word_at(word) == 1


def test_a_clicked_word_is_kept(monitor, qtbot, run):
    with qtbot.waitSignal(monitor.settingsChanged):
        monitor._words.wordChosen.emit(1)
    assert monitor.settings().query == 1
    monitor.present(monitor.read(monitor.settings(), [run], CURSOR))
    assert np.allclose(monitor._patches._weights.ravel(), monitor.value().weights_QK[1, 1:])
    monitor._words.wordChosen.emit(1)
    assert monitor.settings().query == MEAN


def test_rollout_is_offered_only_where_queries_are_keys(monitor, run, qtbot):
    assert monitor._head.findData(ROLLOUT) < 0
    monitor._node.setCurrentIndex(monitor._node.findData("vit"))
    monitor.present(monitor.read(monitor.settings(), [run], CURSOR))
    assert monitor._head.findData(ROLLOUT) >= 0


def test_samples_are_browsed_in_a_ring(monitor, run):
    for expected in (1, 0, 1):
        monitor._next()
        assert monitor.settings().sample == expected
        monitor.present(monitor.read(monitor.settings(), [run], CURSOR))
        assert monitor._count.text() == f"{expected + 1}/2"


def test_frames_of_audio_are_called_by_their_seconds():
    grid = Grid(kind="times", sizes=(3,), first=0.0125, step=0.02)
    assert side_of(grid.as_dict(), None, 0, 3).words == ("0.01 s", "0.03 s", "0.05 s")
    assert side_of({"kind": "times", "time": 3}, None, 0, 3).words == ("0", "1", "2")
