"""The question as a video: drop or open a file, see its frames, and ask what a run can tell of it."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QGridLayout, QPushButton, QVBoxLayout, QWidget

from widgets.look.frames import paint_frames
from widgets.look.language import said, tr
from widgets.look.plain import plain_tip
from widgets.query.values import Filming, Ways
from widgets.query.well import FileWell

SUFFIXES = tuple(".mp4 .m4v .mkv .mov .webm .avi .mpg .mpeg .ogv .gif .ts .flv .wmv .3gp".split())
TOLD = ("classify", "localise", "caption", "align")


class FilmWell(FileWell):
    """A place to drop one video; some of its frames are shown once it has been read."""

    suffixes, what = SUFFIXES, "film"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._film: Filming | None = None

    def show_film(self, film: Filming | None) -> None:
        """What is in the well, once it has been read."""
        self._film = film
        self.update()

    def invitation(self) -> str:
        return tr("Drop a video here, or click to open a file")

    def cannot_read(self, name: str) -> str:
        return tr("{name} is not a video that can be read here.", name=name)

    def opening(self) -> tuple[str, str]:
        return tr("Open a video"), tr("Videos", "files")

    def has_content(self) -> bool:
        return self._film is not None

    def forget(self) -> None:
        self.show_film(None)

    def paint_content(self, painter: QPainter, inside: QRect) -> None:
        assert self._film is not None
        rows, some = (1, self._film.tiles[::2]) if inside.width() < 2 * inside.height() else (2, self._film.tiles)
        half = -(-len(some) // rows)
        for row in range(rows):
            high = inside.height() / rows
            place = QRectF(inside.left(), inside.top() + row * high, inside.width(), high)
            paint_frames(painter, place, some[row * half : (row + 1) * half])


class WatchingForm(QWidget):
    """A well for a video, and a button for everything that can be told of it."""

    filmChosen = Signal(str)  # path
    filmRemoved = Signal()
    refused = Signal(str)
    told = Signal(str)  # kind of answer

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.well = FilmWell()
        self.buttons = {kind: QPushButton(words) for kind, words in zip(TOLD, _words())}
        kinds = QGridLayout()
        kinds.setSpacing(6)
        for number, button in enumerate(self.buttons.values()):
            kinds.addWidget(button, number // 2, number % 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.well)
        column.addLayout(kinds)
        self.well.chosen.connect(self.filmChosen)
        self.well.removed.connect(self.filmRemoved)
        self.well.refused.connect(self.refused)
        for kind, button in self.buttons.items():
            button.clicked.connect(lambda _=False, kind=kind: self.told.emit(kind))

    def path(self) -> str:
        """The file that is asked about; empty where there is none."""
        return self.well.path

    def show_film(self, path: str, film: Filming | None) -> None:
        """What was read of a file; of one that is no longer asked about nothing."""
        if path == self.path():
            self.well.show_film(film)

    def set_possible(self, ways: Ways, why_not: str) -> None:
        """Show what can be told of a video by this run; ``why_not`` is why nothing can be asked now."""
        self.setVisible(any(ways.sees(kind) for kind in ways.of_film))
        missing = "" if self.path() else tr("Choose a video first.")
        for kind, button in self.buttons.items():
            reason = ways.of_film.get(kind, "") or why_not or missing
            button.setEnabled(not reason)
            button.setToolTip(plain_tip(said(reason)))

    def first_told(self) -> str:
        """The kind that a new video is asked for at once; empty where there is none."""
        return next((kind for kind, button in self.buttons.items() if button.isEnabled()), "")


def _words() -> tuple[str, ...]:
    return (tr("Classify"), tr("Actions in time"), tr("Write a caption"), tr("Audio offset"))
