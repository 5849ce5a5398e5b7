"""Keys on the canvas. Single letters act only here, never while a text is typed; other letters start the search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QFocusEvent, QInputMethodEvent, QKeyEvent

from widgets.canvas import geometry as g
from widgets.canvas.commands import command_for, spelled

if TYPE_CHECKING:
    from widgets.canvas.gestures.gesture import Gesture

ARROWS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
DIRECTIONS = {Qt.Key.Key_Left: "left", Qt.Key.Key_Right: "right", Qt.Key.Key_Up: "up", Qt.Key.Key_Down: "down"}
REMOVE = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
HELP = "?"  # is the sheet of keys; no block is called so
NUDGE = 5.0
NO_MODIFIER = Qt.KeyboardModifier.NoModifier
CTRL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)


class Keyboard:
    """A part of the canvas view; see the module's first line."""

    if TYPE_CHECKING:
        gesture: Gesture | None

    def _method_for(self, event: QKeyEvent) -> str:
        return command_for(spelled(event), selected=bool(self.selection()))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and (self._method_for(event) or _is_typed(event)):
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Tab and event.modifiers() == NO_MODIFIER:
            self.open_search()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.accept()
        if event.key() == Qt.Key.Key_Space and event.modifiers() == NO_MODIFIER:
            self._space_down(event)
        elif event.key() == Qt.Key.Key_Escape:
            self.cancel_topmost()
        elif event.key() in ARROWS and not event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self._arrow(event)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.chosen_port and not event.modifiers():
            self.wire_to()
        elif event.key() in REMOVE and not event.modifiers() and self.unwire():
            pass  # of the chosen port, not of the block
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.selection():
            if not self.enter(self.selection()[-1]):
                self.inspectRequested.emit(self.selection()[-1])
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.selected_notes():
            self.edit_note(self.selected_notes()[-1])
        elif event.key() == Qt.Key.Key_F1 and self.selection():
            self.helpRequested.emit(self.document.nodes[self.selection()[-1]].block)
        elif method := self._method_for(event):
            if self.gesture is None:
                getattr(self, method)()
        elif _is_typed(event) and self.gesture is None:
            self.open_search(text=event.text())
        else:
            event.ignore()

    def _space_down(self, event: QKeyEvent) -> None:
        if not event.isAutoRepeat():
            self.space_held, self.space_used = True, False
            self.viewport().setCursor(Qt.CursorShape.OpenHandCursor)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Space or event.isAutoRepeat() or not self.space_held:
            event.ignore()
            return
        self.space_held = False
        if self.gesture is None:
            self.viewport().unsetCursor()
            if not self.space_used:
                self.open_search()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.space_held = False
        super().focusOutEvent(event)

    def cancel_topmost(self) -> None:
        """Esc: the topmost thing only. Search, then the title being typed, the gesture, the message, the selection, the subgraph."""
        if self.search.close_search() or self.close_rename(False) or self.abandon() or self.end_await():
            return
        if self.chosen_port is not None:
            self.choose_port(None)
        elif self.bubble.isVisible():
            self.bubble.say("")
        elif self.selection() or self.selected_wires or self.selected_frames or not self.document.inside:
            self.select([])
        else:
            self.leave()

    def _arrow(self, event: QKeyEvent) -> None:
        if event.modifiers() & CTRL:
            self.walk(DIRECTIONS[Qt.Key(event.key())])
            return
        x, y = ARROWS[Qt.Key(event.key())]
        step = g.GRID if event.modifiers() & SHIFT else NUDGE
        if self.selection() or self.selected_notes():
            self.nudge(x * step, y * step)
        else:
            self.pan(QPointF(x * 60, y * 60))

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        """An input method (Chinese, Japanese) was typed into: the search takes it."""
        if event.commitString().strip():
            self.open_search(text=event.commitString())
        elif event.preeditString():
            self.open_search()
        event.accept()


def _is_typed(event: QKeyEvent) -> bool:
    """Whether a key stands for a letter or digit someone types."""
    text = event.text()
    return (
        bool(text)
        and text.isprintable()
        and text != HELP
        and not text.isspace()
        and not event.modifiers() & (CTRL | ALT | Qt.KeyboardModifier.MetaModifier)
    )
