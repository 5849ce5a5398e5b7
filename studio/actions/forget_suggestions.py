"""Forget which blocks this person wires after which."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("forget_suggestions")
class ForgetSuggestions(Action):
    """Forget which blocks this person wires after which."""

    text = "Forget learned suggestions"
    menu = "Edit"
    order = 90

    def possible(self, session: Session) -> str:
        """Why not."""
        return "" if session.learning.learned.counts else tr("Nothing was learned yet.")

    def do(self, session: Session) -> None:
        """Do it."""
        session.learning.forget()
        session.say(
            tr(
                "What was learned from your wires is forgotten; it was kept in {path}.",
                path=str(session.learning.place),
            )
        )
        session.stateChanged.emit()
