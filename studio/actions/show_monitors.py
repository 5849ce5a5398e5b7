"""Hide the monitors beside the drawing, or bring it back."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("show_monitors")
class ShowMonitors(Action):
    """Hide the monitors beside the drawing, or bring it back."""

    text = "Hide the monitors"
    menu = "View"
    order = 48
    keys = ("Ctrl+Alt+3",)

    def words(self, session: Session) -> str:
        """What it does now."""
        wanted = "monitors" not in session.preferences.hidden_panels
        return tr("Hide the monitors") if wanted else tr("Show the monitors")

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.panels.toggle("monitors")
        session.stateChanged.emit()
