"""The dataset's page: pictures large enough to be looked at, in strips without empty room."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QLabel, QPushButton

from core.graph.dataset import DatasetFacts, SoundsReport, Specimen
from core.graph.reel import Reel
from core.problems import Fix, Problem
from core.store.encoding import samples_of
from widgets.clips import ClipShelf, ClipStrip, LengthBars, clip_image
from widgets.data_panel import THUMB, DataPanel, Strip, enlarged
from widgets.look.playing import Player


def specimen(number):
    return Specimen(
        split="train", sentence=f"a sentence of some length, number {number}", group="", picture=np.full((32, 32, 3), 90, np.uint8)
    )  # fmt: skip


def test_tiny_pictures_are_enlarged_by_whole_pixels():
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:, 16:] = 255
    image = enlarged(pixels)
    assert (image.width(), image.height()) == (THUMB, THUMB)
    colours = {image.pixelColor(x, 40).red() for x in range(THUMB)}
    assert colours == {0, 255}, "no grey between black and white"
    large = enlarged(np.zeros((200, 100, 3), np.uint8))
    assert (large.width(), large.height()) == (THUMB // 2, THUMB)


def test_a_strip_is_as_high_as_its_rows(qtbot):
    strip = Strip([specimen(number) for number in range(12)])
    qtbot.addWidget(strip)
    strip.show()
    row = strip.gridSize().height()
    for width, rows in ((1320, 1), (700, 2), (400, 4)):
        strip.resize(width, strip.height())
        assert strip.height() < rows * row + 30, width
        last = strip.visualItemRect(strip.item(11))
        assert last.bottom() <= strip.viewport().height(), width


def test_of_videos_middle_frames_are_said_to_be_compared(qtbot):
    panel = DataPanel()
    qtbot.addWidget(panel)
    panel.show_dataset(DatasetFacts(title="Videos", counts={"train": 3}, of_frames=True))
    assert "No two splits share videos with nearly equal middle frames." in words(panel)
    assert "image" not in words(panel)
    pair = (Specimen(split="train", sentence="a"), Specimen(split="test", sentence="a"))
    panel.show_dataset(DatasetFacts(title="Videos", counts={"train": 3}, of_frames=True, exact_duplicates=(pair,)))
    assert "1 pairs of videos with the same middle frame lie in different splits." in words(panel)
    assert "Same middle frame in two splits" in words(panel)


def test_what_is_left_out_is_counted_and_told(qtbot):
    panel = DataPanel()
    qtbot.addWidget(panel)
    panel.show_dataset(DatasetFacts(title="Captioned images", counts={"train": 3}))
    assert "Every row and file is used." in words(panel)
    problems = tuple(Problem(what=f"Line {number} has no caption.") for number in range(25))
    panel.show_dataset(DatasetFacts(title="x", counts={"train": 3}, problems=problems, left_out=1_234))
    text = words(panel)
    assert "1,234 rows or files are left out." in text
    assert "Line 19 has no caption." in text
    assert "Line 20 has" not in text
    assert "and 5 more remarks" in text


def words(panel):
    return "\n".join(label.text() for label in panel._rest.findChildren(QLabel))


def test_a_look_at_another_source_shows_nothing_of_the_one_before(qtbot):
    panel = DataPanel()
    qtbot.addWidget(panel)
    panel.set_sources({"emoji": "Emoji pairs"})
    panel.show_busy("Emoji pairs")
    assert (panel._heading.text(), words(panel)) == ("Emoji pairs", "Reading the data…")
    panel.show_dataset(DatasetFacts(title="Emoji pairs", counts={"train": 3}))
    panel.show_busy("Emoji pairs")
    assert "Every row and file is used." in words(panel), "the same source stays while it is looked at again"
    panel.show_busy("Captioned images")
    assert (panel._heading.text(), words(panel)) == ("Captioned images", "Reading the data…")
    panel.show_refusal("No folder is chosen.")
    assert (panel._heading.text(), words(panel)) == ("Captioned images", "No folder is chosen.")


def clip(number, split="train", seconds=1.0):
    time = np.arange(round(seconds * 8000)) / 8000
    sound = (0.5 * np.sin(2 * np.pi * (300 + 100 * number) * time)).astype(np.float32)
    return Specimen(split=split, sentence=f"clip {number}", sound=sound, hertz=8000, seconds=seconds)


def sounds(**found):
    return SoundsReport(
        shortest=0.5, median=1.0, longest=2.0, together=90.0, counts=(3, 0, 7), edges=(0.5, 1.0, 1.5, 2.0), **found
    )


class Heard:
    """What stands for Qt's player: says what it was given."""

    def __init__(self):
        self.files = []

    def play(self, player, data):
        self.files.append(data)
        player.is_playing = True


def clips_panel(qtbot, monkeypatch, **found):
    heard = Heard()
    monkeypatch.setattr(Player, "obstacle", lambda self: "")
    monkeypatch.setattr(Player, "play", lambda self, data: heard.play(self, data))
    panel = DataPanel()
    qtbot.addWidget(panel)
    specimens = tuple(clip(number, ("train", "test")[number % 2]) for number in range(6))
    panel.show_dataset(
        DatasetFacts(title="Audio clips", counts={"train": 3, "test": 3}, specimens=specimens, sounds=sounds(**found))
    )
    return panel, heard


def test_a_click_on_a_clip_plays_it_and_a_second_one_stops_it(qtbot, monkeypatch):
    panel, heard = clips_panel(qtbot, monkeypatch)
    (shelf,), strips = panel._rest.findChildren(ClipShelf), panel._rest.findChildren(ClipStrip)
    assert [strip.count() for strip in strips] == [3, 3]
    assert not shelf.save_button.isEnabled()
    strip = strips[1]
    strip.itemClicked.emit(strip.item(1))
    samples, hertz = samples_of(heard.files[0])
    assert hertz == 8000
    np.testing.assert_allclose(samples, clip(3).sound, atol=1e-6)
    assert shelf.play_button.text() == "Stop playing"
    assert "clip 3 · 1.00 s · 8,000 Hz" in words(panel)
    strip.itemClicked.emit(strip.item(1))
    assert not shelf.player.is_playing
    assert shelf.play_button.text() == "Play"
    shelf.play_button.click()
    assert len(heard.files) == 2
    strips[0].itemActivated.emit(strips[0].item(0))  # Enter
    assert "clip 0" in words(panel)
    assert len(heard.files) == 3


def test_where_nothing_can_be_heard_it_says_why_and_the_clip_can_be_saved(qtbot, monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "PySide6.QtMultimedia", None)
    panel = DataPanel()
    qtbot.addWidget(panel)
    panel.show_dataset(DatasetFacts(title="x", counts={"train": 1}, specimens=(clip(0),), sounds=sounds()))
    (shelf,) = panel._rest.findChildren(ClipShelf)
    (strip,) = panel._rest.findChildren(ClipStrip)
    strip.itemClicked.emit(strip.item(0))
    assert "PySide6-Addons" in words(panel)
    assert not shelf.play_button.isEnabled()
    monkeypatch.setattr("widgets.clips.save_file", lambda *_, **__: str(tmp_path / "a.flac"))
    shelf.save_button.click()
    assert samples_of((tmp_path / "a.flac").read_bytes())[1] == 8000


def test_silence_clipping_lengths_and_leaks_of_sounds_are_told(qtbot, monkeypatch):
    panel, _ = clips_panel(qtbot, monkeypatch, silent=("hum", "nothing"), clipped=("shout",))
    text = words(panel)
    assert "2 clips are silent: hum, nothing." in text
    assert "1 clips are cut off" not in text
    assert "One clip is cut off at full scale: shout." in text
    assert "No clip is in two splits." in text
    assert "No image" not in text
    (bars,) = panel._rest.findChildren(LengthBars)
    bars.resize(300, 90)
    heights = [bar.height() for bar in bars.bars()]
    assert heights[1] == 0
    assert heights[2] / heights[0] == pytest.approx(7 / 3)
    assert bars.words == "0.50 to 2.00 s, half of them up to 1.00 s, 1.5 minutes together"


def test_a_clip_is_drawn_as_its_waveform_over_its_spectrogram(qtbot):
    image = clip_image(clip(0), 160, 60, 20)
    assert (image.width(), image.height()) == (160, 60)
    rows = [{image.pixelColor(x, y).rgb() for x in range(160)} for y in (10, 58)]
    assert all(len(colours) > 1 or rows[0] != rows[1] for colours in rows)


def dropped(panel, path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    modifiers, buttons = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    event = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, buttons, modifiers)
    panel.dropEvent(event)


def test_a_folder_dropped_on_the_page_is_told_and_a_file_is_not(qtbot, tmp_path):
    panel = DataPanel()
    qtbot.addWidget(panel)
    told = []
    panel.folderDropped.connect(told.append)
    (tmp_path / "a.wav").write_bytes(b"")
    dropped(panel, tmp_path / "a.wav")
    assert told == []
    dropped(panel, tmp_path)
    assert told == [str(tmp_path)]
    panel.set_sources({"a": "A", "b": "B"})
    panel.choose_source("b")
    panel.choose_source("c")
    assert panel.source == "b"


def test_what_is_known_is_shown_while_every_sample_is_read(qtbot):
    panel = DataPanel()
    qtbot.addWidget(panel)
    panel.show_busy("Videos")
    known = DatasetFacts(title="Videos", counts={"train": 3}, is_checked=False)
    panel.show_first(known)
    assert panel.is_busy
    assert "Reading and comparing every sample…" in words(panel)
    assert "No image is in two splits." not in words(panel), "that is not known yet"
    panel.show_progress(32, 1554)
    assert "Reading and comparing every sample: 32 of 1,554" in words(panel)
    panel.restyle()
    assert panel.is_busy
    with qtbot.waitSignal(panel.cancelRequested):
        next(button for button in panel.findChildren(QPushButton) if button.text() == "Stop").click()
    panel.show_dataset(known)
    assert not panel.is_busy
    assert "Not every sample was read" in words(panel)


def test_a_split_that_leaks_can_be_mended_by_a_click(qtbot):
    panel = DataPanel()
    qtbot.addWidget(panel)
    fix = Fix(
        text="Split by recording",
        edit="set_knob",
        arguments={"node": "videos", "name": "hold_out", "value": "recording"},
    )
    problem = Problem(what="The splits share something.", hint="Split by recording.", fix=fix)
    panel.show_dataset(DatasetFacts(title="Videos", counts={"train": 3}, shared_groups=("a",), mend=problem))
    with qtbot.waitSignal(panel.fixRequested) as asked:
        next(button for button in panel.findChildren(QPushButton) if button.text() == "Split by recording").click()
    assert asked.args == [problem]


def test_a_video_is_played_and_plays_on_when_the_rest_has_been_read(qtbot):
    reel = Reel(name="a.mp4", origin="a", starts_T=np.arange(5) / 10, end=0.5)
    film = Specimen(split="train", sentence="runs", picture=np.zeros((8, 8, 3), np.uint8), reel=reel)
    facts = DatasetFacts(title="Videos", counts={"train": 1}, specimens=(film,), is_checked=False)
    panel = DataPanel()
    qtbot.addWidget(panel)
    panel.show()
    panel.show_first(facts)
    with qtbot.waitSignal(panel.reelWanted) as wanted:
        panel._films.choose(film)
    panel.take_reel(wanted.args[0], [np.full((8, 8, 3), n, np.uint8) for n in range(5)])
    player = panel._films.player
    assert player.is_playing
    panel.show_dataset(replace(facts, is_checked=True))
    assert panel._films.player is player
    assert player.is_playing
    qtbot.waitUntil(player.isVisible)
    assert player.is_playing
    panel._films.choose(film)
    assert not player.is_playing, "a second click pauses"
    panel.show_dataset(DatasetFacts(title="Images", counts={"train": 1}))
    assert panel._films is None
