"""The query page: a question goes out once, answers come back ranked, and a refusal is a sentence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QScrollArea

from core.store.answers import CheckpointFacts
from widgets.query.kinds import KINDS
from widgets.query.page import QueryPage
from widgets.query.question import PictureWell
from widgets.query.values import Askable, Asked, QueryAnswer, QueryAnswers, Ways
from widgets.query.words import checkpoint_name

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
def page(qtbot):
    view = QueryPage()
    qtbot.addWidget(view)
    view.resize(1200, 700)
    view.show()
    view.set_runs(RUNS)
    return view


def answers(count=6, kind="pictures"):
    picture = np.full((8, 8, 3), 120, dtype=np.uint8)
    made = tuple(
        QueryAnswer(
            score=0.9 - 0.1 * n, sentence=f"answer {n}", picture=picture if kind == "pictures" else None,
            picture_heat=np.eye(4, dtype=np.float32) if n == 1 else None, words=("answer", str(n)), word_heat=(0.2, 0.8),
        )
        for n in range(count)
    )  # fmt: skip
    return QueryAnswers(
        asked=Asked(sentence="a red heart", words=("a", "red", "heart")), kind=kind, answers=made, pool="20 pictures"
    )


def test_the_best_checkpoint_is_chosen_and_removed_ones_are_not_offered(page):
    assert (page.uid(), page.step()) == ("a", 200)
    assert page._choice.checkpoints.count() == 3


def test_a_sentence_is_asked_with_run_and_checkpoint(page, qtbot):
    QTest.keyClicks(page._sentence, "a red heart")
    with qtbot.waitSignal(page.askRequested) as caught:
        QTest.keyClick(page._sentence, Qt.Key.Key_Return)
    assert caught.args == ["a", 200, "a red heart", ""]


def test_nothing_is_asked_without_a_question(page, qtbot):
    assert not page._ask.isEnabled()
    assert page._ask.toolTip()
    with qtbot.assertNotEmitted(page.askRequested):
        QTest.keyClick(page._sentence, Qt.Key.Key_Return)


def drop(page, *paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(20, 20), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    page._well.dropEvent(event)


def test_a_dropped_picture_is_asked_at_once(page, qtbot, tmp_path):
    path = tmp_path / "heart.png"
    image = QImage(16, 16, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    assert image.save(str(path))
    QTest.keyClicks(page._sentence, "words")
    with qtbot.waitSignal(page.askRequested) as caught:
        drop(page, path)
    assert caught.args == ["a", 200, "", str(path)]
    assert page._sentence.text() == ""


@pytest.mark.parametrize(
    ("name", "content", "words"), [("a.txt", b"hello", "not an image"), ("a.png", b"no png", "cannot be read")]
)
def test_what_is_no_picture_is_refused_in_a_sentence(page, qtbot, tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with qtbot.assertNotEmitted(page.askRequested):
        drop(page, tmp_path / name)
    assert words in page.message()


@pytest.mark.parametrize(("uid", "words"), [("b", "no checkpoint"), ("c", "not installed")])
def test_why_a_run_cannot_be_asked(page, uid, words):
    page.choose(uid)
    QTest.keyClicks(page._sentence, "a red heart")
    assert words in page.message()
    assert not page._ask.isEnabled()


def test_before_anything_is_asked_nothing_is_offered_to_be_played(page):
    assert not page.closely.play_button.isVisible()
    assert not page.closely.lit.isVisible()
    assert "shown here closely" in page.closely.about.text()


def test_in_a_low_window_what_a_run_can_answer_is_not_cut(page, qtbot):
    page.resize(1024, 560)
    long = dict.fromkeys(KINDS, "No block here does that, for it would have to be one that nobody has drawn yet. " * 2)
    page.set_ways(page.uid(), Ways(finds={}, answers=long))
    labels = page._results._kinds._words.values()
    qtbot.waitUntil(
        lambda: all(label.height() >= label.heightForWidth(label.width()) > 40 for label in labels), timeout=2000
    )


def test_which_score_chose_a_checkpoint_is_said_without_a_key():
    facts = CheckpointFacts(step=8, path="x", metric="score/validation/view_contrast/R@1 from 4", value=0.5, best=True)
    assert checkpoint_name(facts) == "step 8 · validation · R@1 from 4 views 50.0 % · best"


def test_no_run_says_what_to_do(page):
    page.set_runs(())
    assert "Train one" in page.message()


def test_progress_can_be_cancelled(page, qtbot):
    page._sentence.setText("a red heart")
    page.show_progress("Embedding 80 of 167 pictures", 0.5)
    assert page._cancel.isVisible()
    assert not page._ask.isEnabled()
    assert page._progress.value() == 50
    with qtbot.waitSignal(page.cancelRequested):
        page._cancel.click()
    page.show_refusal("Cancelled.")
    assert page.message() == "Cancelled."
    assert page._ask.isEnabled()
    assert not page._progress.isVisible()


def test_answers_are_shown_and_picked(page):
    page.show_answers(answers())
    tiles = page._results.tiles
    assert tiles.picked() == 0
    QTest.mouseClick(tiles, Qt.MouseButton.LeftButton, pos=tiles.place(1).center().toPoint())
    assert tiles.picked() == 1
    assert page.closely.picture.has_heat()
    assert "0.800" in page.closely.about.text()
    QTest.keyClick(tiles, Qt.Key.Key_Right)
    assert tiles.picked() == 2
    assert not page.closely.picture.has_heat()


def test_sentences_are_a_list(page):
    page.show_answers(answers(kind="sentences"))
    assert page._results.tiles.place(1).top() > page._results.tiles.place(0).bottom()
    assert page.closely.words._words == ("answer", "0")
    page.closely.lit.setChecked(False)
    assert page.closely.words._weights == ()


def test_no_answer_is_said(page):
    page.show_answers(answers(0))
    assert page._results.empty.isVisible()
    assert page.closely.about.text() == "What is picked among the results is shown here closely."


def test_the_attention_can_be_switched_off(page):
    page.show_answers(answers())
    page._results.tiles.pick(1)
    lit = page.closely.picture.grab().toImage()
    page.closely.lit.setChecked(False)
    assert page.closely.picture.grab().toImage() != lit


def test_runs_may_come_again_without_losing_the_choice(page):
    page.choose("b")
    page.set_runs(RUNS)
    assert page.uid() == "b"


def test_clicks_beside_the_tiles_do_nothing(page):
    page.show_answers(answers(2))
    QTest.mouseClick(page._results.tiles, Qt.MouseButton.LeftButton, pos=QPoint(page._results.tiles.width() - 2, 4))
    assert page._results.tiles.picked() == 0


def test_a_new_checkpoint_does_not_change_the_chosen_one(page):
    page.choose("a", 100)
    more = replace(RUNS[0], checkpoints=(*RUNS[0].checkpoints, CheckpointFacts(step=400, path="n", best=True)))
    page.set_runs((more, *RUNS[1:]))
    assert (page.uid(), page.step()) == ("a", 100)
    assert page._choice.checkpoints.findData(400) >= 0


FUSED = Ways(finds={"sentence": "pictures", "picture": "pictures", "both": "pictures"})


def heart(folder):
    image = QImage(16, 16, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    assert image.save(str(folder / "heart.png"))
    return folder / "heart.png"


def test_how_a_run_can_be_asked_is_wanted_once_and_only_when_seen(qtbot):
    view = QueryPage()
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


def test_a_run_that_takes_both_is_asked_with_both(page, qtbot, tmp_path):
    page.set_ways("a", FUSED)
    assert page._by_both.isVisible()
    assert "→ images" in page._by_picture.text()
    with qtbot.waitSignal(page.askRequested) as caught:
        drop(page, heart(tmp_path))
    assert caught.args == ["a", 200, "", str(tmp_path / "heart.png")]
    QTest.keyClicks(page._sentence, "a red heart")
    with qtbot.waitSignal(page.askRequested) as caught:
        QTest.keyClick(page._sentence, Qt.Key.Key_Return)
    assert caught.args == ["a", 200, "a red heart", str(tmp_path / "heart.png")]
    QTest.mouseClick(page._well, Qt.MouseButton.LeftButton, pos=page._well.corner().center().toPoint())
    with qtbot.waitSignal(page.askRequested) as caught:
        QTest.mouseClick(page._ask, Qt.MouseButton.LeftButton)
    assert caught.args == ["a", 200, "a red heart", ""]


def test_what_a_run_cannot_be_asked_is_said_before_asking(page):
    why = "This run cannot be asked: nothing in it compares."
    page.set_ways("a", Ways(finds={}, why_not={"sentence": why, "picture": why, "both": why}))
    assert page.message() == page._results.empty.text() == why
    QTest.keyClicks(page._sentence, "a red heart")
    assert not page._ask.isEnabled()
    assert not page._well.isEnabled()
    page.choose("c")
    assert page.message() != why


def test_a_run_that_needs_both_waits_for_both(page, tmp_path):
    alone = "This run cannot be asked with a sentence alone. Give it an image."
    page.set_ways("a", Ways(finds={"both": "pictures"}, why_not={"sentence": alone}))
    QTest.keyClicks(page._sentence, "a red heart")
    assert not page._ask.isEnabled()
    assert page.message() == alone
    drop(page, heart(tmp_path))
    assert page._sentence.text() == "a red heart"
    assert page._ask.isEnabled()
    assert page.message() == ""


def test_a_dropped_picture_is_shown_as_the_camera_was_held(qtbot, tmp_path):
    marks = Image.Exif()
    marks[0x0112] = 6
    Image.new("RGB", (60, 40)).save(tmp_path / "phone.jfif", "JPEG", exif=marks.tobytes())
    well = PictureWell()
    qtbot.addWidget(well)
    assert well.take(str(tmp_path / "phone.jfif"))
    assert (well._image.width(), well._image.height()) == (40, 60)


def test_a_long_name_asks_for_no_wider_column(qtbot):
    page = QueryPage()
    qtbot.addWidget(page)
    page.set_runs((replace(RUNS[0], name="a name that is much longer than a column is wide " * 3), *RUNS[1:]))
    page.choose("a")
    page.show()
    column = next(area for area in page.findChildren(QScrollArea) if area.isAncestorOf(page._sentence))
    assert column.widget().sizeHint().width() <= column.width()


def test_the_newest_run_that_can_be_asked_is_chosen_first(qtbot):
    view = QueryPage()
    qtbot.addWidget(view)
    fresh, asked = RUNS[1], RUNS[0]
    view.set_runs([fresh, asked])
    assert view.uid() == "a"
    view.choose("b")
    view.set_runs([replace(fresh, uid="d"), fresh, asked])
    assert view.uid() == "b", "a choice is kept"


def test_a_question_without_an_answer_leaves_none_to_another(page):
    page.show_answers(answers())
    assert page._results.tiles.isVisible()
    page.show_refusal("Not dropped here.")
    page.show_nothing("One class leaves nothing to choose.")
    assert page.answers() is not None, "what was given is still what they are about"
    QTest.keyClicks(page._sentence, "another")
    page.show_nothing("broken.png cannot be read.")
    assert page.answers() is None
    assert page._results.empty.isVisible()
    assert "shown here closely" in page.closely.about.text()
    assert page.message() == "broken.png cannot be read."
