"""Open a document from a file."""

from __future__ import annotations

from pathlib import Path

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.files import open_file
from widgets.look.language import tr


@actions.register("open_document")
class OpenDocument(Action):
    """Open a document from a file."""

    text = "Open…"
    menu = "File"
    order = 11
    keys = ("Ctrl+O",)
    icon = "open"

    def do(self, session: Session) -> None:
        """Do it."""
        name = open_file(session.window, tr("Open"), tr("Experiments (*.json)"), what="document")
        if name:
            session.attempt(lambda: self._open(session, Path(name)))

    def _open(self, session: Session, path: Path) -> None:
        session.open(path)
        session.window.show_page("design")
