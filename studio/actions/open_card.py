"""Come back to the run and the step that an exported picture is of."""

from __future__ import annotations

from pathlib import Path

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.files import open_file
from widgets.look.language import tr


@actions.register("open_card")
class OpenCard(Action):
    """Come back to the run and the step that an exported picture is of."""

    text = "Open an image or film with a result card…"
    menu = "File"
    order = 32
    icon = "picture"

    def do(self, session: Session) -> None:
        """Do it."""
        kinds = "PNG, SVG, GIF, MP4, WebM (*.png *.svg *.gif *.mp4 *.webm)"
        if path := open_file(session.window, tr("Open an image or film with a result card…"), kinds, what="export"):
            session.window.cards.open(Path(path))
