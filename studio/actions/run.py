"""Train the document."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from studio.window.totals import why_unchecked
from widgets.look.language import said


@actions.register("run")
class Run(Action):
    """Train the document."""

    text = "Run"
    menu = "Run"
    order = 10
    keys = ("Ctrl+Return", "Ctrl+Enter")
    icon = "run"

    def possible(self, session: Session) -> str:
        """Why not."""
        if session.analysis is None:
            return why_unchecked(session)
        first = next((p for p in session.analysis.problems if p.severity == "error"), None)
        return said(first.what) if first else ""

    def do(self, session: Session) -> None:
        """Do it."""
        if session.run():
            session.window.run_started()
