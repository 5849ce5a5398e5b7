"""Every page by screen reader and keyboard: whatever takes the keys has a name in both languages, and Tab comes to it and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QScrollArea,
    QTabBar,
    QTabWidget,
    QWidget,
)  # fmt: skip

from studio.open.documents import find_document
from tests.studio.journey import Person

MOST = 400  # presses of Tab on one page
PANELS = 8


def takers(window: QWidget) -> Iterator[QWidget]:
    """Whatever takes the keys and can be seen; parts of fields that Qt makes itself stand for the field."""
    for widget in window.findChildren(QWidget):
        inner = widget.objectName().startswith("qt_") or widget.focusProxy() is not None
        inside = isinstance(widget, QLineEdit) and isinstance(widget.parentWidget(), QComboBox)
        hollow = isinstance(widget, QScrollArea | QTabWidget)
        group = widget.group() if isinstance(widget, QAbstractButton) else None
        if group is not None and group.exclusive() and not widget.isChecked():
            continue  # arrows go to it from the one that is chosen
        takes = widget.isVisible() and widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        if takes and not (inner or inside or hollow):
            yield widget


def name_of(widget: QWidget) -> str:
    """What a screen reader calls it."""
    if widget.accessibleName():
        return widget.accessibleName()
    if isinstance(widget, QAbstractButton | QLabel) and widget.text():
        return widget.text()
    if isinstance(widget, QTabBar) and all(widget.tabText(number) for number in range(widget.count())):
        return " ".join(widget.tabText(number) for number in range(widget.count()))
    labels = [label for label in widget.window().findChildren(QLabel) if label.buddy() is widget]
    return labels[0].text() if labels else ""


def told(widget: QWidget) -> str:
    chain = [widget]
    while (parent := chain[-1].parentWidget()) is not None:
        chain.append(parent)
    return f"{name_of(widget)!r} " + " < ".join(type(one).__name__ for one in chain[:5])


def pages(person: Person) -> Iterator[str]:
    for page in (*person.window.pages.TITLES, "gallery"):
        person.window.show_page(page)
        QApplication.processEvents()
        yield page


@pytest.mark.long
@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_whatever_takes_the_keys_has_a_name(sit_down: Any, language: str) -> None:
    person = sit_down(find_document("mini_clip"))
    person.window.use_language(language)
    person.analysed()
    person.window.canvas.select(["resnet"])
    nameless = {}
    for page in pages(person):
        for widget in takers(person.window):
            if not name_of(widget).strip():
                nameless[told(widget)] = page
    person.window.use_language("en")
    assert nameless == {}


@pytest.mark.long
def test_tab_comes_to_everything_and_is_caught_nowhere(sit_down: Any) -> None:
    person = sit_down(find_document("mini_clip"))
    window = person.window
    person.analysed()
    window.canvas.select(["resnet"])
    missed, caught = {}, {}
    for page in pages(person):
        wanted, reached = set(takers(window)), set[QWidget]()
        for panel in range(PANELS):  # F6 goes from panel to panel, Tab on from there
            (window.canvas if page == "design" else window.pages.focus(page)).setFocus()
            for _ in range(panel):
                QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_F6)
            caught.update({told(widget): page for widget in walk(window, reached)})
            if wanted <= reached:
                break
        missed.update({told(widget): page for widget in wanted - reached})
    assert caught == {}
    assert missed == {}


def walk(window: Any, reached: set[QWidget]) -> list[QWidget]:
    """Tab until it comes to where it was, or to the canvas, where Tab adds a block; gives what it is caught in."""
    for _ in range(MOST):
        now = QApplication.focusWidget()
        assert now is not None
        if now in reached and now is not window.canvas:
            return []
        reached.add(now)
        if now is window.canvas:
            return []
        QTest.keyClick(now, Qt.Key.Key_Tab)
        if QApplication.focusWidget() is now:
            return [now]
    return []


def test_a_field_without_a_name_would_be_found(qtbot: Any) -> None:
    whole, named, nameless = QWidget(), QLineEdit(), QLineEdit()
    named.setAccessibleName("Name")
    qtbot.addWidget(whole)
    for field in (named, nameless):
        field.setParent(whole)
    whole.show()
    assert [widget for widget in takers(whole) if not name_of(widget)] == [nameless]
