"""The inference desk: a question goes out once, answers come back ranked, and a refusal is a sentence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage
from PySide6.QtTest import QTest

from core.store.answers import CheckpointFacts
from widgets.desk.desk import DeskView
from widgets.desk.question import PictureWell
from widgets.desk.values import Askable, Asked, DeskAnswer, DeskAnswers, Ways

RUNS = (
    Askable(
        uid="a", name="mini-CLIP",
        checkpoints=(
            CheckpointFacts(step=100, path="x", metric="R@10", value=0.31),
            CheckpointFacts(step=200, path="y", metric="R@10", value=0.41, best=True),
            CheckpointFacts(step=300, path="z"),
            CheckpointFacts(step=50, path="w", kept=False),
        ),
    ),
    Askable(uid="b", name="fresh", checkpoints=()),
    Askable(
        uid="c", name="other", checkpoints=(CheckpointFacts(step=10, path="c"),),
        why_not="This run was trained with a block that is not installed.",
    ),
)  # fmt: skip


@pytest.fixture
def desk(qtbot):
    view = DeskView()
    qtbot.addWidget(view)
    view.resize(1200, 700)
    view.show()
    view.set_runs(RUNS)
    return view


def answers(count=6, kind="pictures"):
    picture = np.full((8, 8, 3), 120, dtype=np.uint8)
    made = tuple(
        DeskAnswer(
            score=0.9 - 0.1 * n, sentence=f"answer {n}", picture=picture if kind == "pictures" else None,
            picture_heat=np.eye(4, dtype=np.float32) if n == 1 else None, words=("answer", str(n)), word_heat=(0.2, 0.8),
        )
        for n in range(count)
    )  # fmt: skip
    return DeskAnswers(
        asked=Asked(sentence="a red heart", words=("a", "red", "heart")), kind=kind, answers=made, pool="20 pictures"
    )


def test_the_best_checkpoint_is_chosen_and_removed_ones_are_not_offered(desk):
    assert (desk.uid(), desk.step()) == ("a", 200)
    assert desk._checkpoints.count() == 3


def test_a_sentence_is_asked_with_run_and_checkpoint(desk, qtbot):
    QTest.keyClicks(desk._sentence, "a red heart")
    with qtbot.waitSignal(desk.askRequested) as caught:
        QTest.keyClick(desk._sentence, Qt.Key.Key_Return)
    assert caught.args == ["a", 200, "a red heart", ""]


def test_nothing_is_asked_without_a_question(desk, qtbot):
    assert not desk._ask.isEnabled()
    assert desk._ask.toolTip()
    with qtbot.assertNotEmitted(desk.askRequested):
        QTest.keyClick(desk._sentence, Qt.Key.Key_Return)


def drop(desk, *paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(20, 20), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    desk._well.dropEvent(event)


def test_a_dropped_picture_is_asked_at_once(desk, qtbot, tmp_path):
    path = tmp_path / "heart.png"
    image = QImage(16, 16, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    assert image.save(str(path))
    QTest.keyClicks(desk._sentence, "words")
    with qtbot.waitSignal(desk.askRequested) as caught:
        drop(desk, path)
    assert caught.args == ["a", 200, "", str(path)]
    assert desk._sentence.text() == ""


@pytest.mark.parametrize(
    ("name", "content", "words"), [("a.txt", b"hello", "not an image"), ("a.png", b"no png", "cannot be read")]
)
def test_what_is_no_picture_is_refused_in_a_sentence(desk, qtbot, tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with qtbot.assertNotEmitted(desk.askRequested):
        drop(desk, tmp_path / name)
    assert words in desk.message()


@pytest.mark.parametrize(("uid", "words"), [("b", "no checkpoint"), ("c", "not installed")])
def test_why_a_run_cannot_be_asked(desk, uid, words):
    desk.choose(uid)
    QTest.keyClicks(desk._sentence, "a red heart")
    assert words in desk.message()
    assert not desk._ask.isEnabled()


def test_no_run_says_what_to_do(desk):
    desk.set_runs(())
    assert "Train one" in desk.message()


def test_progress_can_be_cancelled(desk, qtbot):
    desk._sentence.setText("a red heart")
    desk.show_progress("Embedding 80 of 167 pictures", 0.5)
    assert desk._cancel.isVisible()
    assert not desk._ask.isEnabled()
    assert desk._progress.value() == 50
    with qtbot.waitSignal(desk.cancelRequested):
        desk._cancel.click()
    desk.show_refusal("Cancelled.")
    assert desk.message() == "Cancelled."
    assert desk._ask.isEnabled()
    assert not desk._progress.isVisible()


def test_answers_are_shown_and_picked(desk):
    desk.show_answers(answers())
    tiles = desk._tiles
    assert tiles.picked() == 0
    QTest.mouseClick(tiles, Qt.MouseButton.LeftButton, pos=tiles.place(1).center().toPoint())
    assert tiles.picked() == 1
    assert desk._picture.has_heat()
    assert "0.800" in desk._about.text()
    QTest.keyClick(tiles, Qt.Key.Key_Right)
    assert tiles.picked() == 2
    assert not desk._picture.has_heat()


def test_sentences_are_a_list(desk):
    desk.show_answers(answers(kind="sentences"))
    assert desk._tiles.place(1).top() > desk._tiles.place(0).bottom()
    assert desk._words._words == ("answer", "0")
    desk._lit.setChecked(False)
    assert desk._words._weights == ()


def test_no_answer_is_said(desk):
    desk.show_answers(answers(0))
    assert desk._empty.isVisible()
    assert desk._about.text() == ""


def test_the_attention_can_be_switched_off(desk):
    desk.show_answers(answers())
    desk._tiles.pick(1)
    lit = desk._picture.grab().toImage()
    desk._lit.setChecked(False)
    assert desk._picture.grab().toImage() != lit


def test_runs_may_come_again_without_losing_the_choice(desk):
    desk.choose("b")
    desk.set_runs(RUNS)
    assert desk.uid() == "b"


def test_clicks_beside_the_tiles_do_nothing(desk):
    desk.show_answers(answers(2))
    QTest.mouseClick(desk._tiles, Qt.MouseButton.LeftButton, pos=QPoint(desk._tiles.width() - 2, 4))
    assert desk._tiles.picked() == 0


def test_a_new_checkpoint_does_not_change_the_chosen_one(desk):
    desk.choose("a", 100)
    more = replace(RUNS[0], checkpoints=(*RUNS[0].checkpoints, CheckpointFacts(step=400, path="n", best=True)))
    desk.set_runs((more, *RUNS[1:]))
    assert (desk.uid(), desk.step()) == ("a", 100)
    assert desk._checkpoints.findData(400) >= 0


FUSED = Ways(finds={"sentence": "pictures", "picture": "pictures", "both": "pictures"})


def heart(folder):
    image = QImage(16, 16, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    assert image.save(str(folder / "heart.png"))
    return folder / "heart.png"


def test_how_a_run_can_be_asked_is_wanted_once_and_only_when_seen(qtbot):
    view = DeskView()
    qtbot.addWidget(view)
    wanted = []
    view.waysWanted.connect(wanted.append)
    view.set_runs(RUNS)
    assert wanted == []
    view.show()
    view.choose("c")
    view.choose("a")
    view.choose("b")  # no checkpoint: nothing to ask
    assert wanted == ["a", "c"]


def test_a_run_that_takes_both_is_asked_with_both(desk, qtbot, tmp_path):
    desk.set_ways("a", FUSED)
    assert desk._by_both.isVisible()
    assert "→ images" in desk._by_picture.text()
    with qtbot.waitSignal(desk.askRequested) as caught:
        drop(desk, heart(tmp_path))
    assert caught.args == ["a", 200, "", str(tmp_path / "heart.png")]
    QTest.keyClicks(desk._sentence, "a red heart")
    with qtbot.waitSignal(desk.askRequested) as caught:
        QTest.keyClick(desk._sentence, Qt.Key.Key_Return)
    assert caught.args == ["a", 200, "a red heart", str(tmp_path / "heart.png")]
    QTest.mouseClick(desk._well, Qt.MouseButton.LeftButton, pos=desk._well.corner().center().toPoint())
    with qtbot.waitSignal(desk.askRequested) as caught:
        QTest.mouseClick(desk._ask, Qt.MouseButton.LeftButton)
    assert caught.args == ["a", 200, "a red heart", ""]


def test_what_a_run_cannot_be_asked_is_said_before_asking(desk):
    why = "This run cannot be asked: nothing in it compares."
    desk.set_ways("a", Ways(finds={}, why_not={"sentence": why, "picture": why, "both": why}))
    assert desk.message() == desk._empty.text() == why
    QTest.keyClicks(desk._sentence, "a red heart")
    assert not desk._ask.isEnabled()
    assert not desk._well.isEnabled()
    desk.choose("c")
    assert desk.message() != why


def test_a_run_that_needs_both_waits_for_both(desk, tmp_path):
    alone = "This run cannot be asked with a sentence alone. Give it an image."
    desk.set_ways("a", Ways(finds={"both": "pictures"}, why_not={"sentence": alone}))
    QTest.keyClicks(desk._sentence, "a red heart")
    assert not desk._ask.isEnabled()
    assert desk.message() == alone
    drop(desk, heart(tmp_path))
    assert desk._sentence.text() == "a red heart"
    assert desk._ask.isEnabled()
    assert desk.message() == ""


def test_a_dropped_picture_is_shown_as_the_camera_was_held(qtbot, tmp_path):
    marks = Image.Exif()
    marks[0x0112] = 6
    Image.new("RGB", (60, 40)).save(tmp_path / "phone.jfif", "JPEG", exif=marks.tobytes())
    well = PictureWell()
    qtbot.addWidget(well)
    assert well.take(str(tmp_path / "phone.jfif"))
    assert (well._image.width(), well._image.height()) == (40, 60)
