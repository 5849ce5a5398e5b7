"""Which drawing of the document is looked at: the whole, or the inside of a subgraph, by the copies that lead there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from PySide6.QtCore import QObject, Signal

from core.graph import edits
from core.graph.analysis import Analysis
from core.graph.document import Document
from core.graph.subgraphs import borders
from core.graph.subgraphs.changes import Loss, losses
from core.graph.subgraphs.definitions import faults
from core.graph.subgraphs.facts import at_level, fix_at, place_of
from core.graph.subgraphs.flat import Path, flattened
from core.graph.subgraphs.grouping import title_now
from core.graph.subgraphs.levels import inside_of, level, paths_to, still_there, with_level
from core.knobs import Value
from core.problems import Fix, Refused, refuse
from studio.telling.sentences import refusal, spoken
from widgets.look.language import tr

T = TypeVar("T")


class Whole(Protocol):
    """The session, as far as levels need it."""

    @property
    def document(self) -> Document:
        """The whole one."""

    def edit(self, document: Document, name: str, join: str = "") -> None:
        """Take the next whole one."""

    def say(self, sentence: str, severity: str = "hint") -> None:
        """A sentence for the person."""


class Levels(QObject):
    """The level that is shown. Edits of it become edits of the whole document, each one step back."""

    changed = Signal(object)  # Document: the level as it is drawn now

    def __init__(self, whole: Whole, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._whole = whole
        self.path: Path = ()
        self._shown: tuple[Document, Path, Document] | None = None  # of a whole document and a path: the level

    @property
    def document(self) -> Document:
        """The level that is shown; at the top the document itself."""
        whole = self._whole.document
        if self._shown is None or self._shown[0] is not whole or self._shown[1] != self.path:
            self.path = still_there(whole, self.path)
            self._shown = (whole, self.path, level(whole, self.path))
        return self._shown[2]

    @property
    def titles(self) -> list[str]:
        """What the way here is called, from the document to the inside that is shown."""
        whole, found = self._whole.document, [self._whole.document.name]
        for depth, key in enumerate(self.path):
            found.append(title_now(level(whole, self.path[:depth]), key))
        return found

    @property
    def copies(self) -> int:
        """In how many places what is shown here stands, inside other subgraphs too; 1 at the top."""
        inside = inside_of(self._whole.document, self.path)
        return len(paths_to(self._whole.document, inside.id)) if inside is not None else 1

    # Going

    def enter(self, node: str) -> None:
        """Into the inside of a copy of the level that is shown."""
        self.go_to((*self.path, node))

    def go_to(self, path: Sequence[str]) -> None:
        """To a level by its path, or as near as the document has it."""
        there = still_there(self._whole.document, tuple(path))
        if there != self.path:
            self.path = there
            self.changed.emit(self.document)

    def place_of(self, node: str) -> Path:
        """Where something of the flat form is drawn."""
        return place_of(flattened(self._whole.document), node)

    def flat_of(self, node: str) -> str:
        """What the flat form calls a node of the level; a copy or a border is the block that gives what it gives first."""
        flat, name = flattened(self._whole.document), ".".join((*self.path, node))
        ends = flat.ends.get(name, {})
        return next((end.node for end in ends.values()), name)

    def here(self, told: Mapping[str, T]) -> dict[str, T]:
        """What is told of blocks of the flat form, by the nodes of the level that are such blocks."""
        flat, depth = flattened(self._whole.document), len(self.path)
        drawn = {key: place_of(flat, key) for key in told}
        return {
            path[depth]: told[key]
            for key, path in drawn.items()
            if path[:depth] == self.path and len(path) == depth + 1
        }

    def of_copy(self) -> dict[str, dict[str, Value]]:
        """What the copy that was entered sets otherwise than its definition, by node of the level."""
        inside = flattened(self._whole.document).insides.get(".".join(self.path))
        if inside is None:
            return {}
        drawn = self.document.nodes
        return {
            key: found
            for key, node in inside.nodes.items()
            if (
                found := {
                    name: value for name, value in node.knobs.items() if drawn[key].knobs.get(name, None) != value
                }
            )
        }

    # Editing

    def edit(self, drawn: Document, name: str, join: str = "") -> None:
        """Take the level as it is drawn now."""
        before = self._whole.document
        try:
            after = with_level(before, self.path, drawn)
        except Refused as refused:
            self._whole.say(refusal(refused), "warning")
            return
        again = level(after, self.path)
        kept, self._shown = self._shown, (after, self.path, drawn if again == drawn else again)
        if not self._take(before, after, name, f"{'.'.join(self.path)}/{join}" if join and self.path else join):
            self._shown = kept

    def change_border(self, change: str, arguments: dict[str, object], name: str, definition: str = "") -> None:
        """A function of :mod:`core.graph.subgraphs.borders` for the subgraph that is shown, or a named one."""
        inside = definition or self.document.inside
        act: Callable[..., Document] = getattr(borders, change)
        before = self._whole.document
        try:
            self._take(before, act(before, inside, **arguments), name, "")
        except Refused as refused:
            self._whole.say(refusal(refused), "warning")

    def _take(self, before: Document, after: Document, name: str, join: str) -> bool:
        """What could not be written out could not be read again: it is not taken."""
        if (found := faults(after)) and not faults(before):
            self._whole.say(spoken(found[0]), "warning")
            return False
        told = losses(before, after)
        self._whole.edit(after, name, join)
        for loss in told:
            self._whole.say(lost(loss), "warning")
        return True

    def fixed(self, fix: Fix) -> Document:
        """The whole document with a remedy of its flat form carried out. Raises Refused where it no longer can be."""
        from_here = fix_at(fix, flattened(self._whole.document), self._whole.document)
        if from_here is None:
            raise refuse("It reaches across the border of a subgraph.")
        path, own = from_here
        drawn = level(self._whole.document, path)
        return with_level(self._whole.document, path, getattr(edits, own.edit)(drawn, **own.arguments))

    def analysis(self, found: Analysis | None) -> Analysis | None:
        """What the compiler found, as the level that is shown has it."""
        return None if found is None else at_level(found, flattened(self._whole.document), self.path)

    def setting(self, path: str) -> str:
        """A setting of the level as one of the whole document. Raises Refused where it is every copy's."""
        if not self.path:
            return path
        node, _, name = path.rpartition(".")
        if node.startswith("rules."):
            return f"rules.{'.'.join(self.path)}.{node.removeprefix('rules.')}.{name}"
        at = self.path
        while at:
            inside = inside_of(self._whole.document, at)
            shown = next(
                (each for each in (inside.knobs if inside else ()) if (each.node, each.knob) == (node, name)), None
            )
            if shown is None:
                raise refuse(
                    "This setting is inside a subgraph and the same in all its copies.",
                    hint="Show it on the subgraph first.",
                )
            node, name, at = at[-1], shown.name, at[:-1]
        return f"{node}.{name}"


def lost(loss: Loss) -> str:
    """What copies lost by an edit of their definition, in a sentence."""
    parts = []
    if loss.ports:
        parts.append(tr("ports that went: {names}", names=", ".join(tr(port, "port") for port in loss.ports)))
    if loss.wires:
        parts.append(tr("wires that went with them: {count}", count=loss.wires))
    parts += [
        tr("{copy} keeps {name} = {value}, which nothing shows", copy=copy, name=name, value=str(value))
        for copy, name, value in loss.values
    ]
    return tr("{name} changed in {count} places: {parts}.", name=loss.title, count=loss.copies, parts="; ".join(parts))
