"""What is installed, what is missing, what to do about it."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("doctor")
class Doctor(Action):
    """What is installed, what is missing, what to do about it."""

    text = "Check this machine"
    menu = "Help"
    order = 20
    icon = "device"
    separated = True

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.show_doctor()
