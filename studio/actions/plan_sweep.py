"""Show what the document's sweep varies, beside the drawing."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("plan_sweep")
class PlanSweep(Action):
    """Show what the document's sweep varies, beside the drawing."""

    text = "Plan a sweep"
    menu = "Run"
    order = 41

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.rooms.sweeps().show_plan()
