"""Attention over frames and patches of a film: what was said of a cell lies on that cell of that frame, live and replayed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.graph import edits
from core.runs.execute import execute
from core.store.database import Store
from core.store.library import Library
from core.telemetry.events import At, AttentionMap, Exhibit
from tests.core.runs.running import queued
from tests.documents import Drawing
from tests.widgets.monitors.memory_run import MemoryRun
from widgets.look.heat.sheet import across, cell_of, cell_on_sheet, laid_out, sheet
from widgets.look.heat.side import on_patches
from widgets.monitors.attention.attention import AttentionMonitor
from widgets.monitors.attention.attention_map import AttentionSettings, read_attention, row_for
from widgets.monitors.cursor import Cursor

CURSOR = Cursor(runs=("a",), step=10)
FRAMES = {"kind": "frames", "time": 6, "height": 2, "width": 3, "extra": 1}


@pytest.mark.parametrize(("frames", "columns"), [(1, 1), (4, 2), (6, 3), (7, 7), (8, 4), (12, 4), (16, 4), (32, 8)])
def test_a_sheet_has_whole_rows(frames: int, columns: int) -> None:
    assert across(frames) == columns


def test_every_cell_lies_in_its_frame_and_is_found_there_again() -> None:
    weights = np.arange(36, dtype=np.float32)
    laid = laid_out(weights.reshape(6, 2, 3))
    assert laid.shape == (4, 9)
    for place in range(36):
        row, column = cell_on_sheet(place, 6, 2, 3)
        assert laid[row, column] == weights[place]
        assert cell_of(row, column, 6, 2, 3) == place
    strip = np.repeat(np.arange(6, dtype=np.uint8), 5)[None, :, None] * np.ones((4, 1, 3), np.uint8)
    assert sheet(strip, 6, 6)[::4, ::5, 0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert sheet(strip, 6, 3)[0, ::5, 0].tolist() == [1, 3, 5], "of two frames a cell shows one"


def rows(*shape: int) -> np.ndarray:
    weights = np.random.default_rng(1).random(shape)
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float16)


@pytest.fixture
def run() -> MemoryRun:
    """A sentence of two words that looks at six frames of six cells."""
    run, at = MemoryRun(), At(step=5, seconds=1)
    strip = np.repeat(np.arange(6, dtype=np.uint8) * 40, 12)[None, None, :, None] * np.ones((1, 8, 1, 3), np.uint8)
    times = tuple(0.1 * number for number in range(6))
    run.say(
        Exhibit(at=at, name="probe", pictures=strip, sentences=("it grows",), words=(("it", "grows"),), frames=(times,))
    )
    words = {"kind": "words"}
    run.say(AttentionMap(at=at, series="attention/cross/0", weights=rows(1, 2, 2, 37), queries=words, keys=FRAMES))
    return run


def test_pointing_at_a_word_lights_the_cells_it_looks_at_and_the_reverse(run: MemoryRun, qtbot: Any) -> None:
    value = read_attention(AttentionSettings(), run, CURSOR)  # type: ignore[arg-type]
    assert value is not None
    assert value.keys.seconds == pytest.approx((0.0, 0.1, 0.2, 0.3, 0.4, 0.5))
    np.testing.assert_allclose(value.weights_QK.sum(1), 1, atol=2e-3)
    assert value.picture is not None
    assert value.picture.shape == (16, 36, 3)
    heat = on_patches(value.keys, row_for(value, 1))
    assert heat is not None
    assert heat[3, 8] == value.weights_QK[1, 36], "the last cell of the last frame"
    monitor = AttentionMonitor()
    qtbot.addWidget(monitor)
    monitor.resize(700, 320)
    monitor.show()
    monitor.present(value)
    monitor._words.wordHovered.emit(1)
    np.testing.assert_array_equal(monitor._patches._weights, heat)
    told, whole = monitor._patches._tell, 100 * value.weights_QK[1, 31:].sum()
    assert told is not None
    assert told(3, 8).startswith(f"0.50 s, the whole frame {whole:.1f} % · ")
    monitor._patches.patchHovered.emit(3, 8)
    np.testing.assert_array_equal(monitor._words._weights, value.weights_QK[:, 36])


def test_a_run_from_before_frames_were_kept_shows_numbered_cells() -> None:
    run, at = MemoryRun(), At(step=5, seconds=1)
    run.say(Exhibit(at=at, name="probe", pictures=np.zeros((1, 8, 8, 3), np.uint8), sentences=("it grows",)))
    run.say(AttentionMap(at=at, series="attention/vit/0", weights=rows(1, 2, 37, 37), queries=FRAMES, keys=FRAMES))
    value = read_attention(AttentionSettings(), run, CURSOR)  # type: ignore[arg-type]
    assert value is not None
    assert (value.keys.kind, len(value.keys.words)) == ("other", 37)


def test_a_run_keeps_every_frame_that_is_looked_at_and_maps_over_them(tmp_path: Path) -> None:
    draw = Drawing("frames")
    draw.add("sources.emoji_videos")
    draw.add("transforms.sample_frames", frames=4, size=16)
    draw.add("encoders.video_transformer", width=16, depth=1, heads=2, patch_size=8, tubelet=2)
    draw.add("connectors.pool", how="attention")
    draw.add("objectives.classification", classes=8)
    for source, target in (
        ("emoji_videos.clip", "sample_frames.clip"), ("sample_frames.video", "video_transformer.video"),
        ("video_transformer.tokens", "pool.tokens"), ("pool.embedding", "classification.embedding"),
        ("emoji_videos.classes", "classification.classes"),
    ):  # fmt: skip
        draw.wire(source, target)
    document = edits.set_recipe(
        draw.document, steps=2, batch_size=4, threads=1, callbacks={}, diagnostics={"attention": {"samples": 2}}
    )
    with Store.open(tmp_path / "runs.db") as store:
        uid = queued(store, document)
        assert execute(store, uid) == "finished"
        reader = Library(store).reader(uid)
        exhibit = reader.exhibit("probe")
        assert exhibit is not None
        assert [len(times) for times in exhibit.frames] == [4, 4]
        assert exhibit.pictures[0].shape == (16, 64, 3)
        for step in (1, 2):  # where one looks, live or replayed
            for node, queries in (("video_transformer", 9), ("pool", 1)):
                settings = AttentionSettings(node=node, sample=1)
                value = read_attention(settings, reader, Cursor(runs=(uid,), step=step))
                assert value is not None
                assert (value.said_at, value.weights_QK.shape) == (step, (queries, 9))
                np.testing.assert_allclose(value.weights_QK.sum(1), 1, atol=5e-3)
                assert value.keys.seconds == exhibit.frames[1][::2]
                assert value.picture is not None
                assert value.picture.shape == (16, 32, 3), "a tubelet of two frames shows one"
