"""Which kinds of answers a run can give, in words; and the form that asks for images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.store.answers import CheckpointFacts
from widgets.look.language import use_language
from widgets.query.kinds import KINDS, KindList
from widgets.query.page import QueryPage
from widgets.query.values import Askable, Asked, MakingWish, QueryAnswer, QueryAnswers, Ways
from widgets.query.words import found_words

WHY = dict.fromkeys(KINDS, "No block here does that.")
PAINTER = Ways(
    finds={}, why_not={"sentence": "It cannot be searched."}, answers={**WHY, "generate": "", "reconstruct": ""},
    paints_sentences=True,
)  # fmt: skip


@pytest.fixture
def page(qtbot):
    page = QueryPage()
    qtbot.addWidget(page)
    page.resize(1200, 800)
    page.set_runs([Askable(uid="a", name="painter", checkpoints=(CheckpointFacts(step=7, path="x"),))])
    page.show()
    page.set_ways("a", PAINTER)
    return page


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_all_eight_say_why_or_why_not(qtbot, language):
    try:
        use_language(language)
        kinds = KindList()
        qtbot.addWidget(kinds)
        kinds.set_ways(PAINTER)
        said = kinds.sentences()
        assert tuple(said) == KINDS
        assert len(set(said.values())) == 8
        can = {kind for kind in KINDS if kinds._marks[kind].text() == "✓"}
        assert can == {"generate", "reconstruct"}
        assert ("seeds" if language == "en" else "随机种子") in said["generate"]
        assert all(said[kind].endswith("No block here does that.") for kind in KINDS if kind not in can)
    finally:
        use_language("en")


def test_what_a_run_of_videos_lacks_is_said_of_videos(qtbot):
    kinds = KindList()
    qtbot.addWidget(kinds)
    film = {"classify": "None names a class of videos.", "localise": ""}
    kinds.set_ways(Ways(finds={}, answers={**WHY, "localise": ""}, of_film=film))
    assert kinds.sentences()["classify"] == "Classify: None names a class of videos."
    assert kinds.sentences()["generate"] == "Make images: No block here does that."


def test_whatever_can_be_answered_says_why(qtbot):
    kinds = KindList()
    qtbot.addWidget(kinds)
    told = ("retrieve", "classify", "caption", "generate", "reconstruct", "align")
    kinds.set_ways(Ways(finds={}, answers=dict.fromkeys(told, "")))
    assert all(kinds.sentences()[kind].rstrip().endswith(".") for kind in told)


def test_nothing_is_said_before_it_is_known(qtbot):
    kinds = KindList()
    qtbot.addWidget(kinds)
    kinds.set_ways(Ways(finds={"sentence": "pictures"}))
    assert not kinds.isVisibleTo(kinds.parentWidget())


def test_a_run_that_is_not_searched_is_asked_for_images(page, qtbot):
    assert not page._ask.isEnabled()
    assert page._ask.toolTip() == "It cannot be searched."
    assert page._sentence.isEnabled()
    assert page.message() == ""
    page._sentence.setText("red heart")
    page._making.count.setValue(5)
    page._making.seed.setValue(2**31 - 1)
    with qtbot.waitSignal(page.generateRequested) as asked:
        page._making.generate.click()
    assert asked.args == ["a", 7, MakingWish(count=5, seed=2**31 - 1, sentence="red heart")]
    with qtbot.waitSignal(page.reconstructRequested) as asked:
        page._making.reconstruct.click()
    assert asked.args == ["a", 7, 5, 2**31 - 1, ""]
    page.show_progress("Made 1 of 5", 0.2)
    assert not page._making.generate.isEnabled()


def test_guidance_can_be_turned_all_the_while_and_a_walk_has_another_end(page, qtbot):
    assert not page._making.guidance.isVisibleTo(page._making)
    page.set_ways("a", Ways(finds={}, answers={**WHY, "generate": ""}, paints_sentences=True, guidance=3.0, walks=True))
    assert page._making.guidance.value() == 3.0
    page.show_progress("Made 1 of 5", 0.2)
    with qtbot.waitSignal(page.guidanceTurned) as turned:
        page._making.guidance.setValue(7.5)
    assert turned.args == [7.5]
    page._making.seed.setValue(3)
    assert page._making.wish().to is None
    page._making.to.setText("blue moon")
    assert page._making.wish().to == ("blue moon", 3)
    page._making.to_seed.setValue(9)
    assert page._making.wish().to == ("blue moon", 9)


def test_images_are_shown_while_they_are_made(page):
    page.show_progress("Made 0 of 2", 0.0)
    half = QueryAnswer(sentence="3/20", picture=np.zeros((4, 4, 3), np.uint8))
    page.show_drawn(QueryAnswers(asked=Asked(), kind="made", answers=(half,), is_partial=True))
    assert page.closely.about.text() == "3/20"
    assert page._cancel.isVisibleTo(page)  # it can still be cancelled


def test_made_images_have_no_score_and_cancelled_ones_are_said(page):
    answers = tuple(QueryAnswer(sentence=f"seed {n}", picture=np.zeros((4, 4, 3), np.uint8)) for n in range(2))
    page.show_answers(QueryAnswers(asked=Asked(), kind="made", answers=answers, made=2, seconds=0.5))
    assert page.message() == "2 images made, 0.50 s"
    assert page.closely.about.text() == "seed 0"
    page.show_answers(QueryAnswers(asked=Asked(), kind="made", answers=answers[:1], made=1, is_partial=True))
    assert page.message() == "Cancelled; 1 results so far"


def test_what_cannot_be_made_is_not_offered(page):
    page.set_ways("a", Ways(finds={"sentence": "pictures"}, answers={**WHY, "retrieve": ""}))
    assert not page._making.isVisible()
    assert page._results._kinds.isVisible()


@pytest.mark.parametrize("kind", ["written", "transcribed"])
def test_nothing_that_was_written_is_told_so(kind):
    answers = QueryAnswers(asked=Asked(), kind=kind, answers=(), written=" ", seconds=0.5)
    assert found_words(answers) == "No word was written, 0.50 s"
    assert found_words(replace(answers, written="one")) == "“one”, 0.50 s"
