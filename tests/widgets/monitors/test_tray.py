"""The tray: what lies there is what the run said at that step, wherever the cursor is; at one scale, with differences, honest about what is gone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication

from core.exploring.tray import MOST_HELD, Held, dumped, loaded, put
from core.telemetry.events import At, AttentionMap, Exhibit, Pictures, Sounds
from widgets.monitors.made.made import MadeMonitor
from widgets.monitors.made.made_images import pixels_of
from widgets.monitors.tray.sheet import TraySheet, described
from widgets.monitors.tray.shown import between, read_shown

SIDE = 12
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support (propagateSizeHints|raise|grabbing)")


def drawn(step, side=SIDE):
    return np.random.default_rng(step).integers(0, 256, (4, side, side, 3)).astype(np.uint8)


def events(step, side=SIDE):
    at, cells = At(step=step, seconds=float(step)), {"kind": "patches", "height": 2, "width": 2}
    weights = np.random.default_rng(step).dirichlet(np.ones(4), (4, 2, 4)).astype(np.float16)
    wave = np.sin(np.arange(4000, dtype=np.float32) * 0.1 * step)[None].repeat(4, 0)
    return (
        Exhibit(at=at, name="probe", pictures=drawn(0), sentences=tuple("abcd")),
        Pictures(at=at, series="made/gan/image", pictures=drawn(step, side), seeds=(7, 8, 9, 10), originals=drawn(0, side)),
        Sounds(at=at, series="made/vocoder/waveform", sounds=wave, hertz=8000, seeds=(7, 8, 9, 10)),
        AttentionMap(at=at, series="attention/vit/0", weights=weights, queries=cells, keys=cells),
    )  # fmt: skip


IMAGE = Held(kind="image", series="made/gan/image", step=10, index=2)


def test_what_lies_there_is_what_was_said_then(library, record):
    uid = record(*events(10), *events(20))
    held = replace(IMAGE, run=uid)
    for step, kind, expected in ((10, "image", drawn(10)), (20, "image", drawn(20)), (20, "original image", drawn(0))):
        shown = read_shown(replace(held, step=step, kind=kind), library.reader)
        np.testing.assert_array_equal(pixels_of(shown.frames[0]), expected[2])
        assert (shown.run, shown.seed, shown.problem) == ("first", 9, "")
    sound = read_shown(Held(kind="sound", series="made/vocoder/waveform", step=20, run=uid), library.reader)
    assert sound.seconds == (0.5,)
    assert sound.sound.startswith(b"fLaC")
    assert described(read_shown(held, library.reader))[:2] == ("first · gan", "step 10 · seed 9")


def test_what_is_gone_says_so(library, record):
    uid = record(*events(10))
    held = replace(IMAGE, run=uid)
    assert read_shown(replace(held, step=11), library.reader).problem == "The run no longer says it."
    assert read_shown(replace(held, index=9), library.reader).problem == "The run no longer says it."
    assert read_shown(replace(held, run="nobody"), library.reader).problem
    library.delete(uid)
    library.purge()
    assert read_shown(held, library.reader).problem


def test_differences_are_of_two_images_of_one_size_or_of_two_maps(library, record):
    one, other = record(*events(10)), record(*events(10, side=6), *events(30), name="second")
    first = read_shown(replace(IMAGE, run=one), library.reader)
    second = read_shown(replace(IMAGE, run=other, step=30), library.reader)
    apart = np.abs(drawn(10)[2].astype(int) - drawn(30)[2].astype(int)).mean() / 255
    assert between(first, second).caption == f"difference, mean {apart:.1%}"
    small = read_shown(replace(IMAGE, run=other), library.reader)
    assert between(first, small).problem == "The two images have different sizes: 12×12 and 6×6."
    maps = [read_shown(Held(kind="attention", series="attention/vit/0", step=s, run=u), library.reader) for u, s in ((one, 10), (other, 30))]  # fmt: skip
    assert maps[0].heat.shape == (2, 2)
    assert between(*maps).caption == f"difference, at most {np.abs(maps[1].heat - maps[0].heat).max():.1%}"
    assert between(first, maps[0]).problem == "Only two images or two maps have a difference."


def test_images_of_one_tray_have_one_scale(qtbot, library, record):
    uid = record(*events(10), *events(20, side=6))
    things = [read_shown(replace(IMAGE, run=uid, step=step), library.reader) for step in (10, 20)]
    sheet = TraySheet()
    qtbot.addWidget(sheet)
    sheet.show_things(things)
    for change in (sheet._scale, lambda: sheet.scale_by(2.0), lambda: sheet.scale_by(0.25)):
        change()
        wide = [column.cell.width() for column in sheet.columns]
        assert wide == [round(12 * sheet.zoom()), round(6 * sheet.zoom())]
    sheet.differences.setChecked(True)
    assert len(sheet.columns) == 3
    assert sheet.things()[2].problem


def test_a_right_click_takes_what_lies_under_it(library, record, keep, qtbot):
    uid = record(*events(10), *events(20))
    monitor, pump = keep(MadeMonitor(), uid, step=20)
    qtbot.waitUntil(pump.is_idle, timeout=20_000)
    picked: list[Held] = []
    pump.mediaPicked.connect(picked.append)
    for role, index in (("made", 1), ("original", 3)):
        place = monitor.grid_view.places()[index]
        at = (place.made if role == "made" else place.original).center().toPoint()
        where = monitor.grid_view.mapTo(monitor, at)
        QApplication.sendEvent(
            monitor, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, where, monitor.mapToGlobal(where))
        )
        menu = QApplication.activePopupWidget()
        next(action for action in menu.actions() if action.objectName() == "put_on_the_tray").trigger()
        menu.close()
    assert picked == [
        Held(kind=kind, series="made/gan/image", step=20, index=index, run=uid)
        for kind, index in (("image", 1), ("original image", 3))
    ]


def test_it_is_kept_as_text_and_holds_four():
    held: tuple[Held, ...] = ()
    for number in (0, 1, 2, 3, 1, 4):
        held = put(held, replace(IMAGE, index=number, run="r"))
    assert [each.index for each in held] == [2, 3, 1, 4]
    assert loaded(dumped(held)) == held
    assert len(held) == MOST_HELD


@pytest.mark.parametrize("text", ["", "nonsense", "{}", "[1]", '[{"kind": "image"}]', dumped([IMAGE]).replace("10", '"x"'), "[" * 9999])  # fmt: skip
def test_what_is_no_tray_is_an_empty_one(text):
    assert loaded(text) == ()
