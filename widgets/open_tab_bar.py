"""The open documents as tabs; there is nothing to see while one is open."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QTabBar, QToolButton

from widgets.look.language import tr
from widgets.look.plain import plain_tip

WIDEST = 240  # pixels of a tab


class OpenTabBar(QTabBar):
    """Names in order, a dot where one is not saved; the middle button and the cross close."""

    turned = Signal(int)
    closing = Signal(int)
    reordered = Signal(int, int)  # from, to

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Open documents"))
        self.setDocumentMode(True)
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setMovable(True)
        self.setElideMode(Qt.TextElideMode.ElideRight)
        self.setStyleSheet(f"QTabBar::tab {{ max-width: {WIDEST}px; }}")
        self._is_telling = False
        self.currentChanged.connect(lambda number: None if self._is_telling else self.turned.emit(number))
        self.tabMoved.connect(lambda old, new: None if self._is_telling else self.reordered.emit(old, new))
        self.hide()

    def set_tabs(self, names: Sequence[str], places: Sequence[str], at: int) -> None:
        """What is open, with each one's file for the tool tip, and which one is shown."""
        self._is_telling = True
        while self.count() > len(names):
            self.removeTab(self.count() - 1)
        while self.count() < len(names):
            self._add()
        for number, (name, place) in enumerate(zip(names, places, strict=True)):
            self.setTabText(number, name.replace("&", "&&"))
            self.setTabToolTip(number, plain_tip(place or tr("Not saved yet")))
        self.setCurrentIndex(at)
        self._is_telling = False
        self.setVisible(len(names) > 1)

    def _add(self) -> None:
        number, cross = self.addTab(""), QToolButton()
        cross.setText("×")
        cross.setAutoRaise(True)
        cross.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        cross.setFixedSize(18, 18)
        cross.setStyleSheet("QToolButton { padding: 0; border: none; background: transparent; font-size: 15px; }")
        cross.setToolTip(tr("Close document"))
        cross.setAccessibleName(tr("Close document"))
        cross.clicked.connect(lambda: self.closing.emit(self._number_of(cross)))
        self.setTabButton(number, QTabBar.ButtonPosition.RightSide, cross)

    def _number_of(self, cross: QToolButton) -> int:
        side = QTabBar.ButtonPosition.RightSide
        return next((n for n in range(self.count()) if self.tabButton(n, side) is cross), -1)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.MiddleButton and (number := self.tabAt(event.position().toPoint())) >= 0:
            self.closing.emit(number)
            event.accept()
            return
        super().mouseReleaseEvent(event)
