"""What a run of this graph will take, measured before it begins."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("budget")
class Budget(Action):
    """What a run of this graph will take, measured before it begins."""

    text = "Budget…"
    menu = "Run"
    order = 14
    keys = ("Ctrl+Shift+B",)
    icon = "device"

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.budgeting.open()
