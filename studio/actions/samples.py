"""What flows out of every block for one sample, drawn in its own box."""

from __future__ import annotations

from studio.actions.action import Action, actions
from studio.session import Session
from widgets.look.language import tr


@actions.register("samples")
class Samples(Action):
    """What flows out of each block for one sample, in its own box: images, spectrograms, words, tokens. Computed behind the window."""

    text = "Show samples in the blocks"
    menu = "View"
    order = 40
    keys = ("Ctrl+Alt+S",)

    def words(self, session: Session) -> str:
        """What it would do now."""
        return tr("Hide samples in the blocks") if session.preferences.samples else tr(self.text)

    def do(self, session: Session) -> None:
        """Do it."""
        session.window.glimpsing.switch(not session.preferences.samples)
        session.stateChanged.emit()
