"""The question: a sentence to type, or a picture to drop, open or paste."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QImage,
    QImageReader,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.look.files import open_file
from widgets.look.language import tr
from widgets.look.pictures import draw_picture, fitted
from widgets.look.theme import look, theme

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".gif")


class PictureWell(QWidget):
    """A place to drop one picture; a click opens a file."""

    pictureChosen = Signal(str)  # path
    pictureRemoved = Signal()
    refused = Signal(str)  # a sentence

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: QImage | None = None
        self._is_over = False
        self.setAcceptDrops(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(120, 120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Drop an image here, or click to open one"))
        look.changed.connect(self.update)

    def set_image(self, image: QImage | None) -> None:
        """What is in the well."""
        self._image = image if image is not None and not image.isNull() else None
        self.update()

    def take(self, path: str) -> bool:
        """Use a picture file; says why where it cannot be used."""
        if Path(path).suffix.lower() not in SUFFIXES:
            self.refused.emit(tr("{name} is not an image that can be read here.", name=Path(path).name))
            return False
        reader = QImageReader(path)
        reader.setAutoTransform(True)  # as the camera was held: so does the model see it
        image = reader.read()
        if image.isNull():
            self.refused.emit(tr("{name} cannot be read as an image.", name=Path(path).name))
            return False
        self.set_image(image)
        self.pictureChosen.emit(path)
        return True

    def open_file(self) -> None:
        """Let the person choose a file."""
        kinds = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        path = open_file(self, tr("Open an image"), f"{tr('Images')} ({kinds})", what="picture")
        if path:
            self.take(path)

    def sizeHint(self) -> QSize:
        return QSize(220, 220)

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

    def remove(self) -> None:
        """Empty the well."""
        if self._image is not None:
            self.set_image(None)
            self.pictureRemoved.emit()

    def corner(self) -> QRectF:
        """Where a click takes the picture out again."""
        return QRectF(self.width() - 28.0, 6.0, 22.0, 22.0)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._image is not None and self.corner().contains(event.position()):
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
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = theme()
        lit = self._is_over or self.hasFocus()
        painter.setBrush(QColor(colours.raised))
        painter.setPen(QPen(QColor(colours.accent if lit else colours.edge), 1.5, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)
        if self._image is not None:
            place = fitted(self._image.width(), self._image.height(), QRectF(self.rect()).adjusted(8, 8, -8, -8))
            draw_picture(painter, place, self._image)
            self._draw_corner(painter)
        else:
            painter.setPen(QColor(colours.muted if self.isEnabled() else colours.line))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(
                self.rect().adjusted(10, 10, -10, -10), flags, tr("Drop an image here, or click to open one")
            )
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
