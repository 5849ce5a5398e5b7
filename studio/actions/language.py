"""English or Chinese."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import language


@actions.register("language")
class SwitchLanguage(Action):
    """English or Chinese."""

    text = "中文 / English"
    menu = "View"
    order = 62
    icon = "language"

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.use_language("en" if language() == "zh_CN" else "zh_CN")
