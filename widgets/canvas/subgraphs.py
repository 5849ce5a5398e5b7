"""The canvas's part in subgraphs: making and unpacking one, going in and out, what stands at its border."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF

from core.graph.document import Document, End
from core.graph.subgraphs import grouping
from core.graph.subgraphs.definitions import ENTRY, EXIT, definition_of, is_border, is_copy
from core.problems import Problem
from widgets.canvas import geometry as g
from widgets.look.language import said, tr

if TYPE_CHECKING:
    from core.graph.vocabulary import Vocabulary
    from widgets.canvas.breadcrumb import Breadcrumb
    from widgets.canvas.problem_bar import ProblemBar
    from widgets.canvas.scene import CanvasScene


LONGEST_TITLE = 200


class Subgraphs:
    """A part of the canvas view; see the module's first line."""

    if TYPE_CHECKING:
        board: CanvasScene
        document: Document
        vocabulary: Vocabulary
        breadcrumb: Breadcrumb
        problem_bar: ProblemBar

    _views: dict[str, tuple[float, QPointF]]  # of the levels of this document: scale and middle
    _are_places_whole = False  # whether the problem bar names places of the whole document

    # -- making and unpacking ---------------------------------------------------------------------------------------

    def group_selection(self) -> None:
        """The selected blocks become a subgraph; its title can be typed at once."""
        if why_not := self.why_not_group():
            self.say(why_not)
            return
        before, chosen = self.document, self.selection()
        frames = self._frames_around(chosen)
        made, copy = grouping.group(before, chosen, self.vocabulary, tr("Subgraph"), frames)
        step = "group " + " ".join(chosen)  # of these blocks: another selection is another step
        self.propose(made, tr("Make a subgraph"), join=step, select=[copy])
        if self.document is not made:
            return

        def name(text: str) -> None:
            """Made anew under the title, so that its id is readable too; with the first it is one step back."""
            if text.strip() and self.document is made:
                named, again = grouping.group(before, chosen, self.vocabulary, text.strip()[:LONGEST_TITLE], frames)
                self.propose(named, tr("Make a subgraph"), join=step, select=[again])

        self._edit_text(self._title_box(copy), grouping.title_now(made, copy), name)

    def why_not_group(self) -> str:
        """Why the selection cannot become a subgraph, in the person's language."""
        return said(grouping.refusal(self.document, self.selection(), self.vocabulary))

    def dissolve(self) -> None:
        """What is inside the selected subgraph takes its place."""
        chosen = self.selection()
        why_not = self.why_not_dissolve()
        if why_not:
            self.say(why_not)
            return
        document, names = self.document, list[str]()
        for copy in chosen:
            document, fresh = grouping.dissolve(document, copy)
            names += fresh
        self.propose(document, tr("Unpack the subgraph"), select=names)

    def why_not_dissolve(self) -> str:
        """Why what is selected cannot be unpacked, in the person's language."""
        chosen = self.selection()
        if not chosen:
            return tr("Select a subgraph first.")
        reasons = (grouping.dissolve_refusal(self.document, copy) for copy in chosen)
        return said(next((reason for reason in reasons if reason), ""))

    # -- in and out -------------------------------------------------------------------------------------------------

    def enter(self, node: str) -> bool:
        """Go into a subgraph; False where the node is none."""
        here = self.document.nodes.get(node)
        if here is None or definition_of(self.document.definitions, here) is None:
            return False
        self.close_rename(True)
        self.enterRequested.emit(node)
        return True

    def enter_selected(self) -> None:
        """Go into the selected subgraph."""
        chosen = self.selection()
        if len(chosen) != 1 or not self.enter(chosen[0]):
            self.say(tr("Select a subgraph first."))

    def leave(self) -> None:
        """Go one level out; the subgraph that was left is selected."""
        if not self.document.inside:
            self.say(tr("This is the whole graph."))
            return
        self.close_rename(True)
        self.leaveRequested.emit()

    def set_way(self, titles: Sequence[str], copies: int) -> None:
        """Show the way from the document to the level that is shown."""
        self.breadcrumb.set_way(titles, copies)
        self.place_overlays()

    def keep_view(self) -> None:
        """Remember where this level is looked at from."""
        self._views[self.document.id] = (self.scale_now, self.seen().center())

    def take_view(self, document: Document) -> None:
        """Look at a level as it was looked at before, else at all of it; of another document nothing is remembered."""
        whole = document.id.partition("/")[0]
        self._views = {key: view for key, view in self._views.items() if key.partition("/")[0] == whole}
        kept = self._views.get(document.id)
        if kept is not None:
            self.look_from(*kept)
        elif document.nodes and self.isVisible():
            self.fit_all()

    def show_problems(self, problems: tuple[Problem, ...], titles: dict[str, str]) -> None:
        """The problems of the whole document at the foot of the canvas, with where they are by ``titles`` if that is another level."""
        self._are_places_whole = bool(titles)
        if titles:
            self.problem_bar.set_problems(problems, {key: title for key, title in titles.items() if "." in key})
            self.place_overlays()

    def _go_to_problem(self, node: str) -> None:
        if self._are_places_whole:
            self.placeRequested.emit(node)
        else:
            self.reveal(node)

    # -- the border -------------------------------------------------------------------------------------------------

    def port_under(self, at: QPointF) -> tuple[End, bool] | None:
        """Inside a subgraph: the port that was chosen by keys, else the one at a place of the scene, and whether it gives."""
        if not self.document.inside:
            return None
        return self.chosen_port or self.port_near(at, g.PORT_REACH)

    def lead_out(self, end: End, outgoing: bool) -> None:
        """A port of a block inside becomes one of the subgraph."""
        self.borderRequested.emit(
            "add_port", {"end": end, "words": self.vocabulary, "outgoing": outgoing}, tr("Lead out of the subgraph")
        )

    def remove_border_port(self, end: End) -> None:
        """A port of the subgraph goes, with its wires in every copy."""
        outgoing = self.document.nodes[end.node].block == EXIT
        self.borderRequested.emit("remove_port", {"name": end.port, "outgoing": outgoing}, tr("Remove the port"))

    def is_at_border(self, end: End) -> bool:
        """Whether a port belongs to the subgraph's own border."""
        return self.document.nodes[end.node].block in (ENTRY, EXIT)

    def are_copies(self) -> bool:
        """Whether what is selected is one subgraph or more, and nothing else."""
        return bool(self.selection()) and all(is_copy(self.document.nodes[name]) for name in self.selection())

    def has_border(self) -> bool:
        """Whether a side of the border is selected."""
        return any(is_border(self.document.nodes[name]) for name in self.selection())
