"""A sound as the question: dropped or recorded, heard, and asked about; what is found lies where it is in time."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QObject, QPoint, QPointF, Qt, QUrl, Signal
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest

from core.store.answers import CheckpointFacts
from core.store.encoding import samples_of
from widgets.look import recording
from widgets.look.playing import Player
from widgets.look.recording import Recorder
from widgets.query.listening import TOLD
from widgets.query.page import QueryPage
from widgets.query.stage import SOUND, SoundStage
from widgets.query.values import Askable, Asked, QueryAnswer, QueryAnswers, Sounding, Ways

LEFT, NO = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
SPELLS = Ways(
    finds={}, why_not={"sound": "It cannot be searched."}, answers={"transcribe": "", "align": ""},
    of_sound={
        "retrieve": "It compares no audio.", "classify": "No block names a class.", "transcribe": "", "align": "",
        "localise": "No block says when.", "caption": "No block writes.",
    },
)  # fmt: skip
TONE = Sounding(samples=np.sin(np.arange(8000) / 5).astype(np.float32), hertz=8000)


class Loud(Player):
    """Keeps what it is given to play."""

    def __init__(self) -> None:
        super().__init__()
        self.played: list[bytes] = []

    def obstacle(self) -> str:
        return ""

    def play(self, data: bytes) -> None:
        self.played.append(data)


@pytest.fixture
def page(qtbot):
    page = QueryPage()
    qtbot.addWidget(page)
    page.resize(1200, 800)
    page.set_runs([Askable(uid="a", name="speller", checkpoints=(CheckpointFacts(step=7, path="x"),))])
    page.show()
    page.set_ways("a", SPELLS)
    return page


def drop(page: QueryPage, path: str) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(path)])
    page._listening.well.dropEvent(QDropEvent(QPointF(20, 20), Qt.DropAction.CopyAction, data, LEFT, NO))


def test_a_dropped_sound_is_read_then_asked_about_at_once(page, qtbot):
    with qtbot.waitSignal(page.soundWanted) as wanted:
        drop(page, "/there/one.wav")
    assert wanted.args == ["/there/one.wav"]
    with qtbot.assertNotEmitted(page.listenRequested):
        page.show_sound("/there/another.wav", TONE)  # one that was dropped before
    with qtbot.waitSignal(page.listenRequested) as asked:
        page.show_sound("/there/one.wav", TONE)
    assert asked.args == ["a", 7, "transcribe", "/there/one.wav", ""]
    page._listening.sentence.setText("one two")
    with qtbot.waitSignal(page.listenRequested) as asked:
        QTest.keyClick(page._listening.sentence, Qt.Key.Key_Return)
    assert asked.args == ["a", 7, "align", "/there/one.wav", "one two"]


def test_what_cannot_be_told_says_why(page):
    buttons = page._listening.buttons
    assert all("Choose audio first" in buttons[kind].toolTip() for kind in ("transcribe", "align"))
    drop(page, "/there/one.wav")
    assert {kind for kind in TOLD if buttons[kind].isEnabled()} == {"transcribe", "align"}
    assert "No block says when." in buttons["localise"].toolTip()
    page.show_progress("Opening the checkpoint…")
    assert not buttons["transcribe"].isEnabled()
    assert page._cancel.isVisibleTo(page)


def test_what_is_no_sound_is_refused_in_a_sentence(page, qtbot):
    with qtbot.assertNotEmitted(page.soundWanted):
        drop(page, "/there/one.txt")
    assert "not audio" in page.message()
    drop(page, "/there/broken.wav")
    page.show_sound("/there/broken.wav", None, "broken.wav cannot be read.")
    assert page.message() == "broken.wav cannot be read."
    assert page._listening.path() == ""


def test_fields_that_cannot_be_asked_with_are_not_there(page):
    assert not page._well.isVisible()
    assert not page._sentence.isVisible()
    assert page._listening.isVisible()
    page.set_ways("a", Ways(finds={"sentence": "pictures"}, of_sound=dict.fromkeys(TOLD, "This run hears nothing.")))
    assert not page._listening.isVisible()
    assert page._sentence.isVisible()


def aligned() -> QueryAnswers:
    pieces = tuple(
        QueryAnswer(score=0.9, sentence=letter, span=span)
        for letter, span in (("o", (0.1, 0.3)), ("n", (0.3, 0.5)), ("e", (0.75, 1.0)))
    )
    return QueryAnswers(
        asked=Asked(sound=TONE), kind="aligned", answers=pieces, written="one", chances=np.eye(3, 4, dtype=np.float32),
        frames=((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0)),
    )  # fmt: skip


@pytest.fixture
def stage(qtbot):
    stage = SoundStage()
    qtbot.addWidget(stage)
    stage.resize(800, 400)
    stage.player = Loud()
    stage.show_answers(aligned())
    return stage


def test_pieces_lie_where_they_are_said_one_below_the_other(stage):
    boxes = [box for _, box in stage.times.boxes()]
    place = stage.times._place()
    assert [(box.left() - place.left()) / place.width() for box in boxes] == pytest.approx([0.1, 0.3, 0.75])
    assert [box.width() / place.width() for box in boxes] == pytest.approx([0.2, 0.2, 0.25])
    assert boxes[0].top() > SOUND
    assert boxes[0].bottom() <= boxes[1].top() < boxes[2].top()
    stage.grab()


def test_a_picked_piece_is_played_alone(stage, qtbot):
    stage.play_button.click()
    assert len(samples_of(stage.player.played[-1])[0]) == 8000
    with qtbot.waitSignal(stage.spanPicked) as picked:
        centre = stage.times.boxes()[1][1].center()
        QTest.mouseClick(stage.times, LEFT, NO, QPoint(round(centre.x()), round(centre.y())))
    assert picked.args == [1]
    stage.pick(1)
    stage.play_button.click()
    samples, hertz = samples_of(stage.player.played[-1])
    assert (len(samples), hertz) == (1600, 8000)
    assert samples == pytest.approx(TONE.samples[2400:4000], abs=1e-6)


def test_events_of_one_class_share_a_row(stage):
    events = tuple(
        QueryAnswer(score=0.5, sentence=name, span=span)
        for name, span in (("dog", (0.0, 0.2)), ("rain", (0.1, 0.9)), ("dog", (0.5, 0.6)))
    )
    stage.show_answers(QueryAnswers(asked=Asked(sound=TONE), kind="events", answers=events))
    assert stage.times.rows() == ("dog", "rain")
    tops = [box.top() for _, box in stage.times.boxes()]
    assert tops[0] == tops[2] < tops[1]
    stage.grab()
    stage.show_answers(QueryAnswers(asked=Asked(sentence="red"), kind="pictures", answers=()))
    assert stage.isHidden()


class Microphone(QObject):
    """What Qt gives of an open microphone: bytes, now and then."""

    readyRead = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.waiting = b""

    def readAll(self) -> bytes:
        taken, self.waiting = self.waiting, b""
        return taken

    def hear(self, samples: np.ndarray) -> None:
        self.waiting += samples.astype("<i2").tobytes()
        self.readyRead.emit()


class Source(QObject):
    """An audio source whose microphone the test speaks into."""

    opened: list[Microphone] = []

    def __init__(self, device: object, form: object, parent: QObject) -> None:
        super().__init__(parent)

    def start(self) -> Microphone:
        self.opened.append(Microphone())
        return self.opened[-1]

    def stop(self) -> None:
        pass


def multimedia(is_null: bool) -> SimpleNamespace:
    """As much of Qt Multimedia as a recorder asks for."""
    form = type(
        "Form", (), {"SampleFormat": SimpleNamespace(Int16=1), **dict.fromkeys(("setSampleRate", "setChannelCount", "setSampleFormat"), lambda *_: None)}
    )  # fmt: skip
    device = SimpleNamespace(isNull=lambda: is_null)
    devices = SimpleNamespace(defaultAudioInput=lambda: device)
    return SimpleNamespace(QMediaDevices=devices, QAudioFormat=form, QAudioSource=Source)


@pytest.fixture
def recorder(qtbot, monkeypatch) -> Recorder:
    monkeypatch.setitem(sys.modules, recording.MODULE, multimedia(is_null=False))
    return Recorder()


def test_what_is_said_while_the_button_is_held_is_kept_and_no_more(recorder, qtbot, monkeypatch):
    monkeypatch.setattr(recording, "MOST_SECONDS", 1)
    with qtbot.waitSignal(recorder.full):
        recorder.start()
        Source.opened[-1].hear(np.full(12_000, 16_384))
        Source.opened[-1].hear(np.full(12_000, -16_384))
    with qtbot.waitSignal(recorder.recorded) as caught:
        recorder.stop()
    samples, hertz = caught.args
    assert (len(samples), hertz) == (16_000, 16_000)
    assert (samples[0], samples[-1]) == (0.5, -0.5)
    assert not recorder.is_recording
    with qtbot.assertNotEmitted(recorder.recorded):
        recorder.stop()  # once more: nothing


def test_a_recording_is_a_question_like_any_file(page, qtbot):
    with qtbot.waitSignal(page.soundWanted) as wanted:
        page._listening.recorder.recorded.emit(TONE.samples, TONE.hertz)
    with open(wanted.args[0], "rb") as file:
        samples, hertz = samples_of(file.read())
    assert hertz == 8000
    assert samples == pytest.approx(TONE.samples, abs=1e-6)


@pytest.mark.parametrize(("module", "words"), [(None, "PySide6-Addons"), (multimedia(is_null=True), "no microphone")])
def test_where_nothing_can_be_recorded_it_says_why(qtbot, monkeypatch, module, words):
    monkeypatch.setitem(sys.modules, recording.MODULE, module)
    recorder = Recorder()
    assert words in recorder.obstacle()
    recorder.start()
    assert not recorder.is_recording


def test_attention_lies_over_the_spectrogram_in_either_theme(page):
    """What is behind it is opaque, so a light window does not shine through."""
    page.show_answers(replace(aligned(), asked_heat=np.eye(1, 4, dtype=np.float32)))
    picture = page.closely.picture
    assert page.closely.title.text() == "Attention map"
    assert picture.has_heat()
    assert not picture._image.hasAlphaChannel()
    page.show_answers(aligned())
    assert page.closely.title.text() == "Close up"
    assert not picture.isVisible()
