"""Save a picture of the window."""

from __future__ import annotations

from PySide6.QtWidgets import QFileDialog

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("export_picture")
class ExportPicture(Action):
    """Save a picture of the window."""

    text = "Save a picture of the window…"
    menu = "File"
    order = 31
    icon = "picture"

    def do(self, session: Session) -> None:
        """Do it."""
        name, _ = QFileDialog.getSaveFileName(
            session.window, tr("Save a picture of the window…"), f"{session.document.name}.png", "PNG (*.png)"
        )
        if name and not session.window.grab().save(name):
            session.say(tr("{path} cannot be written.", path=name), "error")
