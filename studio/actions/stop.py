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

    def words(self, session: Session) -> str:
        """Stop; once it was asked for: stopping."""
        return tr("Stopping…") if self._is_stopping(session) else tr(self.text)

    def _is_stopping(self, session: Session) -> bool:
        """Asked to, and there is nothing left to leave out."""
        active = session.active
        return active is not None and active.uid in session.stopping - session.evaluating

    def possible(self, session: Session) -> str:
        """Why not."""
        if self._is_stopping(session):
            return tr("It is stopping: the step is finished and a checkpoint saved.")
        return "" if session.active else tr("Nothing is training.")

    def do(self, session: Session) -> None:
        """Do it."""
        if session.active is not None:
            session.stop(session.active.uid)
