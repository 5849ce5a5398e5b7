"""Small things that float above the drawing: a sentence at the cursor, the hint on empty paper, a title being typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QWidget

from widgets.look.language import said, tr
from widgets.look.theme import theme

STAYS_MS = 6000


class Bubble(QLabel):
    """One sentence near the cursor; it never takes the mouse."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._timer = QTimer(self, singleShot=True, interval=STAYS_MS)
        self._timer.timeout.connect(self.hide)
        self.hide()

    def say(self, sentence: str, pixel: QPointF | None = None, stays: bool = False, calm: bool = False) -> None:
        """Show a sentence, or with an empty one nothing; ``stays`` for some seconds; ``calm``: nothing is refused."""
        self._timer.stop()
        sentence = said(sentence)
        if not sentence:
            self.hide()
            return
        if sentence != self.text():
            self.setText(sentence)
            self.setAccessibleName(sentence)
            colours = theme()
            self.setStyleSheet(
                f"QLabel {{ background: {colours.panel}; color: {colours.text}; border: 1px solid {colours.accent if calm else colours.bad};"
                "border-radius: 6px; padding: 6px 9px; }"
            )
            wide = min(360, self.fontMetrics().horizontalAdvance(sentence) + 26)
            self.resize(wide, self.heightForWidth(wide))
        self._place(pixel or QPointF())
        self.show()
        self.raise_()
        if stays:
            self._timer.start()

    def _place(self, pixel: QPointF) -> None:
        room = self.parentWidget().rect()
        x = min(int(pixel.x()) + 18, room.width() - self.width() - 6)
        y = int(pixel.y()) + 20
        if y + self.height() > room.height() - 6:
            y = int(pixel.y()) - self.height() - 12
        self.move(max(x, 6), max(y, 6))


class EmptyHint(QLabel):
    """What to do on empty paper."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def restyle(self) -> None:
        """Say it in today's colours and language."""
        self.setStyleSheet(f"color: {theme().muted}; font-size: 14px; background: transparent;")
        self.setText(
            tr(
                "Nothing is drawn yet.\n\nDouble-click here or press Space to add a block, or drag one from the list on "
                "the left. Start with a source of data, then drag from its ports.\n\n"
                "Or open an example from the gallery."
            )
        )


class TypedInPlace:
    """What fields that are typed in on the canvas share: each ends once, and its text is used or not."""

    if TYPE_CHECKING:
        _use: Callable[[str], None]
        hide: Callable[[], None]
        deleteLater: Callable[[], None]

    is_over = False

    def typed(self) -> str:
        """The text as it stands."""
        raise NotImplementedError

    def end(self, keep: bool) -> None:
        """Close, using the text or not."""
        if self.is_over:
            return
        self.is_over = True
        self.hide()
        self.deleteLater()
        if keep:
            self._use(self.typed())


class InlineEditor(TypedInPlace, QLineEdit):
    """A title being typed in place: Enter or leaving keeps it, Esc does not."""

    def __init__(self, parent: QWidget, text: str, use: Callable[[str], None]) -> None:
        super().__init__(text, parent)
        self._use = use
        self.setMaxLength(200)
        self.setAccessibleName(tr("Title"))
        colours = theme()
        self.setStyleSheet(
            f"QLineEdit {{ background: {colours.panel}; color: {colours.text}; border: 1px solid {colours.accent};"
            "border-radius: 4px; padding: 0 4px; font-weight: 600; }"
        )

    def typed(self) -> str:
        return self.text()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
            self.end(event.key() != Qt.Key.Key_Escape)
            self.parentWidget().setFocus()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        if event.type() == QEvent.Type.FocusOut and not self.is_over:
            self.end(True)
        return super().event(event)
