"""Undo and redo: stepping through a list of frozen documents, each with the name of the edit that made it."""

from __future__ import annotations

from dataclasses import dataclass

from core.graph.document import Document

LIMIT = 500


@dataclass(frozen=True)
class Moment:
    """A document and what made it."""

    document: Document
    edit: str


class History:
    """The documents a person stepped through; ``now`` is the one on the canvas."""

    def __init__(self, document: Document) -> None:
        self._moments = [Moment(document, "open")]
        self._at = 0
        self._saved: Document | None = document
        self._joining = ""

    @property
    def now(self) -> Document:
        """The current document."""
        return self._moments[self._at].document

    def do(self, document: Document, edit: str, join: str = "") -> None:
        """Take a new document. Consecutive edits with the same non-empty ``join`` become one step (typing, nudging)."""
        if document == self.now:
            return
        joined = bool(join) and join == self._joining and self._at == len(self._moments) - 1 and self._at > 0
        del self._moments[self._at + (0 if joined else 1) :]
        self._moments.append(Moment(document, edit))
        del self._moments[:-LIMIT]
        self._at = len(self._moments) - 1
        self._joining = join

    def undo(self) -> bool:
        """One step back; False at the beginning."""
        self._joining = ""
        if self._at == 0:
            return False
        self._at -= 1
        return True

    def redo(self) -> bool:
        """One step forward; False at the end."""
        self._joining = ""
        if self._at == len(self._moments) - 1:
            return False
        self._at += 1
        return True

    @property
    def undo_name(self) -> str:
        """What undo would take back; empty where there is nothing."""
        return self._moments[self._at].edit if self._at else ""

    @property
    def redo_name(self) -> str:
        """What redo would bring back; empty where there is nothing."""
        return self._moments[self._at + 1].edit if self._at + 1 < len(self._moments) else ""

    def saved(self) -> None:
        """The current document is on disk."""
        self._saved = self.now

    @property
    def is_changed(self) -> bool:
        """Whether the current document differs from the one on disk."""
        return self.now is not self._saved and self.now != self._saved
