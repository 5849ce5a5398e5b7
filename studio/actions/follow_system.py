"""Colours, contrast and motion as the desktop says."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("follow_system")
class FollowSystem(Action):
    """Colours, contrast and motion as the desktop says."""

    text = "Follow the desktop"
    menu = "View"
    order = 61

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.follow_desktop()
