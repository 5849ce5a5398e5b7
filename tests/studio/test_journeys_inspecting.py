"""A journey to the page Inspect: look by every rule, at layers and heads by keys, at two checkpoints, at one's own image, and measure."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from core.graph.document import Document
from core.runs.execute import execute
from core.runs.launch import queue
from core.store.database import Store
from core.store.library import Library
from tests.documents import tiny_clip
from tests.studio.journey import LEFT, NO

KEYS = Qt.Key


def inspected(sit_down, tmp_path):
    """A person before the page, a finished run's last checkpoint opened."""
    with Store.open(tmp_path / "runs.sqlite") as store:
        document = tiny_clip(steps=4, callbacks={"checkpointing": {"every": 2}})
        uid = queue(Library(store), document, name="small clip").uid
        assert execute(store, uid) == "finished"
    person = sit_down(Document())
    person.runs()
    person.go_to("Inspect")
    page = person.window.inspect
    person.wait(lambda: page.subject() is not None)
    return person, page, uid


def test_a_sample_is_looked_at_by_every_rule_and_measured(sit_down, tmp_path):
    person, page, uid = inspected(sit_down, tmp_path)
    subject = page.subject()
    assert subject.step == 4
    assert subject.picture.shape == (16, 16, 3)
    assert {layer.key for layer in subject.layers} == {"vit/0", "text_transformer/0", "pool_2/0"}
    assert not subject.lost
    for rule in ("raw", "rollout", "gradient"):
        found = subject.rules[rule]
        assert abs(float(found.place_K.sum()) - 1) < 1e-4
        assert found.by_word_QK.shape == (len(subject.words.words), len(found.place_K))
    by_score = page.stages[0].lit().heat
    assert by_score.shape == (4, 4)

    # a word under the mouse lights the patches that count with it alone; a patch lights words; a click keeps
    words = page.stages[0].words
    place = words._places[1].center()
    QTest.mouseClick(words, LEFT, NO, place.toPoint())
    lit = page.stages[0].lit()
    assert lit.marked_word == 1
    np.testing.assert_allclose(lit.heat.reshape(-1), subject.rules["gradient"].by_word_QK[1][-16:])
    QTest.mouseClick(words, LEFT, NO, place.toPoint())
    np.testing.assert_array_equal(page.stages[0].lit().heat, by_score)
    patches = page.stages[0].patches
    corner = patches.place().topLeft() + QPointF(3, 3)
    QTest.mouseMove(patches, corner.toPoint())
    lit = page.stages[0].lit()
    assert lit.marked_patch == (0, 0)
    assert lit.word_weights is not None
    QTest.mouseMove(patches, (patches.place().topLeft() - QPointF(1, 1)).toPoint())

    # the wall: an arrow key shows a head of the first layer large
    page.wall.setFocus()
    person.press(KEYS.Key_Right, on=page.wall)
    person.press(KEYS.Key_Right, on=page.wall)
    assert page.way() == "layer"
    assert page.wall.current() == ("vit/0", 0)
    expected = subject.layers[0].weights_HQK[0][0][1:].reshape(4, 4)
    np.testing.assert_array_equal(page.stages[0].lit().heat, expected)
    assert "head 1" in page.message()
    assert not page.faithful.measure.isEnabled()

    # an earlier checkpoint beside it, and their difference
    page.beside.choose(uid, 2)
    person.wait(lambda: page.subject(1) is not None)
    assert page.subject(1).step == 2
    assert page.stages[2].isVisible()
    both = page.stages[2].lit().heat
    np.testing.assert_allclose(both, page.stages[1].lit().heat - page.stages[0].lit().heat)

    # faithfulness of what the score rests on
    page.ways.setCurrentIndex(page.ways.findData("gradient"))
    person.click(page.faithful.measure)
    person.wait(lambda: page.faithful.plots["deletion"].isVisible())
    assert "random draws" in page.faithful.words.text()

    # one's own image with one's own words
    picture = tmp_path / "heart.png"
    Image.fromarray(np.full((40, 40, 3), (220, 20, 40), dtype=np.uint8)).save(picture)
    page.samples.words.setText("red heart")
    page.samples.take_picture(str(picture))
    person.wait(lambda: page.subject() is not None and page.subject().sentence == "red heart")
    assert page.subject().score is not None
    page.samples.words.clear()
    page.samples.take_picture(str(picture))
    person.wait(lambda: page.subject() is not None and not page.subject().sentence)
    assert page.subject().score is None
    assert "one of them is missing" in page.subject().why_no_score
    assert page.subject().layers, "the attention of the one tower is still shown"
    page.samples.take_picture(str(tmp_path / "notes.txt"))
    assert "not an image" in page.message()


@pytest.mark.long
def test_a_sample_is_changed_and_all_of_them_are_measured(sit_down, tmp_path):
    person, page, _ = inspected(sit_down, tmp_path)
    # what if: the same checkpoint with the sample changed stands beside the untouched, with its ranks
    page.tests.setCurrentWidget(page.desk)
    page.desk.modality.setCurrentIndex(page.desk.modality.findData("image"))
    page.desk.how.setCurrentIndex(page.desk.how.findData("swap"))
    person.wait(lambda: page.subject(1) is not None and "another sample's" in page.subject(1).change)
    assert page.subject(1).step == 4
    assert not np.array_equal(page.subject(1).picture, page.subject().picture)
    assert len(page.subject().ranks) == len(page.subject(1).ranks) == 2
    before = page.subject(1).picture
    person.click(page.desk.again)
    person.wait(lambda: page.subject(1) is not None and not np.array_equal(page.subject(1).picture, before))
    page.desk.modality.setCurrentIndex(page.desk.modality.findData("text"))
    page.desk.how.setCurrentIndex(page.desk.how.findData("mask"))
    page.desk.amount.setValue(100)
    person.wait(lambda: page.subject(1) is not None and "…" in page.subject(1).words.words)
    person.click(page.desk.measure)
    person.wait(lambda: page.desk.table.isVisible())
    assert page.desk.table.rowCount() == 6
    page.desk.save(str(tmp_path / "table.csv"))
    lines = (tmp_path / "table.csv").read_text().splitlines()
    assert len(lines) == 7
    assert lines[0].startswith("objective,metric,split,samples,modality,change,score")
    page.desk.modality.setCurrentIndex(0)
    assert page.subject(1) is None
