"""Save a checkpoint, evaluate what was learned, and end the run."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("stop_and_evaluate")
class StopAndEvaluate(Action):
    """Save a checkpoint, evaluate every split once, and end the run. Stop, meanwhile, leaves the evaluation out."""

    text = "Stop and evaluate"
    menu = "Run"
    order = 21  # beside Stop
    keys = ("Ctrl+Shift+F5",)

    def possible(self, session: Session) -> str:
        """Why not."""
        active = session.active
        if active is None:
            return tr("Nothing is training.")
        if active.uid in session.evaluating:
            return tr(
                "It is stopping: a checkpoint is saved and all splits are evaluated. Stop leaves the evaluation out."
            )
        if active.uid in session.stopping:
            return tr("It is stopping: the step is finished and a checkpoint saved.")
        return ""

    def do(self, session: Session) -> None:
        """Do it."""
        if session.active is not None:
            session.stop(session.active.uid, evaluate=True)
