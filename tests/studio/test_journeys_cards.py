"""A picture says where it came from: dropped on the window it comes back to its run, or offers to reproduce it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage

from core.exploring.carriers import found_in
from core.store.database import Store
from core.store.library import Library
from studio.watching.result_cards import read_card
from tests.documents import tiny_clip
from tests.said_runs import said_run
from tests.studio.journey import LEFT, NO, Person

R10 = "selection/validation/R@10"


def drop_on_window(person: Person, path: Path) -> bool:
    """A file from the desktop, let go over the page; whether the window took it."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    window = person.window
    enter = QDragEnterEvent(QPointF(300, 300).toPoint(), Qt.DropAction.CopyAction, data, LEFT, NO)
    enter.ignore()
    window.dragEnterEvent(enter)
    window.dropEvent(QDropEvent(QPointF(300, 300), Qt.DropAction.CopyAction, data, LEFT, NO))
    return enter.isAccepted()


def test_a_picture_comes_back_to_its_run_and_is_reproduced_where_that_is_gone(
    sit_down: Callable[..., Person], tmp_path: Path, monkeypatch: Any
) -> None:
    figures = {"loss": [3.0, 2.0, 1.5, 1.0], R10: [0.1, 0.2, 0.3, 0.4]}
    document = tiny_clip(steps=40)
    with Store.open(tmp_path / "runs.sqlite") as store:
        uid = said_run(Library(store), "the paper's", figures, every=10, seed=3, document=document).uid
        other = said_run(Library(store), "another", figures, every=10, seed=4, document=document).uid
    person = sit_down()
    person.wait(lambda: person.session.facts(uid))
    person.session.watch(uid, 30)
    person.window.show_page("train")
    person.wait(lambda: person.window.pump.cursor.step == 30 and not person.window.wall.monitors["loss"].message())
    places = [tmp_path / "loss.png", tmp_path / "loss.svg"]
    for place in places:
        monkeypatch.setattr("PySide6.QtWidgets.QFileDialog.getSaveFileName", lambda *_, place=place: (str(place), ""))
        person.window.wall.monitors["loss"].pictureRequested.emit()
        card = read_card(place)
        assert (card.run, card.step, card.seed, card.shows) == (uid, 30, 3, "loss")
        assert card.scores[R10] == 0.3, "as it was at that step"
        assert card.versions["torch"]
    assert QImage(str(places[0])).width() > 100
    assert b"<svg" in places[1].read_bytes()

    person.session.watch(other)
    person.window.show_page("design")
    for place in places:
        person.session.watch(other)
        assert drop_on_window(person, place)
        person.wait(lambda: person.session.watched == uid)
        assert person.window.pages.current == "train"
        person.wait(lambda: person.window.pump.cursor.step == 30)

    person.session.library.delete(uid)
    person.runs()
    assert drop_on_window(person, places[0])
    person.click(person.button("Open its experiment"))
    assert person.session.document.recipe.seed == 3
    assert person.window.pages.current == "design"
    again = {"loss": [3.0, 2.0, 1.5, 1.0], R10: [0.1, 0.2, 0.25, 0.4]}
    said_run(person.session.library, "again", again, every=10, seed=3, document=person.session.document)
    person.runs()
    person.wait(lambda: any("30.0 %" in said for said in person.said))
    told = next(said for said in person.said if "30.0 %" in said)
    assert "again at step 30" in told
    assert "25.0 %, on the card 30.0 % (−5.0 pp)" in told

    plain = tmp_path / "plain.png"
    person.window.grab().save(str(plain))
    assert found_in(plain.read_bytes()) == ""
    drop_on_window(person, plain)
    assert "can be read as data" in person.window.messages.sentence
    (tmp_path / "text.txt").write_text("no picture")
    assert not drop_on_window(person, tmp_path / "text.txt")


@pytest.mark.long
def test_the_timeline_is_filmed_with_the_card_and_can_be_stopped(
    sit_down: Callable[..., Person], tmp_path: Path, monkeypatch: Any
) -> None:
    with Store.open(tmp_path / "runs.sqlite") as store:
        uid = said_run(Library(store), "filmed", {"loss": [3.0, 2.0, 1.5, 1.0]}, every=10).uid
    person = sit_down()
    person.wait(lambda: person.session.facts(uid))
    person.session.watch(uid, 30)
    person.window.show_page("train")
    film = tmp_path / "film.webm"
    monkeypatch.setattr("PySide6.QtWidgets.QFileDialog.getSaveFileName", lambda *_: (str(film), ""))
    person.window.pump.set_step(30)
    person.choose("save_film")
    assert person.window.filming.why_not() == "A film is being made."
    person.wait(lambda: any("A film of 40 steps" in said for said in person.said))
    assert read_card(film).run == uid
    assert person.window.pump.cursor.step == 30
    person.choose("save_film")
    person.click(person.button("Cancel"))
    person.wait(lambda: "cancelled" in person.said[-1])
