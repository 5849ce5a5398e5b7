"""Journeys to the query page and to the data: ask a trained run, drop a picture, change one's mind; look at own files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QListWidget

from core.graph import edits
from core.graph.document import Document
from core.runs.execute import execute
from core.runs.launch import queue
from core.store.database import Store
from core.store.library import Library
from tests.core.data.test_videos import leaky
from tests.core.training.test_three_modalities import fused
from tests.documents import Drawing, tiny_clip
from tests.studio.journey import LEFT, NO, drop
from widgets.query.question import PictureWell
from widgets.query.run_choice import RunChoice

KEYS = Qt.Key
SMALL = {"image_size": 16, "second_artist": "none"}


@pytest.fixture
def trained(tmp_path) -> str:
    """A finished run in the store that a person will open, with checkpoints at 5 and 8."""
    with Store.open(tmp_path / "runs.sqlite") as store:
        uid = queue(
            Library(store), tiny_clip(steps=8, callbacks={"checkpointing": {"every": 5}}), name="small clip"
        ).uid
        assert execute(store, uid) == "finished"
        return uid


def test_ask_with_a_sentence_then_with_a_picture(sit_down, trained, tmp_path):
    person = sit_down(Document())
    person.runs()
    person.go_to("Query")
    page = person.window.query
    choice = page.findChild(RunChoice)
    runs, checkpoints = choice.names, choice.checkpoints
    assert runs.currentData() == trained
    assert [checkpoints.itemData(row) for row in range(checkpoints.count())] == [8, 5]
    checkpoints.setFocus()
    person.press(KEYS.Key_Down, on=checkpoints)
    assert page.step() == 5
    field = page.findChildren(QLineEdit)[0]
    QTest.mouseClick(field, LEFT, NO)
    QTest.keyClicks(field, "red heart")
    QTest.keyClick(field, KEYS.Key_Return)
    person.click(person.button("Cancel", page))
    person.wait(lambda: page.message().startswith("Cancelled"))
    assert page.answers().is_partial, "what was found by then"
    scores = [answer.score for answer in page.answers().answers]
    assert scores == sorted(scores, reverse=True)
    person.click(person.button("Search", page))
    person.wait(lambda: not page.answers().is_partial)
    answers = page.answers()
    assert answers.kind == "pictures"
    assert len(answers.answers) == 12
    scores = [answer.score for answer in answers.answers]
    assert scores == sorted(scores, reverse=True)
    assert all(answer.picture.shape == (16, 16, 3) for answer in answers.answers)
    assert answers.asked.words
    assert any(answer.picture_heat is not None for answer in answers.answers)
    picture = tmp_path / "heart.png"
    Image.fromarray(np.full((40, 40, 3), (220, 20, 40), dtype=np.uint8)).save(picture)
    well = page.findChildren(PictureWell)[0]
    drop(well, picture)
    person.wait(lambda: page.answers() is not answers and page.answers().kind == "sentences")
    assert all(answer.sentence for answer in page.answers().answers)
    assert field.text() == ""
    before = page.answers()
    broken = tmp_path / "broken.png"
    broken.write_bytes(picture.read_bytes()[:60])
    drop(well, broken)
    assert "broken.png cannot be read as an image" in page.message()
    drop(well, tmp_path / "notes.txt")
    assert "not an image" in page.message()
    assert page.answers() is before


def test_a_fused_run_is_asked_with_a_sentence_a_picture_and_both(sit_down, tmp_path):
    with Store.open(tmp_path / "runs.sqlite") as store:
        document = fused(steps=2, callbacks={"checkpointing": {}})
        assert execute(store, queue(Library(store), document, name="fused").uid) == "finished"
    person = sit_down(Document())
    person.runs()
    person.go_to("Query")
    page = person.window.query
    person.wait(lambda: person.texts(page, "Image and text"))
    picture = tmp_path / "heart.png"
    Image.fromarray(np.full((40, 40, 3), (220, 20, 40), dtype=np.uint8)).save(picture)
    drop(page.findChildren(PictureWell)[0], picture)
    person.wait(lambda: page.answers() is not None)
    by_picture = page.answers()
    assert by_picture.kind == "pictures"
    field = page.findChildren(QLineEdit)[0]
    QTest.mouseClick(field, LEFT, NO)
    QTest.keyClicks(field, "red heart")
    QTest.keyClick(field, KEYS.Key_Return)
    person.wait(lambda: page.answers() is not by_picture)
    both = page.answers()
    assert both.asked.sentence == "red heart"
    assert both.asked.picture is not None
    assert both.kind == "pictures"


def test_a_run_whose_checkpoint_is_gone_is_told(sit_down, trained, tmp_path):
    person = sit_down(Document())
    person.runs()
    person.go_to("Query")
    page = person.window.query
    for weights in (tmp_path / "checkpoints").rglob("*.safetensors"):
        weights.write_bytes(b"damaged")
    field = page.findChildren(QLineEdit)[0]
    QTest.mouseClick(field, LEFT, NO)
    QTest.keyClicks(field, "red heart")
    QTest.keyClick(field, KEYS.Key_Return)
    person.wait(lambda: not page.message().endswith("…"))
    assert page.answers() is None
    assert "Error" not in page.message()
    assert person.button("Search", page).isEnabled()


def own_data(folder: Path) -> None:
    """Twelve pictures with captions; one is broken, one is missing, one line is no JSON."""
    noise = np.random.default_rng(0)
    lines = []
    for number in range(12):
        name = f"{number}.png"
        Image.fromarray(noise.integers(0, 255, (24, 24, 3), dtype=np.uint8)).save(folder / name)
        lines.append(json.dumps({"image": name, "caption": f"<b>thing</b> number {number}"}))
    (folder / "3.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    lines += [json.dumps({"image": "gone.png", "caption": "gone"}), '{"image": ']
    lines.append(json.dumps({"image": "../../secret.png", "caption": "outside"}))
    (folder / "captions.jsonl").write_text("\n".join(lines))


def test_own_pictures_are_counted_shown_and_their_faults_named(sit_down, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    own_data(folder)
    Image.new("RGB", (8, 8)).save(tmp_path.parent / "secret.png")
    draw = Drawing("own")
    draw.add("sources.caption_table")
    person = sit_down(draw.document)
    person.turn("caption_table", image_size=16, folder=str(folder))
    assert person.session.document.nodes["caption_table"].knobs["folder"] == str(folder)
    person.go_to("Data")
    page = person.window.rooms.data().panel
    person.wait(lambda: not page.is_busy and page.findChildren(QListWidget) and len(person.texts(page)) > 5)
    said = person.texts(page)
    problems = [text for text in said if "3.png" in text or "gone.png" in text or "Line 14" in text or "secret" in text]
    assert len(problems) == 4, said
    counts = [int(text) for text in said if text.isdigit()]
    assert sum(counts) in (11, 12), said
    strips = page.findChildren(QListWidget)
    shown = [strip.item(row) for strip in strips for row in range(strip.count())]
    assert len(shown) == 11
    assert all(not item.icon().isNull() and item.text().startswith("<b>thing</b>") for item in shown)
    (folder / "3.png").write_bytes((folder / "4.png").read_bytes())
    person.click(person.button("Look again", page))
    person.wait(lambda: not page.is_busy and len(person.texts(page)) > 5)
    assert not person.texts(page, "3.png")


def test_data_of_another_drawing_is_looked_at_when_it_is_opened(sit_down, tmp_path):
    person = sit_down(tiny_clip())
    person.go_to("Data")
    page = person.window.rooms.data().panel
    person.wait(lambda: not page.is_busy and page.findChildren(QListWidget))
    person.choose("new_document")  # which shows the graph
    person.go_to("Data")
    person.wait(lambda: not page.is_busy and person.texts(page, "no data source"))
    person.session.edit(edits.add_node(person.session.document, "sources.emoji", 0, 0, SMALL)[0], "Add")
    person.wait(lambda: not page.is_busy and page.findChildren(QListWidget))


def test_a_split_that_leaks_is_mended_by_a_click_and_looked_at_again(sit_down, tmp_path):
    person = sit_down(leaky(tmp_path))
    person.go_to("Data")
    page = person.window.rooms.data().panel
    person.wait(lambda: not page.is_busy and person.texts(page, "1 groups are in two splits"))
    person.click(person.button("Split by recording", page))
    person.wait(lambda: not page.is_busy and person.texts(page, "No group is in two splits."))
    assert person.session.document.nodes["videos"].knobs["hold_out"] == "recording"
    assert person.texts(page, "No two splits share videos with the same middle frame.")
    person.choose("undo")
    person.wait(lambda: not page.is_busy and person.texts(page, "1 groups are in two splits"))
