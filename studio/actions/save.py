"""Save the document."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("save")
class Save(Action):
    """Save the document."""

    text = "Save"
    menu = "File"
    order = 20
    keys = ("Ctrl+S",)
    icon = "save"
    separated = True

    def do(self, session: Session) -> None:
        """Do it."""
        if session.path is None:
            actions["save_as"]().do(session)
        else:
            session.attempt(session.save)
