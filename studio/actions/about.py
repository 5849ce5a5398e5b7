"""Which version this is, what it is made with, and under which licences."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("about")
class About(Action):
    """Which version this is, what it is made with, and under which licences."""

    text = "About"
    menu = "Help"
    order = 30
    icon = "hint"

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.show_about()
