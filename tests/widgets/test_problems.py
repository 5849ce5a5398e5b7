"""The list of problems: order, words, jump and fix."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from core.problems import Problem
from tests.widgets import sample
from widgets.problems import ProblemsPanel


@pytest.fixture
def panel(qtbot):
    made = ProblemsPanel()
    qtbot.addWidget(made)
    made.resize(500, 300)
    made.set_problems(sample.analysis().problems, {"infonce": "InfoNCE"})
    made.show()
    qtbot.waitExposed(made)
    return made


def test_the_gravest_comes_first_and_all_are_counted(panel):
    assert [row.problem.severity for row in panel.rows] == ["error", "warning", "hint"]
    assert panel.summary.text() == "Errors: 1 · Warnings: 1 · Hints: 1"
    assert panel.rows[0].accessibleName().startswith("Errors: Image and text")


def test_a_click_or_enter_jumps(panel, qtbot):
    with qtbot.waitSignal(panel.nodeRequested) as caught:
        QTest.mouseClick(panel.rows[0], Qt.MouseButton.LeftButton, pos=QPoint(30, 12))
    assert caught.args == ["infonce"]
    QTest.keyClick(panel.rows[0], Qt.Key.Key_Down)
    with qtbot.waitSignal(panel.nodeRequested) as caught:
        QTest.keyClick(panel.rows[1], Qt.Key.Key_Return)
    assert caught.args == ["block"]


def test_the_fix_is_announced_whole(panel, qtbot):
    with qtbot.waitSignal(panel.fixRequested) as caught:
        panel.rows[2].fix.click()
    assert caught.args[0].fix.arguments == {"node": "words", "frozen": True}
    assert panel.rows[0].fix is None


def test_nothing_wrong_says_so_and_markup_stays_text(panel):
    panel.set_problems(())
    assert panel.rows == []
    assert panel.summary.text() == "No problems: ready to run."
    panel.set_problems([Problem(what="<b>bold</b>")])
    panel.grab()
    assert panel.rows[0].problem.what == "<b>bold</b>"
