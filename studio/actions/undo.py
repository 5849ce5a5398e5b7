"""Take the last edit back."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("undo")
class Undo(Action):
    """Take the last edit back."""

    text = "Undo"
    menu = "Edit"
    order = 10
    keys = ("Ctrl+Z",)
    icon = "undo"

    def possible(self, session: Session) -> str:
        """Why not."""
        return "" if session.history.undo_name else tr("There is nothing to undo.")

    def do(self, session: Session) -> None:
        """Do it."""
        session.undo()
