"""Let the steps go that were taken by hand: the next one begins anew."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("forget_steps")
class ForgetSteps(Action):
    """Let the steps go that were taken by hand: the next one begins anew."""

    text = "Forget the steps"
    menu = "Run"
    order = 13

    def possible(self, session: Session) -> str:
        """Why not."""
        has_some = session.window is not None and hasattr(session.window, "seeing") and session.window.seeing.taken
        return "" if has_some else tr("No step was taken.")

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.seeing.forget()
