"""Documents that were opened last, in the File menu; those that are gone are said, and forgotten on a click."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from studio.session import Session
from widgets.look.language import tr
from widgets.look.plain import plain_tip


class RecentFiles(QObject):
    """The menu is filled when it is opened: a file may have come or gone since."""

    def __init__(self, session: Session, menu: QMenu, before: QAction, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self.menu = QMenu(tr("Open recent"), menu)
        self.menu.setToolTipsVisible(True)
        menu.insertMenu(before, self.menu)
        menu.aboutToShow.connect(self.fill)
        self.fill()

    def fill(self) -> None:
        """Newest first."""
        self.menu.clear()
        places = [Path(place) for place in self._session.preferences.recent]
        for place in places:
            there = place.is_file()
            words = f"{place.name}  ·  {place.parent}" if there else tr("{name} (no longer there)", name=place.name)
            entry = self.menu.addAction(words.replace("&", "&&"))
            entry.setToolTip(plain_tip(str(place)))
            entry.setEnabled(there)
            entry.triggered.connect(lambda _=False, place=place: self.open(place))
        if not places:
            self.menu.addAction(tr("Nothing was opened yet.")).setEnabled(False)
            return
        self.menu.addSeparator()
        gone = [place for place in places if not place.is_file()]
        forget = self.menu.addAction(tr("Forget those that are gone"), lambda: self._forget(gone))
        forget.setEnabled(bool(gone))
        self.menu.addAction(tr("Forget all"), lambda: self._forget(places))

    def open(self, place: Path) -> None:
        """In a tab of its own."""
        self._session.attempt(lambda: self._session.open(place))
        self._session.window.show_page("design")

    def _forget(self, places: list[Path]) -> None:
        self._session.preferences.forget_recent([str(place) for place in places])
        self.fill()
