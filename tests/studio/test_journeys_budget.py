"""A person asks what a run will take: measures, cancels, looks where it goes, tries a cheaper plan, takes it, and takes it back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.graph.budget.measured import Measured, budget_key
from core.graph.document import Document
from core.graph.edits import set_knob
from core.problems import refuse
from core.runs.budget import kept
from core.runs.budget.asking import Cancelled
from studio.asking import budgeting
from tests.budgets import MEASURED
from tests.documents import tiny_clip

DRAWN = tiny_clip(steps=1000)


class Planted:
    """A measurement that ends when the test says so."""

    made: list[Planted] = []

    def __init__(self, document: Document) -> None:
        self.document, self.go, self.is_cancelled = document, threading.Event(), False
        self.refusal: Any = None
        Planted.made.append(self)

    def cancel(self) -> None:
        self.is_cancelled = True
        self.go.set()

    def result(self, told: Callable[[str], None]) -> Measured:
        told("steps")
        self.go.wait()
        if self.is_cancelled:
            raise Cancelled
        if self.refusal is not None:
            raise self.refusal
        less = 40.0 if "gradient_cache" in self.document.recipe.callbacks else 0.0
        found = replace(MEASURED, key=budget_key(self.document), peak_mebibytes=MEASURED.peak_mebibytes - less)
        kept.keep(found)
        return found


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(budgeting, "Measurement", Planted)
    yield
    Planted.made.clear()


def test_a_budget_is_measured_and_a_cheaper_plan_taken(sit_down: Callable[..., Any]) -> None:
    person = sit_down(DRAWN)
    window, session = person.window, person.session
    person.analysed()
    QTest.mouseClick(window.totals_line, Qt.MouseButton.LeftButton)
    sheet = window.budgeting.sheet
    assert sheet is not None
    assert "Not measured yet" in sheet.state.text()
    assert sheet.figures["seconds"].value.text() == "–"

    QTest.mouseClick(sheet.measure, Qt.MouseButton.LeftButton)
    person.wait(lambda: "Taking training steps" in sheet.state.text())
    assert sheet.measure.text() == "Cancel"
    QTest.mouseClick(sheet.measure, Qt.MouseButton.LeftButton)
    person.wait(lambda: "Not measured yet" in sheet.state.text())

    QTest.keyClick(sheet.measure, Qt.Key.Key_Space)
    Planted.made[-1].refusal = refuse("There is no such folder.", node="emoji")
    Planted.made[-1].go.set()
    person.wait(lambda: "There is no such folder" in sheet.state.text())

    QTest.mouseClick(sheet.measure, Qt.MouseButton.LeftButton)
    Planted.made[-1].go.set()
    person.wait(lambda: "Measured on this machine" in sheet.state.text())
    assert sheet.figures["mebibytes"].value.text() == "700 MiB"
    assert sheet.parts.item(0, 0).text() == "Training steps"
    assert "as measured" in window.totals_line.text()

    sheet.blocks.cellActivated.emit(0, 0)
    assert window.canvas.selection() == ["vit"]

    session.edit(set_knob(DRAWN, "vit", "depth", 2), "deeper")
    person.analysed()
    assert "older graph" in sheet.state.text()
    assert "as measured" not in window.totals_line.text()
    window.menus.entry("undo").trigger()
    assert "Measured on this machine" in sheet.state.text()

    person.analysed()
    card = next(card for card in sheet.plans.cards if card.row.key == "in_parts")
    assert card.saving.text() == "Not measured."
    QTest.mouseClick(card.measure, Qt.MouseButton.LeftButton)
    Planted.made[-1].go.set()
    person.wait(
        lambda: "660 MiB (−40 MiB)" in next(c for c in sheet.plans.cards if c.row.key == "in_parts").saving.text()
    )
    before = session.document
    card = next(card for card in sheet.plans.cards if card.row.key == "in_parts")
    QTest.mouseClick(card.apply, Qt.MouseButton.LeftButton)
    assert session.document.recipe.callbacks["gradient_cache"] == {"chunk": 4}
    person.wait(lambda: sheet.figures["mebibytes"].value.text() == "660 MiB")
    window.menus.entry("undo").trigger()
    assert session.document == before
    sheet.close()


def test_a_window_that_closes_ends_its_measurement(sit_down: Callable[..., Any]) -> None:
    person = sit_down(DRAWN)
    person.analysed()
    QTest.keyClick(person.window, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    person.window.budgeting.measure()
    person.close()
    assert Planted.made[-1].is_cancelled
