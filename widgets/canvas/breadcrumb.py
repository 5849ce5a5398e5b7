"""The way from the document to the inside that is shown: one button for each level, the last says how often it stands."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import look, theme

WIDTHS = (170, 110, 70, 44)  # pixels of one title, the first with which all have room


class Breadcrumb(QFrame):
    """Hidden at the top; a button goes to its level, arrows go from button to button."""

    levelRequested = Signal(int)  # how many copies are entered there: 0 is the document

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("breadcrumb")
        self.setAccessibleName(tr("Where you are in the graph"))
        self._titles, self._copies, self._room = [""], 1, 10_000
        self.buttons: list[QToolButton] = []
        self.note = QLabel()
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(6, 3, 10, 3)
        self._layout.setSpacing(2)
        look.changed.connect(self._show)
        self.hide()

    def set_way(self, titles: Sequence[str], copies: int) -> None:
        """Show these levels, the document first; ``copies``: in how many places the last stands."""
        if (list(titles), copies) != (self._titles, self._copies):
            self._titles, self._copies = list(titles), copies
            self._show()

    def _show(self) -> None:
        has_focus = self.isAncestorOf(self.focusWidget()) if self.focusWidget() else False
        while (item := self._layout.takeAt(0)) is not None:
            if item.widget() is not None and item.widget() is not self.note:
                item.widget().hide()
                item.widget().deleteLater()
        self.buttons = []
        several = self._copies > 1
        self.note.setText(tr("drawn in {count} places; all change together", count=self._copies) if several else "")
        for depth, title in enumerate(self._titles):
            if depth:
                self._layout.addWidget(QLabel("›"))
            self.buttons.append(self._button(depth, title))
            self._layout.addWidget(self.buttons[-1])
        self._layout.addWidget(self.note)
        self._restyle()
        self.setVisible(len(self._titles) > 1)
        self._fit()
        if has_focus and self.isVisible():
            self.buttons[-1].setFocus()

    def fit_into(self, width: int) -> None:
        """Have no more than so many pixels: without the note first, then with shorter titles."""
        if width != self._room:
            self._room = width
            self._fit()

    def _fit(self) -> None:
        wanted = bool(self.note.text())
        for width, with_note in ((WIDTHS[0], wanted), *((width, False) for width in WIDTHS)):
            for button, title in zip(self.buttons, self._titles):
                button.ensurePolished()
                shown = QFontMetrics(button.font()).elidedText(title, Qt.TextElideMode.ElideMiddle, width)
                button.setText(shown.replace("&", "&&"))
            self.note.setVisible(with_note)
            self._layout.invalidate()
            size = self._layout.sizeHint()
            if size.width() <= self._room:
                break
        self.resize(size)

    def event(self, event: QEvent) -> bool:
        """As large as what is in it, whenever that changes."""
        if event.type() == QEvent.Type.LayoutRequest:  # not fitted anew: that asks for a layout again
            self.resize(self._layout.sizeHint())
        return super().event(event)

    def _button(self, depth: int, title: str) -> QToolButton:
        button = QToolButton()
        is_here = depth == len(self._titles) - 1
        button.setToolTip(plain_tip("\n".join(filter(None, (title, self.note.text() if is_here else "")))))
        button.setAccessibleName(tr("{title}, shown now", title=title) if is_here else tr("Go to {block}", block=title))
        button.setProperty("here", is_here)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.clicked.connect(lambda _=False, depth=depth: self.levelRequested.emit(depth))
        return button

    def _restyle(self) -> None:
        colours = theme()
        self.setStyleSheet(
            f"#breadcrumb {{ background: {colours.panel}; border: 1px solid {colours.line}; border-radius: 7px; }}"
            f"#breadcrumb QLabel {{ color: {colours.muted}; background: transparent; }}"
            f"#breadcrumb QToolButton {{ color: {colours.accent}; border: 1px solid transparent; background: transparent; padding: 2px 6px;"
            "border-radius: 4px; }"
            f'#breadcrumb QToolButton[here="true"] {{ color: {colours.text}; font-weight: 600; }}'
            f"#breadcrumb QToolButton:hover {{ background: {colours.raised}; }}"
            f"#breadcrumb QToolButton:focus {{ border-color: {colours.accent}; }}"
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go along the way; Esc goes back to the canvas."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        at = next((number for number, button in enumerate(self.buttons) if button.hasFocus()), -1)
        if step and at >= 0:
            self.buttons[min(max(at + step, 0), len(self.buttons) - 1)].setFocus()
        elif event.key() == Qt.Key.Key_Escape:
            self.parentWidget().setFocus()
        else:
            super().keyPressEvent(event)
