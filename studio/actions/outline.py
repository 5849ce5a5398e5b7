"""The drawing as a list."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("outline")
class ShowOutline(Action):
    """The drawing as a list."""

    text = "Show the outline"
    menu = "View"
    order = 42
    keys = ("Ctrl+Shift+O",)

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.show_outline()
