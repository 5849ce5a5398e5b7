"""Every panel where it was at first."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("reset_layout")
class ResetLayout(Action):
    """Every panel where it was at first."""

    text = "Reset the layout"
    menu = "View"
    order = 50

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.show_page("design")
        session.window.panels.reset()
        session.stateChanged.emit()
