"""Everything in the window smaller."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("smaller")
class Smaller(Action):
    """Everything in the window smaller."""

    text = "Smaller interface"
    menu = "View"
    order = 64

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.use_scale(session.preferences.scale - 0.1)
