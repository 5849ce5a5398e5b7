"""A journey to a run that makes images: generate some, rebuild one's own, read what else it could answer; then the monitor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.graph.document import Document
from core.runs.execute import execute
from core.runs.launch import queue
from core.store.database import Store
from core.store.library import Library
from tests.core.compiler.answers.test_making_by_codes import drawer as by_codes
from tests.core.compiler.answers.test_making_by_diffusion import drawer
from tests.core.made_blocks import made_blocks, painter
from tests.studio.journey import drop
from widgets.query.close_look import HeatPicture, HeatWords
from widgets.query.kinds import KindList
from widgets.query.making import MakingForm
from widgets.query.question import PictureWell
from widgets.query.values import QueryAnswers


@pytest.fixture(autouse=True)
def catalogue() -> Iterator[None]:
    with made_blocks():
        yield


def test_make_images_rebuild_one_and_scrub(sit_down, tmp_path: Path) -> None:
    with Store.open(tmp_path / "runs.sqlite") as store:
        uid = queue(Library(store), painter(callbacks={"checkpointing": {}}), name="painter").uid
        assert execute(store, uid) == "finished"
    person = sit_down(Document())
    person.runs()
    person.go_to("Query")
    page = person.window.query
    kinds = page.findChildren(KindList)[0]
    person.wait(lambda: kinds.isVisible())
    said = kinds.sentences()
    assert said["generate"] == "Make images: a block makes images from seeds."
    assert said["caption"].startswith("Caption: No block here writes text.")
    assert not page._ask.isEnabled()
    form = page.findChildren(MakingForm)[0]
    form.count.setValue(3)
    form.seed.setValue(40)
    assert not form.guidance.isVisible()
    person.click(person.button("Make images", page))
    person.wait(lambda: page.answers() is not None)
    made = page.answers()
    assert [answer.sentence for answer in made.answers] == ["seed 40", "seed 41", "seed 42"]
    assert page.message().startswith("3 images made")
    picture = tmp_path / "mine.png"
    Image.fromarray(np.full((16, 16, 3), (10, 200, 30), dtype=np.uint8)).save(picture)
    drop(page.findChildren(PictureWell)[0], picture)
    person.click(person.button("Reconstruct", page))
    person.wait(lambda: page.answers() is not made)
    original, rebuilt = page.answers().answers
    assert (original.sentence, rebuilt.sentence) == ("original", "seed 40")
    assert (original.picture == (10, 200, 30)).all()
    person.session.watch(uid)
    person.go_to("Train")
    monitor = person.window.wall.monitors["made"]
    person.wait(lambda: monitor.isVisible() and monitor.value() is not None)
    person.wait_quiet()
    steps = [moment.step for moment in monitor.value().moments]
    assert steps == [1, 2, 4, 5]
    for step in steps:
        person.window.pump.set_step(step)
        person.wait(lambda step=step: monitor.value() is not None and monitor.value().step == step)


def test_images_appear_as_they_are_made_are_guided_and_walk(sit_down, tmp_path: Path) -> None:
    with Store.open(tmp_path / "runs.sqlite") as store:
        uid = queue(Library(store), drawer(callbacks={"checkpointing": {}}), name="drawer").uid
        assert execute(store, uid) == "finished"
    person = sit_down(Document())
    person.runs()
    person.go_to("Query")
    page = person.window.query
    form = page.findChildren(MakingForm)[0]
    person.wait(lambda: form.isVisible())
    assert (form.guidance.isVisible(), form.guidance.value(), form.to.isVisible()) == (True, 3.0, True)
    drawn: list[QueryAnswers] = []
    show = page.show_drawn
    page.show_drawn = drawn.append
    person.window.rooms.query().asking._drew.disconnect()
    person.window.rooms.query().asking._drew.connect(lambda answers: (drawn.append(answers), show(answers)))
    page.set_sentence("red heart")
    form.count.setValue(2)
    person.click(person.button("Make images", page))
    person.wait(lambda: page.answers() is not None and not page.answers().is_partial)
    assert [answer.sentence for answer in page.answers().answers] == ["seed 0", "seed 1"]
    assert drawn
    assert drawn[-1].answers[-1].sentence == "seed 1"
    words, picture = page.findChildren(HeatWords)[0], page.findChildren(HeatPicture)[0]
    assert words.picked() == -1
    assert not picture.has_heat()
    person.click(words, words.place(1).center().toPoint())
    assert words.picked() == 1
    assert picture.has_heat()
    answer = page.answers().answers[0]
    assert answer.word_maps.shape == (len(answer.words), 4, 4)
    before = page.answers()
    form.guidance.setValue(9.5)
    form.to.setText("blue moon")
    form.count.setValue(3)
    person.click(person.button("Make images", page))
    person.wait(lambda: page.answers() is not before and not page.answers().is_partial)
    assert [answer.sentence for answer in page.answers().answers] == ["0 %", "50 %", "100 %"]


def test_an_image_is_drawn_code_by_code_and_the_code_book_is_opened(sit_down, tmp_path: Path) -> None:
    with Store.open(tmp_path / "runs.sqlite") as store:
        uid = queue(Library(store), by_codes(callbacks={"checkpointing": {}}, diagnostics={}), name="codes").uid
        assert execute(store, uid) == "finished"
    person = sit_down(Document())
    person.runs()
    person.go_to("Query")
    page = person.window.query
    form = page.findChildren(MakingForm)[0]
    person.wait(lambda: form.isVisible())
    assert (form.guidance.isVisible(), form.guidance.value(), form.to.isVisible()) == (True, 2.0, True)
    page.set_sentence("red heart")
    person.click(person.button("Make images", page))
    person.wait(lambda: page.answers() is not None and not page.answers().is_partial)
    assert len(page.answers().answers) == 8
    person.click(person.button("Open the code book", page))
    person.wait(lambda: page.answers().kind == "codes")
    assert page.message().startswith("8 codes, those used most first")
    assert page.answers().answers[0].sentence.startswith("code ")
    assert page.answers().answers[0].close.shape[1] == 4 * 48 + 3 * 4
