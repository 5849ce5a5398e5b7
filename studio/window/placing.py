"""Where a window lies: as it was closed, within its screen, with the list of blocks folded away where it is narrow."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QPoint, QRect, QSize
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabWidget, QWidget

from studio.session import Session
from studio.window.pages import Pages
from studio.window.panels import Panels

COMFORTABLE, TITLE_BAR, FRAME = QSize(1440, 900), 32, 4  # pixels; the desktop draws a title and a frame
NARROW = 760  # pixels; below, the list of blocks makes room for the canvas


def room_for(window: QWidget, corner: QPoint | None, size: QSize) -> tuple[QSize, QPoint | None]:
    """The size and the corner of what is inside the frame that put it wholly on its screen, frame and title too."""
    screen = QGuiApplication.screenAt(corner) if corner is not None else None
    room = (screen or window.screen()).availableGeometry().adjusted(FRAME, TITLE_BAR, -FRAME, -FRAME)
    size = size.boundedTo(room.size())
    if corner is None:
        return size, None
    right, bottom = room.right() + 1 - size.width(), room.bottom() + 1 - size.height()
    return size, QPoint(min(max(corner.x(), room.x()), right), min(max(corner.y(), room.y()), bottom))


def restored(window: QWidget, kept: QByteArray | None) -> bool:
    """Put it where it was when it was closed; False where that is not known."""
    return kept is not None and window.restoreGeometry(kept)


class PlacedWindow(QMainWindow):
    """A window that keeps its place; the panels in it are made by whoever inherits."""

    session: Session
    pages: Pages
    docks: dict[str, QDockWidget]
    panels: Panels
    _left_tabs: QTabWidget

    def restore_place(self) -> None:
        """Where the window was when it was closed, else as large as is comfortable; never larger than the screen."""
        if not restored(self, self.session.preferences.geometry):
            self.open_at(None, COMFORTABLE)
        elif not self.isMaximized() and not self.isFullScreen():
            self.open_at(self.geometry().topLeft(), self.size())

    def open_at(self, corner: QPoint | None, size: QSize) -> None:
        """This size where the screen has room for it, wholly on the screen; ``corner``: of what is inside the frame."""
        size, corner = room_for(self, corner, size)
        self._fold(size.width())
        if corner is None:
            self.resize(size)
        else:  # not move(), which places the frame: the window would come down by its title each time
            self.setGeometry(QRect(corner, size))

    def _fold(self, width: int) -> None:
        """A narrow window has no room for the list of blocks; double click and Tab add blocks there."""
        if self.pages.current == "design":
            self.panels.show(True, width < NARROW)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold and unfold where the width asks for it."""
        super().resizeEvent(event)
        if (event.oldSize().width() >= NARROW) != (event.size().width() >= NARROW):
            self._fold(event.size().width())

    def left_tab(self) -> int:
        """Blocks, outline or problems."""
        return self._left_tabs.currentIndex()

    def show_left_tab(self, number: int) -> None:
        """Bring one of them to the front."""
        self._left_tabs.setCurrentIndex(number)
