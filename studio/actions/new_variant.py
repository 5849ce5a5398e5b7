"""A second form of the document, in a tab beside it."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("new_variant")
class NewVariant(Action):
    """A second form of the document, in a tab beside it."""

    text = "New variant"
    menu = "File"
    order = 24
    keys = ("Ctrl+Alt+N",)

    def possible(self, session: Session) -> str:
        """Why not."""
        return "" if session.document.nodes else tr("There is nothing on the canvas yet.")

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.variants.make()
