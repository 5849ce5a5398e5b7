"""A word lights the frames that count for it, a patch the words; the strip over the answers is lit alike."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest

from core.store.answers import CheckpointFacts
from widgets.query.film_look import FilmLookView
from widgets.query.page import QueryPage
from widgets.query.values import Askable, Asked, Filming, FilmLooks, FilmLookWish, QueryAnswer, QueryAnswers, Ways

FILM = Filming(tiles=tuple(np.full((16, 16, 3), 40 * n, np.uint8) for n in range(4)), seconds=2.0, frames=50)


def looks_of(**changes) -> FilmLooks:
    """Four frames of 2 by 2 cells; of three words each counts on one cell of one frame."""
    by_word = np.zeros((3, 4, 2, 2), np.float32)
    for word, (frame, row, column) in enumerate(((0, 0, 0), (1, 1, 1), (3, 0, 1))):
        by_word[word, frame, row, column] = 1
    even = np.full((4, 2, 2), 1 / 16, np.float32)
    told = {"rollout": even, "gradient": by_word.mean(0)}
    settings = {"by_way": told, "words": ("a", "red", "ball"), "by_word": by_word} | changes
    return FilmLooks(frames=FILM.tiles, starts=(0.0, 0.5, 1.0, 1.5), end=2.0, **settings)


@pytest.fixture
def view(qtbot):
    made = FilmLookView()
    qtbot.addWidget(made)
    made.resize(320, 420)
    made.show()
    return made


def test_a_word_that_is_pointed_at_lights_its_frame_and_all_are_lit_again_without_it(view, qtbot):
    view.show_looks(looks_of())
    assert view.map() == pytest.approx(np.full((4, 2, 2), 1 / 16))
    with qtbot.waitSignal(view.mapChanged) as lit:
        view.words.wordHovered.emit(1)
    assert lit.args[0][1, 1, 1] == 1
    assert view.about.text().startswith("frame at 0.50 s: 100 %")
    view.words.wordHovered.emit(-1)
    assert view.map()[1, 1, 1] == pytest.approx(1 / 16)
    view.words.wordChosen.emit(2)
    assert view.map()[3, 0, 1] == 1, "a click keeps it"
    view.words.wordChosen.emit(2)
    assert view.map()[3, 0, 1] == pytest.approx(1 / 16), "a second one lets it go"


def test_a_cell_that_is_pointed_at_lights_its_words(view):
    view.show_looks(looks_of())
    assert view.word_weights() is None
    view.frames.patchHovered.emit(1, 3)  # two frames in a row: the lower right cell of the second
    assert view.word_weights().tolist() == [0, 1, 0]
    view.frames.patchHovered.emit(2, 3)  # the upper right cell of the fourth
    assert view.word_weights().tolist() == [0, 0, 1]
    assert view.about.text().startswith("frame at 1.50 s")


def test_the_way_is_chosen_and_the_light_switched_off(view):
    view.show_looks(looks_of())
    assert [view.ways.itemData(n) for n in range(2)] == ["rollout", "gradient"]
    view.ways.setCurrentIndex(1)
    view.ways.activated.emit(1)
    assert view.map()[0, 0, 0] == pytest.approx(1 / 3)
    view.set_lit(False)
    assert view.map() is None
    view.show_looks(looks_of(by_way={"words": np.full((4, 2, 2), 1 / 16, np.float32)}))
    assert view.ways.isHidden(), "there is nothing to choose"


def test_the_page_asks_for_the_answer_that_is_picked_and_lights_the_strip(qtbot):
    page = QueryPage()
    qtbot.addWidget(page)
    page.resize(1200, 800)
    page.set_runs([Askable(uid="a", name="films", checkpoints=(CheckpointFacts(step=7, path="x"),))])
    page.show()
    page.set_ways("a", Ways(finds={}, of_film={"classify": ""}))
    page._watching.well.path = "/there/one.mp4"
    answers = tuple(QueryAnswer(score=0.5, sentence=name) for name in ("run", "jump"))
    with qtbot.waitSignal(page.lookWanted) as wanted:
        page.show_answers(QueryAnswers(asked=Asked(film=FILM), kind="classes", answers=answers))
    assert wanted.args == ["a", 7, FilmLookWish(path="/there/one.mp4", kind="classes", answer="run")]
    page.show_looks(FilmLookWish(path="/there/one.mp4", kind="classes", answer="jump"), looks_of())
    assert page.closely.look.isHidden(), "that was not asked"
    page.show_looks(wanted.args[2], looks_of())
    assert page.closely.look.isVisible()
    times = page._results.stage.times
    plain = times.grab().toImage()
    page.closely.look.words.wordChosen.emit(1)
    lit = times.grab().toImage()
    places = [QPoint(round((frame + 0.5) / 4 * times.width()), 50) for frame in range(4)]
    changed = [plain.pixel(place) != lit.pixel(place) for place in places]
    assert changed[1], "where the word counts"
    with qtbot.waitSignal(page.lookWanted):
        page._results.tiles.pick(1)
    page.show_looks(FilmLookWish(path="/there/one.mp4", kind="classes", answer="jump"), None)
    assert page.closely.look.isHidden(), "nothing is known of it"


def test_a_caption_is_lit_word_by_word(qtbot):
    page = QueryPage()
    qtbot.addWidget(page)
    page.show()
    words = tuple(QueryAnswer(sentence=word) for word in ("a", "red", "ball"))
    asked = Asked(film=FILM, looks=looks_of(by_way={"words": np.full((4, 2, 2), 1 / 16, np.float32)}))
    with qtbot.assertNotEmitted(page.lookWanted):
        page.show_answers(QueryAnswers(asked=asked, kind="written", answers=words, written="a red ball"))
    page._results.tiles.pick(1)
    assert page.closely.look.map()[1, 1, 1] == 1
    QTest.mouseMove(page.closely.look.words, QPoint(0, 0))
