"""The keys go to the panel before."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("previous_panel")
class PreviousPanel(Action):
    """The keys go to the panel before."""

    text = "Previous panel"
    menu = "View"
    order = 41
    keys = ("Shift+F6",)

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.next_panel(-1)
