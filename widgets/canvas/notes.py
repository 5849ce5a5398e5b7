"""Notes on the canvas: a sticky text, typed in place as plain text. In the document a note is a frame that holds no blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from core.graph import edits
from core.graph.document import Document
from widgets.canvas import geometry as g
from widgets.canvas.overlays import TypedInPlace
from widgets.look.language import tr
from widgets.look.theme import theme

if TYPE_CHECKING:
    from widgets.canvas.scene import CanvasScene

LONGEST_NOTE = 4000  # characters
SIZE = (220.0, 110.0)  # scene units of a new one
APART, STEP, MOST_STEPS = 8.0, 2.0 * g.GRID, 40  # around a new one; how a free place is looked for
LEAST_TYPED = (180, 70)  # pixels of the field


class Notes:
    """A part of the canvas view; see the module's first line."""

    if TYPE_CHECKING:
        board: CanvasScene

        @property
        def document(self) -> Document: ...

    _note_editor: NoteEditor | None = None

    def add_note(self) -> None:
        """A note at the cursor, or in the middle where there is none: it is there once something is written."""
        at = self.cursor_place() if self.last_pixel is not None else self.seen().center()
        box = self._free_box(g.snapped(at.x()), g.snapped(at.y()))
        self._type_note(box, "", lambda text: self._put_note(box, text))

    def _free_box(self, x: float, y: float) -> QRectF:
        """Where a new note covers no block and no other note: at a place, or as near to it as there is room."""
        notes = [item.box for item in self.board.frames.values() if item.frame.is_note]
        taken = [
            box.adjusted(-APART, -APART, APART, APART) for box in (*(n.box for n in self.board.nodes.values()), *notes)
        ]
        reach = [n * STEP for n in range(-MOST_STEPS, MOST_STEPS + 1)]
        moves = sorted(((dx, dy) for dx in reach for dy in reach), key=lambda move: move[0] ** 2 + move[1] ** 2)
        places = (QRectF(x + dx, y + dy, *SIZE) for dx, dy in moves)
        free = (place for place in places if not any(place.intersects(box) for box in taken))
        return next(free, QRectF(x, y, *SIZE))

    def edit_note(self, name: str) -> None:
        """Type the text of a note in place."""
        self._type_note(
            self.board.frames[name].box, self.document.frames[name].title, lambda text: self._write_note(name, text)
        )

    def _type_note(self, box: QRectF, text: str, use: Callable[[str], None]) -> None:
        self.close_note(True)
        corner, far = self.mapFromScene(box.topLeft()), self.mapFromScene(box.bottomRight())
        editor = self._note_editor = NoteEditor(self.viewport(), text, use)
        wide, high = LEAST_TYPED
        editor.setGeometry(corner.x(), corner.y(), max(far.x() - corner.x(), wide), max(far.y() - corner.y(), high))
        editor.show()
        editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def _put_note(self, box: QRectF, text: str) -> None:
        if text := text.strip()[:LONGEST_NOTE]:
            document, name = edits.add_note(self.document, text, box.x(), box.y(), box.width(), box.height())
            self.propose(document, tr("Add a note"))
            self.select([], frames=[name])

    def _write_note(self, name: str, text: str) -> None:
        """Nothing left of its text: the note goes."""
        if name not in self.document.frames:
            return
        if text := text.strip()[:LONGEST_NOTE]:
            self.propose(edits.change_frame(self.document, name, title=text), tr("Write a note"))
        else:
            self.propose(edits.remove_frames(self.document, [name]), tr("Delete"))

    def close_note(self, keep: bool) -> bool:
        """End typing a note, keeping it or not; False where none was typed."""
        editor, self._note_editor = self._note_editor, None
        if editor is None or editor.is_over:
            return False
        editor.end(keep)
        return True

    def reveal_frame(self, name: str) -> None:
        """Scroll to a frame or a note and select it."""
        item = self.board.frames.get(name)
        if item is None:
            return
        self.scroll_to(item.box)
        self.select([], frames=[name])

    def selected_notes(self) -> list[str]:
        """The notes among the selected frames."""
        frames = self.document.frames
        return [name for name in frames if name in self.selected_frames and frames[name].is_note]


class NoteEditor(TypedInPlace, QPlainTextEdit):
    """A note being typed: leaving or Ctrl+Enter keeps it, Esc does not; Enter is a new line."""

    def __init__(self, parent: QWidget, text: str, use: Callable[[str], None]) -> None:
        super().__init__(text, parent)
        self._use = use
        self.setAccessibleName(tr("Sticky note"))
        self.setTabChangesFocus(True)
        colours = theme()
        self.setStyleSheet(
            f"QPlainTextEdit {{ background: {colours.panel}; color: {colours.text}; border: 1px solid {colours.accent};"
            "border-radius: 4px; padding: 2px; }"
        )
        self.selectAll()

    def typed(self) -> str:
        return self.toPlainText()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enters = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.key() == Qt.Key.Key_Escape or (enters and event.modifiers() & Qt.KeyboardModifier.ControlModifier):
            self.end(event.key() != Qt.Key.Key_Escape)
            self.parentWidget().parentWidget().setFocus()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        if event.type() == QEvent.Type.FocusOut and not self.is_over:
            self.end(True)
            return True
        return super().event(event)


def first_line(text: str) -> str:
    """How a note is called in a list."""
    return text.strip().partition("\n")[0][:80]
