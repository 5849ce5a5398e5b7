"""The question: a sentence to type, or a picture to drop, open or paste."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRect, QRectF, QSize
from PySide6.QtGui import QImage, QImageReader, QPainter
from PySide6.QtWidgets import QWidget

from widgets.look.language import tr
from widgets.look.pictures import draw_picture, fitted
from widgets.query.well import FileWell

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".gif")


class PictureWell(FileWell):
    """A place to drop one picture; a click opens a file."""

    suffixes, what = SUFFIXES, "picture"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: QImage | None = None
        self.setMinimumSize(120, 120)

    def invitation(self) -> str:
        return tr("Drop an image here, or click to open one")

    def cannot_read(self, name: str) -> str:
        return tr("{name} is not an image that can be read here.", name=name)

    def opening(self) -> tuple[str, str]:
        return tr("Open an image"), tr("Images")

    def has_content(self) -> bool:
        return self._image is not None

    def forget(self) -> None:
        self._image = None
        self.update()

    def clear(self) -> None:
        """Empty the well without a word: the question is another's."""
        self.path = ""
        self.forget()

    def read(self, path: str) -> bool:
        """The picture as the camera was held: so does the model see it."""
        reader = QImageReader(path)
        reader.setAutoTransform(True)
        image = reader.read()
        if image.isNull():
            self.refused.emit(tr("{name} cannot be read as an image.", name=Path(path).name))
            return False
        self._image = image
        self.update()
        return True

    def sizeHint(self) -> QSize:
        return QSize(220, 220)

    def paint_content(self, painter: QPainter, inside: QRect) -> None:
        assert self._image is not None
        place = fitted(self._image.width(), self._image.height(), QRectF(inside))
        draw_picture(painter, place, self._image)
