"""Film the monitors over the steps of the watched run."""

from __future__ import annotations

from pathlib import Path

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.files import save_file
from widgets.look.language import tr


@actions.register("save_film")
class SaveFilm(Action):
    """Film the monitors over the steps of the watched run."""

    text = "Save a film of the timeline…"
    menu = "File"
    order = 33
    icon = "picture"

    def possible(self, session: Session) -> str:
        """Why not."""
        return "" if session.facts(session.watched) else tr("No run is on the monitors.")

    def do(self, session: Session) -> None:
        """Do it."""
        if why_not := session.window.filming.why_not():
            session.say(why_not, "warning")
            return
        kinds = "MP4 (*.mp4);;WebM (*.webm);;GIF (*.gif)"
        name = f"{session.document.name}.mp4"
        if path := save_file(session.window, tr("Save a film of the timeline…"), name, kinds, what="export"):
            session.window.filming.start(Path(path))
