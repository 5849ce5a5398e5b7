"""The versions of the document that were kept when it was saved or run."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("versions")
class VersionsOfDocument(Action):
    """The versions of the document that were kept when it was saved or run."""

    text = "Versions…"
    menu = "File"
    order = 23
    keys = ("Ctrl+Shift+H",)

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.versions.show()
