"""Find a command by name."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("commands")
class Commands(Action):
    """Find a command by name."""

    text = "Find a command…"
    menu = "Help"
    order = 10
    keys = ("Ctrl+Shift+P",)
    icon = "search"

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.open_commands()
