"""The open documents side by side, against a baseline."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("compare_variants")
class CompareVariants(Action):
    """The open documents side by side, against a baseline."""

    text = "Compare variants…"
    menu = "File"
    order = 25
    keys = ("Ctrl+Alt+V",)
    icon = "compare"

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.variants.show()
