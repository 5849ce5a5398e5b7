"""Leave the evaluation that goes on; the run trains on without its scores."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("skip_evaluation")
class SkipEvaluation(Action):
    """Leave the evaluation that goes on and train on: this step has no held-out scores, and log and timeline say so."""

    text = "Skip this evaluation"
    menu = "Run"
    order = 22  # beside Stop and evaluate
    keys = ("Ctrl+Shift+F6",)

    def possible(self, session: Session) -> str:
        """Why not."""
        if session.active is None:
            return tr("Nothing is training.")
        if session.active.phase != "evaluating":
            return tr("Nothing is evaluated now.")
        return ""

    def do(self, session: Session) -> None:
        """Do it."""
        if session.active is not None:
            session.say(tr("This evaluation is skipped; its step has no held-out scores."))
            session.command("skip_evaluation")
