"""What a gesture is: one thing a person does with the mouse, from press to release."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, Qt

from widgets.canvas.surface import Surface


@dataclass(frozen=True, kw_only=True)
class Press:
    """Where and how a gesture began. ``at`` in scene units, ``pixel`` in the viewport."""

    at: QPointF
    pixel: QPointF
    button: Qt.MouseButton
    modifiers: Qt.KeyboardModifier
    space: bool = False  # the space bar is held

    def has(self, modifier: Qt.KeyboardModifier) -> bool:
        """Whether a modifier key is held."""
        return bool(self.modifiers & modifier)


class Gesture:
    """From press to release. It previews on the scene, and proposes one new document at the end, or none.

    ``begins`` looks at a press and takes it or gives None; gestures are asked in the order of ``rank``. ``click`` is
    called instead of ``move`` and ``finish`` when the mouse hardly moved.
    """

    key = ""
    rank = 100
    waits_for_drift = True
    cursor: Qt.CursorShape | None = None

    def __init__(self, canvas: Surface, press: Press) -> None:
        self.canvas, self.scene, self.press = canvas, canvas.board, press

    @classmethod
    def begins(cls, canvas: Surface, press: Press) -> Gesture | None:
        """This gesture, where the press is its beginning."""
        raise NotImplementedError

    def start(self) -> None:
        """The mouse has moved far enough for a drag."""

    def move(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """The mouse is here now."""

    def finish(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """The button was let go after a drag."""

    def click(self) -> None:
        """The button was let go where it was pressed."""

    def cancel(self) -> None:
        """Esc: leave everything as it was."""
