"""The form that asks for a caption, and a caption shown word by word."""

from __future__ import annotations

import numpy as np
import pytest

from core.store.answers import CheckpointFacts
from widgets.query.kinds import KINDS
from widgets.query.page import QueryPage
from widgets.query.values import Askable, Asked, QueryAnswer, QueryAnswers, Ways

WHY = dict.fromkeys(KINDS, "No block here does that.")


@pytest.fixture
def page(qtbot):
    page = QueryPage()
    qtbot.addWidget(page)
    page.resize(1200, 800)
    page.set_runs([Askable(uid="a", name="writer", checkpoints=(CheckpointFacts(step=7, path="x"),))])
    page.show()
    return page


def test_a_caption_is_asked_for_with_an_image_and_shown_word_by_word(page, qtbot):
    page.set_ways("a", Ways(finds={}, answers={**WHY, "caption": ""}))
    form = page._writing
    assert form.isVisible()
    assert not page._making.isVisible()
    assert not form.caption.isEnabled()
    assert "image" in form.caption.toolTip()
    page._path = "/there/heart.png"
    page._refresh()
    form.temperature.setValue(0.7)
    form.seed.setValue(4)
    with qtbot.waitSignal(page.captionRequested) as asked:
        form.caption.click()
    assert asked.args == ["a", 7, "/there/heart.png", pytest.approx(0.7), 4]
    words = tuple(
        QueryAnswer(sentence=word, picture=np.zeros((4, 4, 3), np.uint8), picture_heat=np.eye(2, dtype=np.float32))
        for word in ("red", "heart")
    )
    page.show_answers(QueryAnswers(asked=Asked(), kind="written", answers=words, written="red heart", seconds=0.5))
    assert page.message() == "“red heart”, 0.50 s"
    assert page.closely.about.text() == "red"
    page.set_ways("a", Ways(finds={}, answers=WHY))
    assert not form.isVisible()
