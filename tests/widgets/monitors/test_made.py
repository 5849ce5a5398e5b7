"""Made images: exactly those of the step, live and replayed, one over time, several runs, close up; bounded, and honest about what is gone."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from core.store.encoding import png_of
from core.store.media import MediaFolder
from core.telemetry.events import At, Pictures
from widgets.look.language import use_language
from widgets.monitors.cursor import Cursor
from widgets.monitors.made.made import MadeMonitor
from widgets.monitors.made.made_images import (
    DECODED,
    MOST_TILES,
    TIMES,
    DecodedTiles,
    MadeSettings,
    pixels_of,
    read_made,
)

SIDE = 12


def drawn(step, n=6, side=SIDE):
    return np.random.default_rng(step).integers(0, 256, (n, side, side, 3)).astype(np.uint8)


def made(step, n=6, originals=False, side=SIDE, series="made/gan/image"):
    real = drawn(10**6, n, side) if originals else ()
    return Pictures(
        at=At(step=step, seconds=step / 10), series=series, pictures=drawn(step, n, side), seeds=tuple(range(n)),
        titles=tuple(f"caption {i}" for i in range(n)), originals=real,
    )  # fmt: skip


@pytest.fixture
def watch(qtbot, keep):
    """A monitor kept by a pump at a run; gives both and a way to wait."""

    def look(*uids, step=None, size=(460, 300)):
        monitor, pump = keep(MadeMonitor(), *uids, step=step, size=size)

        def settle(at=None):
            def done():
                assert pump.is_idle()
                assert pump.head.revision
                assert at is None or monitor.value().step == at

            qtbot.waitUntil(done, timeout=20_000)

        settle()
        return monitor, pump, settle

    return look


def seen(monitor):
    """The pixels of the close look's panes, taken back to their own size from what is on the screen."""
    panes = monitor.close_look.panes
    shot = panes.grab().toImage()
    found = []
    for place, pane in zip(panes.places(), panes._panes):
        image = pane.tile.image
        scaled = shot.copy(place.toRect()).scaled(image.width(), image.height())
        found.append((pane.role, pane.run, pixels_of(scaled)))
    return found


def test_scrubbing_shows_exactly_the_image_of_the_step(library, watch, record):
    uid = record(*(made(step) for step in range(0, 100, 10)))
    monitor, pump, settle = watch(uid, step=50)
    monitor.look_closely(4)
    settle(50)
    for step, said in ((50, 50), (0, 0), (99, 90), (37, 30), (30, 30), (29, 20)):
        pump.set_step(step)
        settle(said)
        ((role, _, pixels),) = seen(monitor)
        assert role == "made"
        np.testing.assert_array_equal(pixels, drawn(said)[4], f"at step {step}")


def test_the_grid_and_the_strip_show_the_right_ones(library, watch, record):
    uid = record(*(made(step) for step in range(0, 100, 10)))
    monitor, _, settle = watch(uid, step=45)
    value = monitor.value()
    for tile, pixels in zip(value.runs[0].tiles, drawn(40)):
        np.testing.assert_array_equal(pixels_of(tile.image), pixels)
    assert [moment.step for moment in value.moments] == [0, 10, 20, 30, 40]
    monitor.choose(2)
    settle(40)
    for moment in monitor.value().moments:
        np.testing.assert_array_equal(pixels_of(moment.tile.image), drawn(moment.step)[2])
    shot = monitor.grid_view.grab().toImage()
    for place in monitor.grid_view.places():
        if place.index != 2:  # which is framed
            cut = pixels_of(shot.copy(place.made.toRect()).scaled(SIDE, SIDE))
            np.testing.assert_array_equal(cut, drawn(40)[place.index])


def test_live_and_replayed_are_the_same(library, watch):
    uid = library.create_run("live", "{}", steps=100).uid
    recorder = library.recorder(uid)
    for step in range(0, 60, 10):
        recorder.say(made(step))
    assert recorder.flush()
    monitor, pump, settle = watch(uid)
    settle(50)
    live = monitor.grab().toImage()
    for step in range(60, 100, 10):
        recorder.say(made(step))
    assert recorder.close()
    settle(90)
    assert monitor.grab().toImage() != live
    pump.set_step(50)
    settle(50)
    assert monitor.grab().toImage() == live


def test_an_original_stands_beside_its_reconstruction_with_the_difference(library, watch, record):
    uid = record(made(10, originals=True))
    monitor, _, settle = watch(uid, step=10)
    monitor.look_closely(1)
    settle()
    (_, _, original), (_, _, rebuilt), (_, _, apart) = seen(monitor)
    np.testing.assert_array_equal(original, drawn(10**6)[1])
    np.testing.assert_array_equal(rebuilt, drawn(10)[1])
    difference = np.abs(original.astype(int) - rebuilt)
    np.testing.assert_array_equal(apart, np.minimum(difference * TIMES, 255))
    assert monitor.value().panes[2].error == pytest.approx(difference.mean() / 255)
    monitor._difference.setChecked(False)
    settle()
    assert [pane.role for pane in monitor.value().panes] == ["original", "made"]


def test_several_runs_stand_beside_each_other_at_the_same_step(library, watch, record):
    one = record(*(made(step) for step in (10, 20, 30)), name="first")
    other = record(*(made(step + 5) for step in (10, 20, 30)), name="second")
    bare = record(name="third")
    monitor, _, settle = watch(one, other, bare, step=26)
    monitor.look_closely(0)
    settle(20)
    assert [(run.name, run.step) for run in monitor.value().runs] == [("first", 20), ("second", 25)]
    (_, first, left), (_, second, right) = seen(monitor)
    assert (first, second) == ("first", "second")
    np.testing.assert_array_equal(left, drawn(20)[0])
    np.testing.assert_array_equal(right, drawn(25)[0])


def test_the_keys_reach_every_image_and_every_scale(library, watch, qtbot, record):
    monitor, _, settle = watch(record(*(made(step) for step in (10, 20))), step=20)
    monitor.grid_view.setFocus()
    QTest.keyClick(monitor.grid_view, Qt.Key.Key_Right)
    settle()
    QTest.keyClick(monitor.grid_view, Qt.Key.Key_Return)
    settle()
    look = monitor.close_look
    assert (monitor.value().chosen, bool(monitor.value().panes)) == (1, True)
    assert "seed 1" in look._caption.text()
    fitting = look.scale()
    assert fitting == int(fitting) >= 1
    QTest.keyClick(look, Qt.Key.Key_Plus)
    assert look.scale() == 2 * fitting
    for _ in range(12):
        QTest.keyClick(look, Qt.Key.Key_Minus)
    assert look.scale() == 1 / 8
    QTest.keyClick(look, Qt.Key.Key_Right)
    settle()
    assert monitor.value().chosen == 2
    QTest.keyClick(look, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(pixels_of(QGuiApplication.clipboard().image()), drawn(20)[2])
    assert monitor.figures.text().startswith("The image was copied.")
    QTest.keyClick(look, Qt.Key.Key_Escape)
    settle()
    assert monitor.value().panes == ()
    with qtbot.waitSignal(monitor.cursorRequested) as asked:
        QTest.keyClick(monitor.strip, Qt.Key.Key_Left)
    assert asked.args == [10]


def test_the_mouse_looks_closely_and_goes_to_a_moment(library, watch, record):
    monitor, pump, settle = watch(record(*(made(step) for step in (10, 20, 30))), step=30)
    place = next(place for place in monitor.grid_view.places() if place.index == 3)
    QTest.mouseClick(monitor.grid_view, Qt.MouseButton.LeftButton, pos=place.made.center().toPoint())
    settle()
    assert (monitor.value().chosen, bool(monitor.value().panes)) == (3, True)
    moment, where = monitor.strip.moments()[0]
    QTest.mouseClick(monitor.strip, Qt.MouseButton.LeftButton, pos=where.center().toPoint())
    settle(10)
    assert (moment.step, pump.cursor.step) == (10, 10)
    QTest.mouseClick(monitor.grid_view, Qt.MouseButton.LeftButton, pos=QPoint(0, 5000))


def test_what_is_saved_is_the_image_without_loss(library, watch, tmp_path, monkeypatch, record):
    monitor, _, settle = watch(record(made(10)), step=10)
    monitor.look_closely(5)
    settle()
    proposed = []

    def choose(parent, title, name, kinds):
        proposed.append(name)
        return str(tmp_path / "kept"), kinds

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    monitor.close_look.save()
    assert proposed[0].endswith("step-10-seed-5.png")
    np.testing.assert_array_equal(pixels_of(QImage(str(tmp_path / "kept.png"))), drawn(10)[5])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "no folder" / "x.png"), ""))
    monitor.close_look.save()
    assert "cannot be written" in monitor.figures.text()


def test_missing_and_damaged_images_are_said_and_the_others_drawn(library, watch, record):
    uid = record(made(10))
    found = library.reader(uid).pictures_at("made/gan/image", 10)
    folder = MediaFolder(library.store.media_folder)
    folder.place(found.made[0]).unlink()
    folder.place(found.made[1]).write_bytes(b"\x89PNG\r\n\x1a\nodd")
    DECODED.__init__()  # as after a start
    monitor, _, settle = watch(uid, step=10)
    tiles = monitor.value().runs[0].tiles
    assert [tile.image is None for tile in tiles] == [True, True, False, False, False, False]
    assert (tiles[0].problem.split("… ")[1], tiles[1].problem.split("… ")[1]) == ("is missing.", "is damaged on disk.")
    assert monitor.figures.text() == "3 images are missing or damaged"  # the first also in the strip
    monitor.look_closely(0)
    settle()
    assert not monitor.grab().toImage().isNull()
    monitor.close_look.copy()  # nothing to copy, nothing happens


def test_a_file_that_is_whole_and_no_image_is_said(library, watch, record):
    liar = b"\x89PNG\r\n\x1a\n" + b"no image at all"
    huge = bytearray(png_of(drawn(1)[0]))
    huge[16:24] = (60_000).to_bytes(4, "big") * 2
    event = Pictures(at=At(step=1, seconds=0.1), series="made/x/image", pictures=(liar, bytes(huge)), seeds=(0, 1))
    monitor, _, _ = watch(record(event), step=1)
    assert [tile.problem for tile in monitor.value().runs[0].tiles] == ["This image cannot be decoded."] * 2


def test_states_without_images_are_said_in_words(library, watch, qtbot, record):
    monitor, pump, settle = watch(record(made(10)), step=5)
    assert "No images yet." in monitor.message()
    pump.set_step(10)
    settle(10)
    assert monitor.message() == ""
    pump.set_runs()
    assert "No images yet." in monitor.message()


def test_of_a_thousand_images_so_many_are_shown_and_memory_is_bounded(library, watch, record):
    many = made(10, n=1000, side=8)
    monitor, _, _ = watch(record(many), step=10)
    assert len(monitor.value().runs[0].tiles) == MOST_TILES
    assert monitor.figures.text() == "step 10 · 64 of 1000 images"
    cache, reader = DecodedTiles(most_bytes=50 * 8 * 8 * 4), library.reader(library.runs()[0].uid)
    names = reader.pictures_at("made/gan/image", 10).made
    for name in (*names, *names[::-1]):
        assert cache.tile(reader, name).image is not None
        assert cache.bytes <= cache.most_bytes
    assert len(cache._images) == 50
    assert set(cache._images) == set(names[:50])


def test_a_large_image_is_small_as_a_tile_and_whole_close_up(library, watch, record):
    uid = record(made(1, n=1, side=640))
    value = read_made(MadeSettings(close=True), [library.reader(uid)], Cursor(runs=(uid,), step=1))
    assert max(value.runs[0].tiles[0].image.width(), value.runs[0].tiles[0].image.height()) == 160
    np.testing.assert_array_equal(pixels_of(value.panes[0].tile.image), drawn(1, 1, 640)[0])


def test_blocks_that_make_are_chosen_by_name(library, watch, record):
    monitor, _, settle = watch(record(made(1), made(1, n=2, series="made/vae/image")), step=1)
    assert [monitor._series.itemText(i) for i in range(2)] == ["gan", "vae"]
    monitor._series.setCurrentIndex(1)
    settle()
    assert (monitor.value().series, len(monitor.value().runs[0].tiles)) == ("made/vae/image", 2)


@pytest.mark.parametrize("size", [(150, 110), (200, 400), (1600, 900)])
def test_every_size_of_card_can_be_drawn(library, watch, size, record):
    monitor, _, settle = watch(record(made(1, originals=True)), step=1, size=size)
    assert not monitor.grab().isNull()
    monitor.look_closely(0)
    settle()
    assert not monitor.grab().isNull()


def test_chinese_names_seed_step_and_scale(library, watch, record):
    try:
        use_language("zh_CN")
        monitor, _, settle = watch(record(made(10)), step=10)
        monitor.look_closely(2)
        settle()
        assert monitor.close_look._caption.text().endswith("× · 随机种子 2 · 第 10 步 · caption 2")
        assert monitor.figures.text() == "第 10 步 · 随机种子 0–5"
    finally:
        use_language("en")
