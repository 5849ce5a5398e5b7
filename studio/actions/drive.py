"""Let scripts of the person's own drive this window, or no more."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.driving.places import why_not_here
from studio.session import Session
from widgets.look.language import tr


@actions.register("drive")
class Drive(Action):
    """Let scripts of the person's own drive this window, or no more."""

    text = "Let my scripts drive the window"
    menu = "File"
    order = 37
    icon = "driven"

    def words(self, session: Session) -> str:
        """What it would do now."""
        on = session.window is not None and hasattr(session.window, "driving") and session.window.driving.is_on
        return tr("Let no script drive the window") if on else tr(self.text)

    def possible(self, session: Session) -> str:
        """Why not."""
        return tr(why_not_here()) if why_not_here() else ""

    def do(self, session: Session) -> None:
        """Do it, and so at every start."""
        driving = session.window.driving
        driving.switch(not driving.is_on)
        session.preferences.driven = driving.is_on
        session.stateChanged.emit()
