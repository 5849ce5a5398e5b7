"""Go on with the watched run from its newest checkpoint."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("continue_run")
class ContinueRun(Action):
    """Go on with the watched run from its newest checkpoint."""

    text = "Continue the watched run"
    menu = "Run"
    order = 30
    separated = True

    def possible(self, session: Session) -> str:
        """Why not."""
        facts = session.facts(session.watched)
        if facts is None:
            return tr("No run is on the monitors.")
        return (
            ""
            if facts.status in ("stopped", "interrupted", "failed")
            else tr("This run has nothing left to train or trains now.")
        )

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.dialogs.go_on(session.watched)
