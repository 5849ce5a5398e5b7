"""Change the learning rate of the run that trains."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("set_rate")
class SetRate(Action):
    """Change the learning rate of the run that trains."""

    text = "Change the learning rate…"
    menu = "Run"
    order = 23

    def possible(self, session: Session) -> str:
        """Why not."""
        return "" if session.active else tr("Nothing is training.")

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.ask_rate()
