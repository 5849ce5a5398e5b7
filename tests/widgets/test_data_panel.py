"""The dataset's page: pictures large enough to be looked at, in strips without empty room."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QLabel

from core.graph.dataset import DatasetFacts, Specimen
from core.problems import Problem
from widgets.data_panel import THUMB, DataPanel, Strip, enlarged


def specimen(number):
    return Specimen(
        split="train", sentence=f"a sentence of some length, number {number}", group="", picture=np.full((32, 32, 3), 90, np.uint8)
    )  # fmt: skip


def test_tiny_pictures_are_enlarged_by_whole_pixels():
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:, 16:] = 255
    image = enlarged(pixels)
    assert (image.width(), image.height()) == (THUMB, THUMB)
    colours = {image.pixelColor(x, 40).red() for x in range(THUMB)}
    assert colours == {0, 255}, "no grey between black and white"
    large = enlarged(np.zeros((200, 100, 3), np.uint8))
    assert (large.width(), large.height()) == (THUMB // 2, THUMB)


def test_a_strip_is_as_high_as_its_rows(qtbot):
    strip = Strip([specimen(number) for number in range(12)])
    qtbot.addWidget(strip)
    strip.show()
    row = strip.gridSize().height()
    for width, rows in ((1320, 1), (700, 2), (400, 4)):
        strip.resize(width, strip.height())
        assert strip.height() < rows * row + 30, width
        last = strip.visualItemRect(strip.item(11))
        assert last.bottom() <= strip.viewport().height(), width


def test_what_is_left_out_is_counted_and_told(qtbot):
    panel = DataPanel()
    qtbot.addWidget(panel)
    panel.show_dataset(DatasetFacts(title="Captioned images", counts={"train": 3}))
    assert "Every row and file is used." in words(panel)
    problems = tuple(Problem(what=f"Line {number} has no caption.") for number in range(25))
    panel.show_dataset(DatasetFacts(title="x", counts={"train": 3}, problems=problems, left_out=1_234))
    text = words(panel)
    assert "1,234 rows or files are left out." in text
    assert "Line 19 has no caption." in text
    assert "Line 20 has" not in text
    assert "and 5 more remarks" in text


def words(panel):
    return "\n".join(label.text() for label in panel._rest.findChildren(QLabel))


def test_a_look_at_another_source_shows_nothing_of_the_one_before(qtbot):
    panel = DataPanel()
    qtbot.addWidget(panel)
    panel.set_sources({"emoji": "Emoji pairs"})
    panel.show_busy("Emoji pairs")
    assert (panel._heading.text(), words(panel)) == ("Emoji pairs", "Reading the data…")
    panel.show_dataset(DatasetFacts(title="Emoji pairs", counts={"train": 3}))
    panel.show_busy("Emoji pairs")
    assert "Every row and file is used." in words(panel), "the same source stays while it is looked at again"
    panel.show_busy("Captioned images")
    assert (panel._heading.text(), words(panel)) == ("Captioned images", "Reading the data…")
    panel.show_refusal("No folder is chosen.")
    assert (panel._heading.text(), words(panel)) == ("Captioned images", "No folder is chosen.")
