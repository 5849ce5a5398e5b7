"""Save a picture of the window."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.files import save_file
from widgets.look.language import tr


@actions.register("export_picture")
class ExportPicture(Action):
    """Save a picture of the window."""

    text = "Save a screenshot of the window…"
    menu = "File"
    order = 31
    icon = "picture"

    def do(self, session: Session) -> None:
        """Do it."""
        title, name = tr("Save a screenshot of the window…"), f"{session.document.name}.png"
        name = save_file(session.window, title, name, "PNG (*.png)", what="export")
        if name and not session.window.grab().save(name):
            session.say(tr("{path} cannot be written.", path=name), "error")
