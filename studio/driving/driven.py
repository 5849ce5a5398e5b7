"""The window when scripts may drive it: switched on and off, and said as long as one is connected."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStatusBar, QWidget

from core.problems import Refused
from studio.driving.server import Server
from studio.driving.table import Table
from studio.session import Session
from studio.telling.sentences import refusal
from widgets.look.language import tr


class Driving:
    """One for each window; the session's own socket outlives a window that is made anew."""

    def __init__(self, session: Session, bar: QStatusBar) -> None:
        self._session = session
        self._chip, self._told, self._stop = QWidget(), QLabel(), QPushButton(tr("Let go"))
        row = QHBoxLayout(self._chip)
        row.setContentsMargins(0, 0, 6, 0)
        row.addWidget(self._told)
        row.addWidget(self._stop)
        self._chip.hide()
        bar.addPermanentWidget(self._chip)
        self._server = server_of(session)
        self._server.drivenBy.connect(self._show)
        self._stop.clicked.connect(self._server.let_go)
        self._show([caller.script for caller in self._server.callers if caller.script])

    @property
    def is_on(self) -> bool:
        """Whether scripts may come."""
        return self._server.place is not None

    def switch(self, on: bool) -> None:
        """Let scripts in, or no more."""
        if not on:
            self._server.close()
            self._session.say(tr("No script drives this window any more."))
            return
        try:
            place = self._server.open()
        except Refused as refused:
            self._session.say(refusal(refused), "error")
            return
        self._session.say(tr("Your scripts can drive this window through {place}.", place=str(place)))

    def _show(self, scripts: list[str]) -> None:
        names = ", ".join(dict.fromkeys(scripts))
        self._told.setText(tr("Driven by {names}", names=names))
        self._chip.setVisible(bool(scripts))

    @property
    def words(self) -> str:
        """What the window says of it now; empty while no script is connected."""
        return self._told.text() if not self._chip.isHidden() else ""

    def release(self) -> None:
        """This window goes; the socket stays for the next."""
        self._server.drivenBy.disconnect(self._show)


def server_of(session: Session) -> Server:
    """The session's one socket."""
    found = session.findChild(Server)
    if found is None:
        found = Server(Table(session).answer, session)
    return found
