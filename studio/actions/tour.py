"""A tour of the window, from where it was left."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("tour")
class ShowAround(Action):
    """A tour of the window, from where it was left."""

    text = "Tour of the window"
    menu = "Help"
    order = 9

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.tour.start(session.preferences.tour)
