"""Train every configuration of the document's sweep."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("run_sweep")
class RunSweep(Action):
    """Train every configuration of the document's sweep."""

    text = "Run sweep"
    keys = ("Ctrl+Shift+R",)
    menu = "Run"
    order = 40
    separated = True

    def possible(self, session: Session) -> str:
        """Why not."""
        if session.document.sweep is None:
            return tr("The experiment has no sweep: right-click a setting and choose Sweep this setting.")
        return ""

    def do(self, session: Session) -> None:
        """Do it."""
        session.sweeping.begin()
