"""The example experiments."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("gallery")
class Gallery(Action):
    """The example experiments."""

    text = "Examples"
    menu = "File"
    order = 12
    keys = ("Ctrl+E",)
    icon = "gallery"

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.show_page("gallery")
