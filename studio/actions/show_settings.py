"""Hide the settings beside the drawing, or bring it back."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("show_settings")
class ShowSettings(Action):
    """Hide the settings beside the drawing, or bring it back."""

    text = "Hide the settings"
    menu = "View"
    order = 47
    keys = ("Ctrl+Alt+2",)

    def words(self, session: Session) -> str:
        """What it does now."""
        wanted = "inspector" not in session.preferences.hidden_panels
        return tr("Hide the settings") if wanted else tr("Show the settings")

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.panels.toggle("inspector")
        session.stateChanged.emit()
