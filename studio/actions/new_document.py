"""An empty canvas."""

from __future__ import annotations

from core.graph.document import Document
from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("new_document")
class NewDocument(Action):
    """An empty canvas."""

    text = "New"
    menu = "File"
    order = 10
    keys = ("Ctrl+N",)
    icon = "new"

    def do(self, session: Session) -> None:
        """Do it."""
        session.show(Document(name=tr("untitled")))
        session.window.show_page("design")
