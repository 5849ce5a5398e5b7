"""Made audio: exactly that of the step, over time, of several runs; as a spectrogram; played and saved, or why not."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from core.telemetry.events import At, Sounds
from widgets.look.playing import Player
from widgets.look.sounds import COLUMNS, WINDOW, outline_of, spectrogram_of
from widgets.monitors.cursor import Cursor
from widgets.monitors.made.made_sounds import (
    DecodedSounds,
    SoundSettings,
    read_sounds,
)
from widgets.monitors.made.sounds import SoundsMonitor

HERTZ = 8000


def tone(hertz, seconds=0.25, loud=0.5):
    return loud * np.sin(2 * np.pi * hertz * np.arange(round(HERTZ * seconds)) / HERTZ).astype(np.float32)


def made(step, n=3, originals=False):
    waves = np.stack([tone(100 * (1 + i), loud=step / 100) for i in range(n)])
    return Sounds(
        at=At(step=step, seconds=step / 10), series="made/vocoder/waveform", sounds=waves, hertz=HERTZ,
        seeds=tuple(range(n)), titles=tuple(f"caption {i}" for i in range(n)), originals=waves / 2 if originals else (),
    )  # fmt: skip


def value_at(library, step, *uids, **settings):
    readers = [library.reader(uid) for uid in uids]
    return read_sounds(SoundSettings(**settings), readers, Cursor(runs=uids, step=step))


@pytest.fixture
def watch(qtbot, keep):
    def look(uid, step=None):
        monitor, pump = keep(SoundsMonitor(), uid, step=step, size=(460, 320))
        qtbot.waitUntil(lambda: pump.is_idle() and monitor.value() is not None, timeout=20_000)
        return monitor

    return look


class Loud(Player):
    """A player that can, and keeps what it was given."""

    def __init__(self):
        super().__init__()
        self.played = []

    def obstacle(self):
        return ""

    def play(self, data):
        self.played.append(data)


def test_the_outline_holds_every_extreme():
    wave = np.random.default_rng(0).uniform(-1, 1, 10_007).astype(np.float32)
    outline = outline_of(wave)
    assert outline.shape == (2, COLUMNS)
    assert (outline[0].min(), outline[1].max()) == (wave.min(), wave.max())
    short = outline_of(wave[:5])
    np.testing.assert_array_equal(short, np.stack([wave[:5], wave[:5]]))
    assert outline_of(wave[:0]).shape == (2, 1)


@pytest.mark.parametrize("hertz", [500, 2000, 3500])
def test_the_spectrogram_is_brightest_at_the_tone(hertz):
    picture = spectrogram_of(tone(hertz, seconds=1.0))
    middle = picture.width() // 2
    bright = [picture.pixelColor(middle, y).green() for y in range(picture.height())]
    from_below = picture.height() - 1 - int(np.argmax(bright))
    assert abs(from_below * HERTZ / WINDOW - hertz) <= HERTZ / WINDOW


def test_what_is_shown_is_that_of_the_step(library, record):
    uid = record(made(10, originals=True), made(40, originals=True), made(80, originals=True))
    other = record(made(30), name="second")
    for step, said in ((10, 10), (39, 10), (40, 40), (99, 80)):
        found = value_at(library, step, uid, chosen=1)
        assert (found.step, found.hertz, found.seeds, len(found.sounds)) == (said, HERTZ, (0, 1, 2), 3)
        assert found.sounds[1].outline_2C.max() == pytest.approx(said / 100, abs=0.01)
        assert found.sounds[1].seconds == 0.25
        assert [moment.step for moment in found.moments] == [s for s in (10, 40, 80) if s <= step]
        assert [track.role for track in found.tracks] == ["original", "made"]
        samples, rate = soundfile.read(io.BytesIO(found.file))
        assert rate == HERTZ
        np.testing.assert_allclose(samples, tone(200, loud=said / 100), atol=1e-5)
    both = value_at(library, 99, uid, other, as_spectrogram=True)
    assert [(track.run, track.role) for track in both.tracks] == [
        ("first", "original"),
        ("first", "made"),
        ("second", "made"),
    ]
    assert all(track.spectrogram is not None for track in both.tracks)
    assert value_at(library, 9, uid) is None


def test_decoded_samples_stay_within_their_bound(library, record):
    uid = record(made(10, n=6))
    reader, kept = library.reader(uid), DecodedSounds(most_bytes=3 * 4 * len(tone(1)))
    for name in reader.sounds_at("made/vocoder/waveform", 10).made:
        assert len(kept.samples(reader, name)) == len(tone(1))
        assert kept.bytes <= kept.most_bytes


def test_a_missing_file_is_said_and_the_others_are_shown(library, record):
    uid = record(made(13))
    reader = library.reader(uid)
    name = reader.sounds_at("made/vocoder/waveform", 13).made[0]
    next(library.store.media_folder.rglob(name)).unlink()
    found = value_at(library, 13, uid)
    assert [heard.outline_2C is None for heard in found.sounds] == [True, False, False]
    assert (found.broken, found.file) == (1, b"")
    assert found.sounds[0].problem


def test_one_is_chosen_played_and_saved(watch, library, tmp_path, monkeypatch, qtbot, record):
    monitor = watch(record(made(10), made(60)))
    monitor.player = Loud()
    monitor.present(monitor.value())
    assert monitor.play_button.isEnabled()
    with qtbot.waitSignal(monitor.settingsChanged):
        QTest.mouseClick(monitor.cells, Qt.MouseButton.LeftButton, pos=monitor.cells.places()[2].center().toPoint())
    qtbot.waitUntil(lambda: monitor.value().chosen == 2, timeout=20_000)
    QTest.mouseClick(monitor.play_button, Qt.MouseButton.LeftButton)
    assert monitor.player.played == [monitor.value().file]
    target = tmp_path / "kept.flac"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    QTest.mouseClick(monitor.save_button, Qt.MouseButton.LeftButton)
    assert target.read_bytes() == monitor.value().file
    with qtbot.waitSignal(monitor.cursorRequested) as asked:
        place = monitor.strip.moments()[0][1].center()
        QTest.mouseClick(monitor.strip, Qt.MouseButton.LeftButton, pos=QPoint(round(place.x()), round(place.y())))
    assert asked.args == [10]


def test_where_nothing_can_be_heard_the_button_says_why(watch, library, monkeypatch, record):
    monitor = watch(record(made(10)))

    class Silent(Player):
        def obstacle(self):
            return "This machine has no audio output."

    monitor.player = Silent()
    monitor.present(monitor.value())
    assert not monitor.play_button.isEnabled()
    assert "no audio output" in monitor.play_button.toolTip()
    assert monitor.save_button.isEnabled()
    monitor.clear()
    assert not monitor.save_button.isEnabled()


def test_without_the_module_the_player_names_the_package(monkeypatch, qtbot):
    monkeypatch.setitem(__import__("sys").modules, "PySide6.QtMultimedia", None)
    player = Player()
    assert "PySide6-Addons" in player.obstacle()
    player.play(b"nothing")  # quietly
