"""Copy and paste as text: a copied part is a small document, so it goes from window to window, and into a mail."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPointF
from PySide6.QtGui import QGuiApplication

from core.graph import edits, file
from core.graph.document import Document
from core.problems import Refused, refuse
from widgets.look.language import said, tr

PART_MIME = "application/x-crossmodal-part"
STEP = 30.0

if TYPE_CHECKING:
    from core.graph.vocabulary import Vocabulary


class Clipboard:
    """A part of the canvas view; see the module's first line."""

    if TYPE_CHECKING:
        document: Document
        vocabulary: Vocabulary

    _copied: tuple[str, Document] | None = None  # the text that was copied here, and the document it came from
    _pasted: tuple[str, int] = ("", 0)  # the text that was pasted last, and how often in a row

    def copy(self) -> None:
        """Put the selected nodes, the wires between them and the frames around them on the clipboard."""
        chosen = self.selection()
        if not chosen and not self.selected_notes():
            self.say(tr("Select what to copy first."))
            return
        part = edits.extract(self.document, chosen, self._frames_around(chosen))
        text = file.dumps(replace(part, extra={"copied_from": self.document.id}))
        mime = QMimeData()
        mime.setText(text)
        mime.setData(PART_MIME, text.encode())
        QGuiApplication.clipboard().setMimeData(mime)
        self._copied, self._pasted = (text, self.document), ("", 0)

    def cut(self) -> None:
        """Copy and delete."""
        if self.selection() or self.selected_notes():
            self.copy()
            self.delete()
        else:
            self.say(tr("Select what to cut first."))

    def paste(self, *, with_wires: bool = False) -> None:
        """Put the clipboard's blocks in at the cursor, selected."""
        mime = QGuiApplication.clipboard().mimeData()
        text = mime.text() if mime is not None and mime.hasText() else ""
        try:
            part = self._read(text)
        except Refused as refused:
            reason = refused.problems[0].what
            self.say(tr("The clipboard holds no blocks: {reason}", reason=said(reason)))
            return
        by = self._shift(text, part)
        origin = self._origin(text, part) if with_wires else None
        document, names = edits.paste(self.document, part, by.x(), by.y(), origin)
        self._propose_new(document, names, tr("Paste"))

    def paste_with_wires(self) -> None:
        """Paste, and draw the wires again that led into what was copied."""
        self.paste(with_wires=True)

    def _read(self, text: str) -> Document:
        name = tr("the copied text")
        part = file.loads(text, name)
        part = replace(part, nodes={key: node for key, node in part.nodes.items() if abs(node.x) + abs(node.y) < 1e9})
        wires = tuple(w for w in part.wires if w.source.node in part.nodes and w.target.node in part.nodes)
        if not part.nodes and not any(frame.is_note for frame in part.frames.values()):
            raise refuse(tr("there are no blocks in it."))
        return replace(part, wires=wires)

    def _shift(self, text: str, part: Document) -> QPointF:
        """To the cursor; repeated pastes and pastes without a mouse go a step aside."""
        same, times = self._pasted
        times = times + 1 if same == text else 1
        self._pasted = (text, times)
        if self.last_pixel is None:
            return QPointF(STEP * times, STEP * times)
        parts = [*part.nodes.values()] or [*part.frames.values()]
        left, top = min(one.x for one in parts), min(one.y for one in parts)
        extra = STEP * (times - 1)
        return self.cursor_place() - QPointF(left, top) + QPointF(extra, extra)

    def _origin(self, text: str, part: Document) -> Document | None:
        if self._copied is not None and self._copied[0] == text:
            return self._copied[1]
        return self.document if part.extra.get("copied_from") == self.document.id else None
