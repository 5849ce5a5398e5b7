"""The next of the open documents."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("next_tab")
class NextTab(Action):
    """The next of the open documents."""

    text = "Next document"
    menu = "View"
    order = 30
    keys = ("Ctrl+Tab",)

    def possible(self, session: Session) -> str:
        """Why not."""
        return "" if len(session.tabs.all) > 1 else tr("One document is open.")

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.open_tabs.turn_by(1)
