"""A new run from the watched run's checkpoint at the cursor, with the document as it is now."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("fork_run")
class ForkRun(Action):
    """A new run from the watched run's checkpoint at the cursor, with the document as it is now."""

    text = "Fork from this step"
    menu = "Run"
    order = 31
    icon = "fork"

    def possible(self, session: Session) -> str:
        """Why not."""
        return "" if session.facts(session.watched) else tr("No run is on the monitors.")

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.ask_fork(session.watched, session.window.cursor_step())
