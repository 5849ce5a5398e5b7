"""A sentence for the person with up to two things to click; never a box in the way. Hints leave by themselves.

A question that is not answered yet comes back when what was said over it has left.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from widgets.look.icons import icon
from widgets.look.language import said, tr
from widgets.look.theme import look, theme

HINT_SECONDS, WARNING_SECONDS = 6, 20
WIDEST, EDGE = 900, 8  # pixels
Choices = tuple[tuple[str, Callable[[], None]], ...]


class MessageBar(QWidget):
    """One message at a time, floating over the page: nothing is pushed down."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._severity, self._low = "hint", False
        self._choices: Choices = ()
        self._waiting: list[tuple[str, str, Choices]] = []
        self._mark, self._text = QLabel(), QLabel()
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._buttons = [QPushButton(), QPushButton()]
        self.close_button = QToolButton()
        self.close_button.setToolTip(tr("Close this message"))
        self.close_button.setAccessibleName(tr("Close this message"))
        self.close_button.clicked.connect(self.clear)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 6, 8, 6)
        row.addWidget(self._mark)
        row.addWidget(self._text, 1)
        for button in self._buttons:
            row.addWidget(button)
        row.addWidget(self.close_button)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.clear)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        if parent is not None:
            parent.installEventFilter(self)
        look.changed.connect(self.restyle)
        self.hide()

    def show_message(self, sentence: str, severity: str = "hint", choices: Choices = ()) -> None:
        """Show a sentence; with choices it stays until one is taken or it is closed. The same choices anew: how far something is now."""
        sentence = said(sentence)
        if self._choices and not self.isHidden() and sentence != self._text.text():
            self._waiting.append((self._text.text(), self._severity, self._choices))
        self._waiting = [one for one in self._waiting if one[0] != sentence and one[2] != choices]
        self._severity, self._choices = severity, choices
        self._text.setText(sentence)
        for number, button in enumerate(self._buttons):
            button.setVisible(number < len(choices))
            if button.receivers("2clicked(bool)"):
                button.clicked.disconnect()
            if number < len(choices):
                text, act = choices[number]
                button.setText(text)
                button.clicked.connect(lambda _=False, act=act: (self.clear(), act()))
        self.restyle()
        self.show()
        self.place()
        seconds = {"hint": HINT_SECONDS, "warning": WARNING_SECONDS}.get(severity, 0)
        if seconds and not choices:
            self._timer.start(seconds * 1000)
        else:
            self._timer.stop()

    def keep_low(self, low: bool) -> None:
        """At the lower edge, where a page has its commands at the upper one."""
        self._low = low
        self.place()

    def place(self) -> None:
        """In the middle of the page's upper or lower edge, as wide as the sentence needs."""
        page = self.parentWidget()
        if page is None or self.isHidden():
            return
        margins = self.layout().contentsMargins()
        buttons = sum(button.sizeHint().width() + 8 for button in self._buttons if not button.isHidden())
        rest = margins.left() + margins.right() + 18 + 8 + buttons + self.close_button.sizeHint().width() + 24
        wanted = self._text.fontMetrics().horizontalAdvance(self._text.text()) + rest + 8
        wide = max(min(wanted, WIDEST, page.width() - 2 * EDGE), min(240, page.width()))
        text = self._text.heightForWidth(max(wide - rest, 80))
        high = max(text, self.close_button.sizeHint().height(), self._buttons[0].sizeHint().height()) + 12
        high = min(high, page.height())
        self.setGeometry((page.width() - wide) // 2, page.height() - high - EDGE if self._low else EDGE, wide, high)
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep its place on a page that changes its size."""
        if event.type() == QEvent.Type.Resize:
            self.place()
        return super().eventFilter(watched, event)

    @property
    def sentence(self) -> str:
        """What is shown; empty where nothing is."""
        return self._text.text() if not self.isHidden() else ""

    def clear(self) -> None:
        """Hide it; a question that was covered comes back."""
        self._timer.stop()
        self._choices = ()
        self.hide()
        if self._waiting:
            self.show_message(*self._waiting.pop())

    def take_back(self, choices: Choices) -> None:
        """What had these choices is over, whether it is shown or waits behind another."""
        self._waiting = [one for one in self._waiting if one[2] != choices]
        if self._choices == choices:
            self.clear()

    def forget(self) -> None:
        """Hide it with every question that waits behind it."""
        self._waiting = []
        self.clear()

    def restyle(self) -> None:
        """Colours of the theme and the severity."""
        c = theme()
        colour = {"error": c.bad, "warning": c.warning}.get(self._severity, c.accent)
        self.setStyleSheet(
            f"MessageBar {{ background: {c.raised}; border: 1px solid {c.line}; border-left: 3px solid {colour}; border-radius: 6px; }}"
        )
        if not self.isHidden() or self._text.text():
            self._mark.setPixmap(
                icon(self._severity if self._severity in ("error", "warning", "hint") else "hint", colour).pixmap(
                    18, 18
                )
            )
            self.close_button.setIcon(icon("close"))
