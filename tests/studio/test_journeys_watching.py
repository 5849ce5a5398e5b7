"""A journey with a film: drop it on the query page, see its frames, ask for its class, its actions in time, and what is like it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.graph.document import Document
from core.runs.execute import execute
from core.runs.launch import queue
from core.store.database import Store
from core.store.library import Library
from tests.core.data.films import film
from tests.core.inference.test_watching import runs_and_jumps, watcher
from tests.documents import tiny_clip
from tests.studio.journey import drop


@pytest.fixture
def trained(tmp_path) -> str:
    """A finished run of films with every objective that tells something of one."""
    with Store.open(tmp_path / "runs.sqlite") as store:
        uid = queue(Library(store), watcher(runs_and_jumps(tmp_path / "films")), name="films").uid
        assert execute(store, uid) == "finished"
        return uid


def test_a_film_is_dropped_and_asked_about(sit_down, trained, tmp_path):
    person = sit_down(Document())
    person.runs()
    person.go_to("Query")
    page = person.window.query
    person.wait(lambda: page._watching.isVisible())
    film(tmp_path / "new.mp4", range(25))
    drop(page._watching.well, tmp_path / "new.mp4")
    person.wait(lambda: page.answers() is not None)
    assert page.answers().kind == "sentences"
    assert page.answers().asked.film.frames == 25
    assert page._results.stage.isVisible()
    player = page._results.stage.film
    person.wait(lambda: player.picture.image is not None)
    person.press(Qt.Key.Key_Period, on=player)
    assert player.words.text() == "frame 2 of 25 · 0.040 s"
    person.wait(page.closely.look.isVisible)
    assert page.closely.look.map().shape == (4, 2, 2), "where in it the first caption comes from"
    person.click(page._watching.buttons["classify"])
    person.wait(lambda: page.answers().kind == "classes")
    assert sum(answer.score for answer in page.answers().answers) == pytest.approx(1)
    person.click(page._watching.buttons["localise"])
    person.wait(lambda: page.answers().kind == "actions")
    assert len(page._results.stage.times.boxes()) == len(page.answers().answers) > 0
    person.click(page._watching.buttons["caption"])
    person.wait(lambda: page.answers().kind == "written")
    QTest.keyClicks(page._sentence, "run")
    QTest.keyClick(page._sentence, Qt.Key.Key_Return)
    person.wait(lambda: page.answers().kind == "films")
    assert all(answer.picture.shape == (192, 288, 3) for answer in page.answers().answers), "six frames of each"
    person.wait(lambda: page.closely.film.picture.image is not None)  # the first of them can be played
    drop(page._watching.well, tmp_path / "none.mp4")
    person.wait(lambda: "none.mp4" in page.message())


def test_a_run_that_takes_no_film_shows_no_place_for_one(sit_down, tmp_path):
    with Store.open(tmp_path / "runs.sqlite") as store:
        uid = queue(Library(store), tiny_clip(steps=1, callbacks={"checkpointing": {}}), name="images").uid
        assert execute(store, uid) == "finished"
    person = sit_down(Document())
    person.runs()
    person.go_to("Query")
    page = person.window.query
    person.wait(lambda: page._way().answers)
    assert not page._watching.isVisible()
    assert page._way().of_film["classify"].startswith("No block here names a class of videos")
