"""Pause the run, or let it go on."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("pause")
class Pause(Action):
    """Pause the run, or let it go on."""

    text = "Pause / Resume"
    menu = "Run"
    order = 20
    keys = ("Ctrl+Shift+Return",)
    icon = "pause"
    separated = True

    def possible(self, session: Session) -> str:
        """Why not."""
        return "" if session.active else tr("Nothing is training.")

    def do(self, session: Session) -> None:
        """Do it."""
        active = session.active
        session.command("resume" if active and active.status == "paused" else "pause")
