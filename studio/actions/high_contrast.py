"""High contrast, or not."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.theme import theme


@actions.register("high_contrast")
class HighContrast(Action):
    """High contrast, or not."""

    text = "High contrast"
    menu = "View"
    order = 60
    keys = ("Ctrl+Alt+H",)

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.use_contrast("normal" if theme().is_high else "high")
