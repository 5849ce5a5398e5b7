"""What a field has to say, floating by it: nothing moves under the mouse when it comes or goes."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLabel, QScrollArea, QWidget

from widgets.look.theme import theme

GAP = 2


class Note(QLabel):
    """A few lines over the form, below the field or above it where there is no room; clicks go through."""

    def __init__(self, field: QWidget) -> None:
        super().__init__(field)
        self._field = field
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setContentsMargins(8, 5, 8, 5)
        self.hide()

    def say(self, text: str, *, is_refusal: bool) -> None:
        """Show this; an empty text hides it."""
        c = theme()
        self.setText(text)
        self.setStyleSheet(
            f"color: {c.bad if is_refusal else c.muted}; background: {c.raised}; border: 1px solid {c.bad if is_refusal else c.line}; "
            "border-radius: 5px;"
        )
        if not text:
            self.hide()
            return
        self._float()

    def _float(self) -> None:
        """Over everything that scrolls with the field, as wide as the form."""
        host = self._host()
        if self.parentWidget() is not host:
            self.setParent(host)
        row = self._field.parentWidget() or self._field
        left = row.mapTo(host, QPoint(0, 0)).x()
        wide = max(min(row.width(), host.width() - left), 120)
        top = self._field.mapTo(host, QPoint(0, 0)).y()
        high = self.heightForWidth(wide) + GAP
        below = top + self._field.height() + GAP
        fits = below + high <= host.height() or top < high
        self.setGeometry(left, below if fits else top - high - GAP, wide, high)
        self.show()
        self.raise_()

    def _host(self) -> QWidget:
        widget: QWidget = self._field
        while (above := widget.parentWidget()) is not None:
            area = above.parentWidget()
            if isinstance(area, QScrollArea) and area.widget() is widget:
                return widget
            if widget.isWindow():
                break
            widget = above
        return widget
