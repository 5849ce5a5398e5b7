"""Panels are hidden, moved, remembered by the next window, and put back."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from tests.documents import tiny_clip

RIGHT = Qt.DockWidgetArea.RightDockWidgetArea


@pytest.mark.long
def test_panels_are_hidden_moved_remembered_and_put_back(sit_down: Any) -> None:
    first = sit_down(tiny_clip())
    window, high = first.window, first.window.canvas.height()
    entry = window.menus.entry("show_monitors")
    assert entry.text() == "Hide the monitors"
    first.choose("show_monitors")
    QApplication.processEvents()
    assert not window.docks["monitors"].isVisible()
    assert window.canvas.height() > high
    assert entry.text() == "Show the monitors"
    window.show_page("runs")
    window.show_page("design")
    assert not window.docks["monitors"].isVisible()
    assert window.docks["inspector"].isVisible()

    first.choose("arrange_panels")
    dock = window.docks["left"]
    assert dock.titleBarWidget() is None  # Qt's own, to be dragged
    assert dock.features() & dock.DockWidgetFeature.DockWidgetMovable
    window.addDockWidget(RIGHT, dock)
    first.choose("arrange_panels")
    assert dock.titleBarWidget() is not None
    dock.setFloating(True)
    assert dock.titleBarWidget() is None  # or it could never be moved again
    dock.setFloating(False)
    first.close()

    second = sit_down(tiny_clip())
    window = second.window
    assert not window.docks["monitors"].isVisible()
    assert window.dockWidgetArea(window.docks["left"]) == RIGHT
    second.choose("show_settings")
    assert not window.docks["inspector"].isVisible()
    window.canvas.setFocus()
    window.canvas.settings()  # asked for: it comes back
    assert window.docks["inspector"].isVisible()
    assert second.session.preferences.hidden_panels == ("monitors",)
    second.choose("reset_layout")
    QApplication.processEvents()
    assert all(dock.isVisible() and not dock.isFloating() for dock in window.docks.values())
    assert window.dockWidgetArea(window.docks["left"]) == Qt.DockWidgetArea.LeftDockWidgetArea
    assert second.session.preferences.hidden_panels == ()
