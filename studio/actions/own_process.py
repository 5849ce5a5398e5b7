"""Train in a process of its own that outlives the window."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("own_process")
class OwnProcess(Action):
    """Train in a process of its own that outlives the window."""

    text = "Train in a process of its own"
    menu = "Run"
    order = 40
    separated = True

    def possible(self, session: Session) -> str:
        """Why not."""
        return (
            tr("Several processes share this run: they outlive the window anyway.")
            if session.document.recipe.processes > 1
            else ""
        )

    def do(self, session: Session) -> None:
        """Do it."""
        session.preferences.place = "thread" if session.preferences.place == "process" else "process"
        own = session.preferences.place == "process"
        session.say(tr("The next run outlives this window.") if own else tr("The next run trains in this window."))
        session.stateChanged.emit()
