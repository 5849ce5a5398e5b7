"""Light or dark."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.theme import theme


@actions.register("theme")
class SwitchTheme(Action):
    """Light or dark."""

    text = "Light or dark"
    menu = "View"
    order = 60
    keys = ("Ctrl+Shift+L",)
    icon = "theme"
    separated = True

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.use_theme("light" if theme().is_dark else "dark")
