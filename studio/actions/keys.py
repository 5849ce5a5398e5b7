"""All keys on one sheet."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("keys")
class Keys(Action):
    """All keys on one sheet."""

    text = "Keyboard shortcuts"
    menu = "Help"
    order = 11
    keys = ("Ctrl+?", "?")
    icon = "help"

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.show_keys()
