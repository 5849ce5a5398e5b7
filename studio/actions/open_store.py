"""Open another store of runs: a file, or a database by its URL."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("open_store")
class OpenStore(Action):
    """Open another store of runs in a window of its own."""

    text = "Open a store of runs…"
    menu = "File"
    order = 13
    separated = True

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.open_store()
