"""No animations."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("reduced_motion")
class ReducedMotion(Action):
    """No animations."""

    text = "Reduce motion"
    menu = "View"
    order = 65

    def do(self, session: Session) -> None:
        """Do it."""
        session.preferences.reduced_motion = not session.preferences.reduced_motion
        session.window.canvas.set_reduced_motion(session.preferences.reduced_motion)
