"""Hide the list of blocks beside the drawing, or bring it back."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("show_blocks")
class ShowBlocks(Action):
    """Hide the list of blocks beside the drawing, or bring it back."""

    text = "Hide the list of blocks"
    menu = "View"
    order = 46
    keys = ("Ctrl+Alt+1",)
    separated = True

    def words(self, session: Session) -> str:
        """What it does now."""
        wanted = "left" not in session.preferences.hidden_panels
        return tr("Hide the list of blocks") if wanted else tr("Show the list of blocks")

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.panels.toggle("left")
        session.stateChanged.emit()
