"""The keys go to the next panel."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("next_panel")
class NextPanel(Action):
    """The keys go to the next panel."""

    text = "Next panel"
    menu = "View"
    order = 40
    keys = ("F6",)
    separated = True

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.next_panel(1)
