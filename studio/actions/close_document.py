"""Close the document that is shown; of one that is not saved it is asked first."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("close_document")
class CloseDocument(Action):
    """Close the document that is shown."""

    text = "Close document"
    menu = "File"
    order = 22
    keys = ("Ctrl+W",)
    icon = "close"

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.open_tabs.close_one(session.tabs.at)
