"""Save the document under another name."""

from __future__ import annotations

from pathlib import Path

from core.graph.file import SUFFIX
from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.files import save_file
from widgets.look.language import tr


@actions.register("save_as")
class SaveAs(Action):
    """Save the document under another name."""

    text = "Save as…"
    menu = "File"
    order = 21
    keys = ("Ctrl+Shift+S",)

    def do(self, session: Session) -> None:
        """Do it."""
        suggestion = str(session.path or f"{session.document.name}{SUFFIX}")
        name = save_file(session.window, tr("Save as"), suggestion, tr("Experiments (*.json)"), what="document")
        if name:
            place = Path(name if name.endswith(".json") else name + SUFFIX)
            session.attempt(lambda: session.save(place))
