"""Films on the timeline: a tile shows the middle frame, the close look plays frame by frame at true times, the tray runs several in step."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.exploring.tray import Held
from core.store.made import pack_pictures
from core.telemetry.events import At, Pictures
from widgets.monitors.cursor import Cursor
from widgets.monitors.made.made import MadeMonitor
from widgets.monitors.made.made_images import MadeSettings, pixels_of, read_made
from widgets.monitors.tray.sheet import TraySheet
from widgets.monitors.tray.shown import read_shown

SIDE, TIMES = 12, (0.0, 0.25, 0.5, 1.0)


def frames(step: int) -> np.ndarray:
    """[n, T, H, W, 3]."""
    return np.random.default_rng(step).integers(0, 256, (3, len(TIMES), SIDE, SIDE, 3)).astype(np.uint8)


def film(step: int) -> Pictures:
    return Pictures(
        at=At(step=step, seconds=float(step)), series="made/head/video", seeds=(3, 5, 8),
        pictures=np.concatenate(list(frames(step).transpose(1, 0, 2, 3, 4)), 2), titles=("a → b", "c → c", "d → a"),
        frames=(TIMES,) * 3,
    )  # fmt: skip


def test_a_tile_is_the_middle_frame_and_images_stay_what_they_were(library, record):
    uid = record(film(10), film(20))
    value = read_made(MadeSettings(chosen=1), [library.reader(uid)], Cursor(step=20, follows_head=False))
    for number, tile in enumerate(value.runs[0].tiles):
        np.testing.assert_array_equal(pixels_of(tile.image), frames(20)[number, 2])
    np.testing.assert_array_equal(pixels_of(value.moments[0].tile.image), frames(10)[1, 2])


def test_the_close_look_steps_through_the_film_and_stays_at_its_moment_while_the_cursor_moves(
    library, record, keep, qtbot
):
    uid = record(film(10), film(20))
    monitor, pump = keep(MadeMonitor(), uid, step=20, size=(460, 340))
    qtbot.waitUntil(lambda: pump.is_idle() and monitor.value() is not None, timeout=20_000)
    monitor.look_closely(1)
    qtbot.waitUntil(lambda: pump.is_idle() and bool(monitor.value().panes), timeout=20_000)
    player = monitor.close_look.film
    assert player.isVisibleTo(monitor)
    assert player.reel.frames == len(TIMES)
    QTest.mouseClick(player.forth_button, Qt.MouseButton.LeftButton)
    QTest.mouseClick(player.forth_button, Qt.MouseButton.LeftButton)
    assert (player.place, player.seconds) == (2, 0.5)
    np.testing.assert_array_equal(pixels_of(player.picture._image), frames(20)[1, 2])
    pump.cursor_to(10) if hasattr(pump, "cursor_to") else monitor.close_look.set_value(
        read_made(MadeSettings(chosen=1, close=True), [library.reader(uid)], Cursor(step=10, follows_head=False))
    )
    assert player.place == 2
    np.testing.assert_array_equal(pixels_of(player.picture._image), frames(10)[1, 2])


def test_the_tray_holds_films_of_two_steps_and_plays_them_in_step(library, record, qtbot):
    uid = record(film(10), film(20))
    held = [Held(kind="image", series="made/head/video", step=step, index=2, run=uid) for step in (10, 20)]
    shown = [read_shown(one, library.reader) for one in held]
    for step, one in zip((10, 20), shown):
        assert (one.is_film, one.seconds, one.caption) == (True, TIMES, "d → a")
        for place, seen in enumerate(one.frames):
            np.testing.assert_array_equal(pixels_of(seen), frames(step)[2, place])
    sheet = TraySheet()
    qtbot.addWidget(sheet)
    sheet.show_things(shown)
    assert sheet.run_films.isVisibleTo(sheet)
    sheet._run_films()
    sheet._next_frame()
    assert [column.cell._frame for column in sheet.columns] == [1, 1]


def test_times_that_do_not_match_the_films_are_refused(library, record):
    wrong = Pictures(
        at=At(step=1, seconds=0.0), series="made/head/video", pictures=np.zeros((2, 4, 8, 3), np.uint8), seeds=(0, 1),
        frames=((0.0, 1.0),),
    )  # fmt: skip
    with pytest.raises(ValueError, match="times for 1 films, and 2 are made"):
        pack_pictures(wrong, ["a", "b"], [])
