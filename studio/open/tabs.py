"""The documents that are open, each with its own undo, its file, its place in the journal and where it was looked at from.

The session works on one of them; the others wait here. A document comes into a tab of its own, unless the one that is shown is a
drawing that nobody touched and that has no file: that one makes room.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.graph.document import Document
from core.graph.history import History


@dataclass
class Tab:
    """One open document."""

    history: History = field(default_factory=lambda: History(Document()))
    path: Path | None = None
    drawing: int = 0  # its number in the journal
    level: tuple[str, ...] = ()  # the copies of subgraphs that lead to the drawing that is shown
    view: Any = None  # where it was looked at from, as whoever shows it knows

    @property
    def name(self) -> str:
        """What it is called."""
        return self.history.now.name

    @property
    def is_changed(self) -> bool:
        """Whether it is not saved."""
        return self.history.is_changed

    @property
    def is_untouched(self) -> bool:
        """Whether nothing is lost where it makes room."""
        return self.path is None and not (self.is_changed or self.history.undo_name or self.history.redo_name)


class Tabs:
    """Their order, and which one is shown; never without one."""

    def __init__(self) -> None:
        self.all: list[Tab] = [Tab()]
        self.at = 0

    @property
    def now(self) -> Tab:
        """The one that is shown."""
        return self.all[self.at]

    def make_room(self, drawing: int, beside: bool = False) -> Tab:
        """A tab for another document: the one that is shown where nobody touched it, else (or where it stays) one beside it."""
        tab = Tab(drawing=drawing)
        if self.now.is_untouched and not beside:
            self.all[self.at] = tab
        else:
            self.at += 1
            self.all.insert(self.at, tab)
        return tab

    def with_file(self, path: Path) -> int:
        """The tab that has a file open; -1: none has."""
        wanted = path.expanduser().absolute()
        return next(
            (n for n, tab in enumerate(self.all) if tab.path and tab.path.expanduser().absolute() == wanted), -1
        )

    def leave(self, number: int, drawing: int) -> None:
        """Take one away; behind the last one comes an empty one."""
        del self.all[number]
        if not self.all:
            self.all.append(Tab(drawing=drawing))
        if number < self.at or self.at == len(self.all):
            self.at -= 1

    def move(self, old: int, new: int) -> None:
        """Another order."""
        shown = self.now
        self.all.insert(new, self.all.pop(old))
        self.at = self.all.index(shown)
