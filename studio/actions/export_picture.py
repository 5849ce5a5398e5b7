"""Save a picture of the window, with the result card of the watched run."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("export_picture")
class ExportPicture(Action):
    """Save a picture of the window."""

    text = "Save a screenshot of the window…"
    menu = "File"
    order = 31
    icon = "picture"

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.cards.save(session.window, f"{session.document.name}.png")
