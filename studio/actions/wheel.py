"""What the mouse wheel does on the canvas."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("wheel")
class Wheel(Action):
    """The wheel zooms at the cursor, or moves the view and zooms with Ctrl; a touchpad always moves it."""

    text = "The wheel moves the view"
    menu = "View"
    order = 66

    def words(self, session: Session) -> str:
        """What it would do now."""
        return tr(self.text) if session.preferences.wheel_zooms else tr("The wheel zooms")

    def do(self, session: Session) -> None:
        """Do it."""
        session.preferences.wheel_zooms = not session.preferences.wheel_zooms
        session.window.canvas.wheel_zooms = session.preferences.wheel_zooms
        session.stateChanged.emit()
