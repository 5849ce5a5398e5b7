"""The help, at the page for where one is."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("help")
class Help(Action):
    """The help, at the page for where one is."""

    text = "Help"
    menu = "Help"
    order = 5
    keys = ("F1",)
    icon = "help"

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.show_help_pages()
