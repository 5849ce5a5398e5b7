"""What was put on the tray, side by side."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("tray")
class OpenTray(Action):
    """What was put on the tray, side by side."""

    text = "Tray"
    menu = "View"
    order = 46
    keys = ("Ctrl+Alt+T",)

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.dialogs.tray.show()
