"""Save the run now."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("checkpoint")
class Checkpoint(Action):
    """Save the run now."""

    text = "Checkpoint now"
    menu = "Run"
    order = 22
    keys = ("Ctrl+Shift+K",)
    icon = "checkpoint"

    def possible(self, session: Session) -> str:
        """Why not."""
        return "" if session.active else tr("Nothing is training.")

    def do(self, session: Session) -> None:
        """Do it."""
        session.command("checkpoint")
