"""Title bars to drag the panels by, or none."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("arrange_panels")
class ArrangePanels(Action):
    """Title bars to drag the panels by, or none."""

    text = "Move panels"
    menu = "View"
    order = 49

    def words(self, session: Session) -> str:
        """What it does now."""
        arranging = session.window is not None and session.window.panels.is_arranging
        return tr("End moving panels") if arranging else tr(self.text)

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.panels.arrange(not session.window.panels.is_arranging)
        session.stateChanged.emit()
