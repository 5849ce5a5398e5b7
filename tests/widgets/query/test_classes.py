"""Zero-shot classes at the query page: names as people type them, and a wish that goes out with the image, once it is there."""

from __future__ import annotations

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.store.answers import CheckpointFacts
from widgets.query.classes import ClassesForm, names_of
from widgets.query.page import QueryPage
from widgets.query.question import PictureWell
from widgets.query.values import Askable, Asked, QueryAnswer, QueryAnswers, Ways

KEYS = Qt.Key


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("cat, red heart ,clock", ("cat", "red heart", "clock")),
        ("cat; dog, wolf or fox; clock", ("cat", "dog, wolf or fox", "clock")),
        ("猫，狗、兔", ("猫", "狗", "兔")),
        ("猫；狗", ("猫", "狗")),
        ("Cat, dog, cat ,  DOG, red   heart", ("Cat", "dog", "red heart")),
        (" ,; ", ()),
        ("", ()),
        ("cat", ("cat",)),
    ],
)
def test_names_as_people_type_them(text: str, names: tuple[str, ...]) -> None:
    assert names_of(text) == names


@pytest.fixture
def page(qtbot):
    view = QueryPage()
    qtbot.addWidget(view)
    view.resize(1200, 800)
    view.show()
    checkpoints = (CheckpointFacts(step=10, path="x"),)
    view.set_runs([Askable(uid="a", name="clip", checkpoints=checkpoints)])
    view.set_ways("a", Ways(finds={"sentence": "pictures", "picture": "sentences"}))
    return view


def test_an_image_comes_first_then_its_classes(page, qtbot, tmp_path):
    form = page.findChild(ClassesForm)
    assert form.isVisible()
    assert not form.button.isEnabled()
    assert form.button.toolTip() == "Choose an image first."
    Image.new("RGB", (20, 20), (200, 30, 30)).save(tmp_path / "red.png")
    page.findChild(PictureWell).take(str(tmp_path / "red.png"))
    assert form.button.isEnabled()
    QTest.keyClicks(form.names, "cat, red heart")
    QTest.keyClicks(form.prompts, "the {} emoji")
    with qtbot.waitSignal(page.classesRequested) as asked:
        QTest.keyClick(form.names, KEYS.Key_Return)
    assert asked.args == ["a", 10, str(tmp_path / "red.png"), "cat, red heart", "the {} emoji"]
    page.show_progress("Opening the checkpoint…")
    assert not form.button.isEnabled()
    ranked = (QueryAnswer(score=0.4, sentence="red heart"), QueryAnswer(score=0.1, sentence="cat"))
    page.show_answers(QueryAnswers(asked=Asked(), kind="classes", answers=ranked, pool="2 classes", seconds=0.5))
    assert page.message() == "2 of 2 classes, 0.50 s"
    assert form.button.isEnabled()


@pytest.mark.parametrize("finds", [{"sentence": "pictures", "picture": "pictures"}, {"both": "pictures"}, {}])
def test_a_run_that_does_not_meet_sentences_names_no_class(page, finds):
    page.set_ways("a", Ways(finds=finds))
    assert not page.findChild(ClassesForm).isVisible()
