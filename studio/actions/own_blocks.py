"""Blocks of the person's own: which there are, and which are allowed."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session


@actions.register("own_blocks")
class OwnBlocks(Action):
    """Blocks of the person's own: which there are, and which are allowed."""

    text = "Own blocks…"
    menu = "File"
    order = 36
    icon = "own"

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.show_own_blocks()
