"""Everything in the window larger."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("larger")
class Larger(Action):
    """Everything in the window larger."""

    text = "Larger interface"
    menu = "View"
    order = 63

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.use_scale(session.preferences.scale + 0.1)
