"""Save a checkpoint and stop the run."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("stop")
class Stop(Action):
    """Save a checkpoint and stop the run."""

    text = "Stop"
    menu = "Run"
    order = 21
    keys = ("Shift+F5",)
    icon = "stop"

    def possible(self, session: Session) -> str:
        """Why not."""
        return "" if session.active else tr("Nothing is training.")

    def do(self, session: Session) -> None:
        """Do it."""
        session.command("stop")
