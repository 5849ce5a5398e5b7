"""A place to drop one file: what wells for images, sounds and videos share."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.look.files import open_file
from widgets.look.theme import look, theme


class FileWell(QWidget):
    """A place to drop one file of a kind; a click opens one. What is in it is drawn once it has been read."""

    suffixes: ClassVar[tuple[str, ...]]
    what: ClassVar[str]  # where the file was last opened from is kept by it

    chosen = Signal(str)  # path
    removed = Signal()
    refused = Signal(str)  # a sentence

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.path, self._is_over = "", False
        self.setAcceptDrops(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(120, 96)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.invitation())
        look.changed.connect(self.update)

    def invitation(self) -> str:
        """What stands in an empty well."""
        raise NotImplementedError

    def cannot_read(self, name: str) -> str:
        """That a file is of another kind."""
        raise NotImplementedError

    def opening(self) -> tuple[str, str]:
        """The words over the choice of a file, and what its kind is called."""
        raise NotImplementedError

    def has_content(self) -> bool:
        """Whether what is in the file has been read."""
        raise NotImplementedError

    def forget(self) -> None:
        """What was read of a file is another's."""
        raise NotImplementedError

    def paint_content(self, painter: QPainter, inside: QRect) -> None:
        """Draw what was read."""
        raise NotImplementedError

    def read(self, path: str) -> bool:
        """What is read of a file at once; False where that cannot be, having said why."""
        self.forget()
        return True

    def take(self, path: str) -> bool:
        """Use a file; says why where it cannot be used."""
        if Path(path).suffix.lower() not in self.suffixes:
            self.refused.emit(self.cannot_read(Path(path).name))
            return False
        if not self.read(path):
            return False
        self.path = path
        self.chosen.emit(path)
        return True

    def open_file(self) -> None:
        """Let the person choose a file."""
        (title, kind), endings = self.opening(), " ".join(f"*{suffix}" for suffix in self.suffixes)
        path = open_file(self, title, f"{kind} ({endings})", what=self.what)
        if path:
            self.take(path)

    def remove(self) -> None:
        """Empty the well."""
        if self.path:
            self.path = ""
            self.forget()
            self.removed.emit()

    def corner(self) -> QRectF:
        """Where a click takes the file out again."""
        return QRectF(self.width() - 28.0, 6.0, 22.0, 22.0)

    def sizeHint(self) -> QSize:
        return QSize(220, 110)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            self._is_over = True
            self.update()
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._is_over = False
        self.update()

    def dropEvent(self, event: QDropEvent) -> None:
        self._is_over = False
        self.update()
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.take(paths[0])

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.path and self.corner().contains(event.position()):
            self.remove()
        elif event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.open_file()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.open_file()
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colours = QPainter(self), theme()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor(colours.raised))
        lit = self._is_over or self.hasFocus()
        painter.setPen(QPen(QColor(colours.accent if lit else colours.edge), 1.5, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)
        inside = self.rect().adjusted(8, 8, -8, -8)
        if self.has_content():
            self.paint_content(painter, inside)
        else:
            painter.setPen(QColor(colours.muted if self.isEnabled() else colours.line))
            words = Path(self.path).name if self.path else self.invitation()
            painter.drawText(inside, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, words)
        if self.path:
            self._draw_corner(painter)
        painter.end()

    def _draw_corner(self, painter: QPainter) -> None:
        place, colours = self.corner(), theme()
        painter.setPen(QPen(QColor(colours.line), 1))
        painter.setBrush(QColor(colours.raised))
        painter.drawEllipse(place)
        cross = place.adjusted(7, 7, -7, -7)
        painter.setPen(QPen(QColor(colours.text), 1.5))
        painter.drawLine(cross.topLeft(), cross.bottomRight())
        painter.drawLine(cross.topRight(), cross.bottomLeft())
