"""The one before among the open documents."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("previous_tab")
class PreviousTab(Action):
    """The one before among the open documents."""

    text = "Previous document"
    menu = "View"
    order = 31
    keys = ("Ctrl+Shift+Tab",)

    def possible(self, session: Session) -> str:
        """Why not."""
        return "" if len(session.tabs.all) > 1 else tr("One document is open.")

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.open_tabs.turn_by(-1)
