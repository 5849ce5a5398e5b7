"""Journeys to the query page's classes: an image, names typed by a person or the data's own, prompts; refusals are sentences."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtTest import QTest

from core.graph.document import Document
from core.runs.execute import execute
from core.runs.launch import queue
from core.store.database import Store
from core.store.library import Library
from tests.documents import tiny_clip
from tests.studio.journey import Person
from widgets.query.classes import ClassesForm
from widgets.query.question import PictureWell


@pytest.fixture
def person(sit_down, tmp_path) -> Person:
    """Someone before a trained run whose data names classes, with a red image in the well."""
    with Store.open(tmp_path / "runs.sqlite") as store:
        document = tiny_clip(steps=4, callbacks={"checkpointing": {}, "zero_shot": {"level": 1, "prompts": "{}"}})
        assert execute(store, queue(Library(store), document, name="small clip").uid) == "finished"
    person = sit_down(Document())
    person.runs()
    person.go_to("Query")
    Image.fromarray(np.full((40, 40, 3), (220, 20, 40), dtype=np.uint8)).save(tmp_path / "red.png")
    person.window.query.findChild(PictureWell).take(str(tmp_path / "red.png"))
    person.wait(lambda: person.window.query.answers() is not None)
    return person


def classify(person: Person, names: str, prompts: str = "") -> None:
    form = person.window.query.findChild(ClassesForm)
    for field, text in ((form.names, names), (form.prompts, prompts)):
        field.clear()
        QTest.keyClicks(field, text)
    person.click(form.button)


def test_typed_names_and_the_datas_own_classes(person):
    page = person.window.query
    classify(person, "red heart, cat, clock", "{}; a picture of {}")
    person.wait(lambda: page.answers().kind == "classes")
    typed = page.answers()
    assert sorted(answer.sentence for answer in typed.answers) == ["cat", "clock", "red heart"]
    scores = [answer.score for answer in typed.answers]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 3
    assert typed.asked.picture.shape[2] == 3
    classify(person, "")
    person.wait(lambda: page.answers() is not typed)
    own = page.answers()
    assert len(own.answers) == 9
    assert "Food & Drink" in {answer.sentence for answer in own.answers}
    classify(person, "cat; clock", "the {} emoji")
    person.wait(lambda: page.answers() is not own)
    assert {answer.sentence for answer in page.answers().answers} == {"cat", "clock"}


def test_what_cannot_be_classified_is_said(person):
    page = person.window.query
    before = page.answers()
    classify(person, "cat")
    person.wait(lambda: "nothing to choose" in page.message())
    classify(person, "cat, dog", "a picture")
    person.wait(lambda: "place for a class's name" in page.message())
    assert page.answers() is before
