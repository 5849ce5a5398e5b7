"""The canvas's part in sharing weights: choosing whose weights a block has, from a list or by a click, and undoing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMenu

from core.graph import edits, sharing
from core.graph.document import Document
from widgets.canvas import geometry as g
from widgets.look.language import said, tr
from widgets.look.popup import popup
from widgets.look.titles import titles_of

if TYPE_CHECKING:
    from core.graph.vocabulary import Vocabulary
    from widgets.canvas.scene import CanvasScene


class Sharing:
    """A part of the canvas view; see the module's first line."""

    if TYPE_CHECKING:
        board: CanvasScene
        document: Document
        vocabulary: Vocabulary

    sharer = ""  # the node that a click chooses weights for, while one is awaited

    def share_weights(self) -> None:
        """Ask whose weights the selected node shall have; several selected ones have those of the first, at once."""
        chosen = self.selection()
        if not chosen:
            self.say(tr("Select a node first."))
        elif len(chosen) > 1:
            self._share_all(chosen[1:], chosen[0])
        elif reason := sharing.why_none(self.document, chosen[0], self.vocabulary):
            self.say(reason)
        else:
            menu = popup(self)
            self.offer_weights(menu, chosen[0])
            menu.popup(self._beside(chosen[0]))

    def offer_weights(self, menu: QMenu, node: str) -> None:
        """The blocks whose weights a node could have, as entries of a menu."""
        for other in sharing.fitting(self.document, node, self.vocabulary):
            entry = menu.addAction(self.title_of(other).replace("&", "&&"))
            entry.setObjectName(f"share_with_{other}")
            entry.triggered.connect(lambda _=False, other=other: self.share_with([node], other))
        menu.addSeparator()
        menu.addAction(tr("Click a block…"), lambda: self.await_click(node)).setObjectName("await_click")

    def _beside(self, node: str) -> QPoint:
        """Just under a node's header, or the nearest place to it that is seen."""
        corner = self.mapFromScene(self.board.nodes[node].box.topLeft())
        room = self.viewport().rect().adjusted(8, 8, -8, -8)
        x, y = corner.x(), corner.y() + round(g.HEADER * self.scale_now)
        return self.viewport().mapToGlobal(
            QPoint(min(max(x, room.left()), room.right()), min(max(y, room.top()), room.bottom()))
        )

    def _share_all(self, nodes: list[str], other: str) -> None:
        reasons = [r for node in nodes if (r := sharing.refusal(self.document, node, other, self.vocabulary))]
        if reasons:
            self.say(reasons[0])
        else:
            self.share_with(nodes, other)

    def share_with(self, nodes: list[str], other: str) -> None:
        """Give nodes the weights of another."""
        document = self.document
        for node in nodes:
            document = edits.share_weights(document, node, other)
        self.propose(document, tr("Same weights"))

    def own_weights(self) -> None:
        """Give the selected nodes weights of their own again."""
        chosen = self.selection()
        shared = [name for name in chosen if len(self.document.places(name)) > 1]
        if not chosen:
            self.say(tr("Select a node first."))
        elif not shared:
            self.say(tr("The selected blocks have their own weights."))
        else:
            document = self.document
            for name in shared:
                document = edits.own_weights(document, name)
            self.propose(document, tr("Own weights"))

    # -- by a click -----------------------------------------------------------------------------------------------

    def await_click(self, node: str) -> None:
        """The next click on a block chooses it; those that do not fit are faded. Esc ends it."""
        self.sharer = node
        fitting = {
            place
            for owner in sharing.fitting(self.document, node, self.vocabulary)
            for place in self.document.places(owner)
        }
        for name, item in self.board.nodes.items():
            item.fitting = None if name in fitting or name == node else frozenset()
            item.update()
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        self.say(tr("Click the block whose weights it shall have; Esc ends this."))

    def choose_weights(self, other: str) -> str:
        """A block was clicked; gives why it cannot be, or nothing."""
        node = self.sharer
        self.end_await()
        if not other or node not in self.document.nodes:
            return ""
        reason = sharing.refusal(self.document, node, other, self.vocabulary)
        if not reason:
            self.share_with([node], other)
        return reason

    def end_await(self) -> bool:
        """No click is awaited any more; False where none was."""
        if not self.sharer:
            return False
        self.sharer = ""
        for item in self.board.nodes.values():
            if item.fitting is not None:
                item.fitting = None
                item.update()
        self.viewport().unsetCursor()
        return True

    # -- in words -------------------------------------------------------------------------------------------------

    def title_of(self, node: str) -> str:
        """A block as it is called in lists, where no two are called alike."""
        return titles_of(self.document)[node]

    def sharing_words(self, node: str) -> str:
        """Whose weights a block has, or where else its weights are; empty where they are nowhere else."""
        places = [place for place in self.document.places(node) if place != node]
        if not places:
            return ""
        if owner := self.document.nodes[node].same_as:
            return tr("Same weights as {block}", block=self.title_of(owner))
        return tr("Its weights are also in {blocks}", blocks=", ".join(self.title_of(place) for place in places))

    def why_not_share(self, node: str) -> str:
        """Why there is nothing to choose for a block, in the person's language."""
        return said(sharing.why_none(self.document, node, self.vocabulary))
