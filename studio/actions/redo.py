"""Do what was undone again."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("redo")
class Redo(Action):
    """Do what was undone again."""

    text = "Redo"
    menu = "Edit"
    order = 11
    keys = ("Ctrl+Shift+Z", "Ctrl+Y")
    icon = "redo"

    def possible(self, session: Session) -> str:
        """Why not."""
        return "" if session.history.redo_name else tr("There is nothing to redo.")

    def do(self, session: Session) -> None:
        """Do it."""
        session.redo()
