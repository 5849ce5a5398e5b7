"""One training step of the graph in memory, without a run."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from studio.window.totals import why_unchecked
from widgets.look.language import said


@actions.register("one_step")
class OneStep(Action):
    """One training step of the graph in memory, without a run."""

    text = "One step"
    menu = "Run"
    order = 12
    keys = ("F10",)
    icon = "step_forward"

    def possible(self, session: Session) -> str:
        """Why not."""
        if session.analysis is None:
            return why_unchecked(session)
        first = next((p for p in session.analysis.problems if p.severity == "error"), None)
        return said(first.what) if first else ""

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.seeing.step()
