"""Close the window."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("quit")
class Quit(Action):
    """Close the window."""

    text = "Quit"
    menu = "File"
    order = 90
    keys = ("Ctrl+Q",)
    separated = True

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.close()
