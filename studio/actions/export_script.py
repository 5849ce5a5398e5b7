"""Write a readable PyTorch script that trains the same model."""

from __future__ import annotations

from pathlib import Path

from studio.actions.action import Action, actions
from studio.asking.script import write_script
from studio.session import Session
from widgets.look.files import save_file
from widgets.look.language import tr


@actions.register("export_script")
class ExportScript(Action):
    """Write a readable PyTorch script that trains the same model."""

    text = "Export as Python script…"
    menu = "File"
    order = 30
    icon = "export"
    separated = True

    def possible(self, session: Session) -> str:
        """Why not."""
        if session.analysis is None or not session.analysis.is_runnable:
            return tr("Cannot run while there are errors. Open Problems.")
        return ""

    def do(self, session: Session) -> None:
        """Do it."""
        title, proposed = tr("Export as Python script…"), f"{session.document.name}.py"
        name = save_file(session.window, title, proposed, "Python (*.py)", what="export")
        if not name:
            return
        document = session.document
        session.engine.ask(
            lambda: write_script(document, Path(name)),
            lambda _, why: session.say(why or tr("Written to {path}.", path=name), "error" if why else "hint"),
        )
