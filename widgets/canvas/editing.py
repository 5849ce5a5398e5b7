"""The canvas's commands: each computes the next document and proposes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt

from core.graph import edits, rules
from core.graph.arrange import Line, align, arrange, distribute
from core.graph.bridging import Bridge, bridged, bridges
from core.graph.document import Document, End, Node
from core.graph.file import MOST_NODES
from core.graph.learned import Learned
from core.graph.usage import block_usage
from core.knobs import Value
from widgets.canvas import geometry as g
from widgets.canvas.moving import carried
from widgets.canvas.overlays import InlineEditor
from widgets.canvas.search import WIDTH, Found, FoundBridge, FoundEnd, FoundNode, FoundNote
from widgets.look.language import in_a_row, said, tr

if TYPE_CHECKING:
    from core.graph.vocabulary import Vocabulary
    from widgets.canvas.scene import CanvasScene

LONGEST_TITLE = 200
MOST_OFFERED = 12  # rows of blocks between two ports


class Editing:
    """A part of the canvas view; see the module's first line."""

    learned = Learned()  # the session's, where there is one

    if TYPE_CHECKING:
        board: CanvasScene
        document: Document
        vocabulary: Vocabulary

    _editor: InlineEditor | None = None

    # -- adding ---------------------------------------------------------------------------------------------------

    def cursor_place(self) -> QPointF:
        """Where the mouse is over the canvas, else the middle of what is seen; scene units."""
        pixel = self.last_pixel
        return self.mapToScene(pixel.toPoint() if pixel is not None else self.viewport().rect().center())

    def open_search(self, at: QPointF | None = None, text: str = "", loose: tuple[End, bool] | None = None) -> None:
        """The quick search at a place (scene units; the cursor by default); ``loose`` keeps to what fits a wire's end."""
        by_mouse = isinstance(at, QPointF) or self.last_pixel is not None
        place = at if isinstance(at, QPointF) else self.cursor_place() if by_mouse else self.free_place()
        self.search.open_search(
            place, QPointF(self.mapFromScene(place)), self.vocabulary, self._fits(loose), loose, text
        )

    def free_place(self, at: QPointF | None = None) -> QPointF:
        """Where a block finds room: at a place, else right of the selected block, else in the middle of what is seen, or below."""
        chosen = self.selection()[-1:]
        if at is None and chosen:
            box = self.board.nodes[chosen[0]].box
            at = QPointF(box.right() + edits.ROOM / 2, box.top() + g.HEADER / 2)
        place = at or self.mapToScene(self.viewport().rect().center())
        boxes = [item.box.adjusted(-edits.GAP, -edits.GAP, edits.GAP, edits.GAP) for item in self.board.nodes.values()]
        reach = edits.ROOM / 2 - edits.GAP
        while any(box.intersects(QRectF(place.x() - reach, place.y() - 20, 2 * reach, edits.LANE)) for box in boxes):
            place = place + QPointF(0, edits.LANE / 2)
        return place

    def open_find(self) -> None:
        """The quick search over what is on the canvas: a block that is chosen is gone to."""
        if not self.document.nodes and not self.document.frames:
            self.say(tr("There is nothing on the canvas yet."))
            return
        middle = QPointF(self.viewport().rect().center())
        self.search.open_nodes(QPointF(middle.x() - WIDTH / 2, 48.0), self.document, self.vocabulary)

    def _fits(self, loose: tuple[End, bool] | None) -> list[rules.Proposal] | None:
        if loose is None:
            return None
        end, outgoing = loose
        spec = self.vocabulary.spec(self.document.nodes[end.node].block)
        port = spec.output(end.port) if outgoing else spec.input(end.port)
        if port is None:
            return []
        counts = dict(block_usage())
        for node in self.document.nodes.values():
            counts[node.block] = counts.get(node.block, 0) + 1
        data = ("source", "transform")
        learned = self.learned.beside(self.document.nodes[end.node].block, end.port, outgoing)
        found = rules.proposals(self.vocabulary, port, outgoing, counts, learned)
        if outgoing:
            return [p for p in found if p.spec.role not in data or spec.role in data]
        return [p for p in found if p.spec.role in data or spec.role not in data]

    def add_found(self, found: Found | FoundBridge | FoundNode | FoundEnd | FoundNote) -> None:
        """The quick search was answered: put the block there, joined to the loose end if there is one."""
        if isinstance(found, FoundBridge):
            self.add_bridge(found)
            return
        if isinstance(found, FoundNode):
            self.reveal(found.node)
            return
        if isinstance(found, FoundEnd):
            self.join_found(found)
            return
        if isinstance(found, FoundNote):
            self.reveal_frame(found.note)
            return
        if found.loose is None:
            self.drop_block(found.key, found.at, into_wire=False)
            return
        end, outgoing = found.loose
        size = self._size_of(found.key)
        spot = size.spot(found.port, not outgoing)
        corner = found.at - QPointF(spot.x, spot.y) if spot else found.at
        document, name = edits.add_node(self.document, found.key, corner.x(), corner.y(), self._placed(found.key))
        here = End(node=name, port=found.port)
        source, target = (end, here) if outgoing else (here, end)
        if not rules.refusal(document, source, target, self.vocabulary):
            document = edits.connect(document, source, target)
        self._propose_new(document, [name])

    def bridges_between(self, source: End, target: End) -> list[Bridge]:
        """What could stand between two ports that no wire may join, best first."""
        return bridges(self.document, source, target, self.vocabulary)[:MOST_OFFERED]

    def open_bridges(self, source: End, target: End, pixel: QPointF, taken: str = "") -> bool:
        """Offer what could stand between two ports; False where nothing could."""
        answers = [
            FoundBridge(bridge=bridge, source=source, target=target, taken=taken)
            for bridge in self.bridges_between(source, target)
        ]
        if answers:
            reason = said(rules.refusal(self.document, source, target, self.vocabulary))
            self.search.open_bridges(pixel, answers, in_a_row(reason, tr("Put one of these between:")))
        return bool(answers)

    def add_bridge(self, found: FoundBridge) -> None:
        """A row of blocks was chosen: put it between the two ports, of the width that the other side has."""
        document = edits.disconnect(self.document, [found.taken]) if found.taken else self.document
        width = self._width_beside(found.target)
        document, names = bridged(document, found.source, found.target, found.bridge, self.vocabulary, width)
        self._propose_new(self._frames_follow(document), list(names), tr("Put a block between"))
        self.bring_into_sight(names)

    def _width_beside(self, target: End) -> int:
        """Numbers a sample or token of what already leads into a block beside a port of the same kind; 0 where that is unknown."""
        spec = self.vocabulary.spec(self.document.nodes[target.node].block)
        into = spec.input(target.port)
        analysis = self.board.analysis
        for wire in self.document.wires_into(target.node) if into and analysis else ():
            beside = spec.input(wire.target.port)
            facts = analysis.nodes.get(wire.source.node)
            flows = facts.outputs.get(wire.source.port) if facts else None
            if wire.target != target and beside and into and beside.kind == into.kind and flows:
                last = flows.concrete.split()[-1]
                return int(last) if into.axes.endswith("D") and last.isdigit() else 0
        return 0

    def add_block(self, key: str, knobs: Mapping[str, Value] | None = None) -> None:
        """Put a block into the middle of what is seen, where nothing lies yet."""
        size = self._size_of(key)
        middle = self.seen().center()
        corner = QPointF(g.snapped(middle.x() - size.width / 2), g.snapped(middle.y() - size.height / 2))
        while any(self.board.touching(QRectF(corner.x(), corner.y(), size.width, size.height).adjusted(-8, -8, 8, 8))):
            corner += QPointF(g.GRID, g.GRID * 2)
        document, name = edits.add_node(
            self.document, key, corner.x(), corner.y(), {**self._placed(key), **(knobs or {})}
        )
        self._propose_new(document, [name])

    def drop_block(self, key: str, at: QPointF, into_wire: bool = True) -> None:
        """Put a block's header at a place; into the wire there if it fits."""
        size = self._size_of(key)
        document, name = edits.add_node(
            self.document, key, at.x() - size.width / 2, at.y() - g.HEADER / 2, self._placed(key)
        )
        wire = self.board.wire_at(at, 14 / self.scale_now) if into_wire else ""
        if wire:
            document = edits.insert_on_wire(document, name, wire, self.vocabulary)
        self._propose_new(document, [name])

    def _placed(self, key: str) -> Mapping[str, Value]:
        return self.vocabulary.spec(key).placed()

    def _size_of(self, key: str) -> g.NodeShape:
        spec = self.vocabulary.spec(key)
        return g.shape_of(Node(id="new", block=key), spec, spec.takes, spec.gives)

    def _propose_new(self, document: Document, names: list[str], edit: str = "") -> None:
        if len(document.nodes) > MOST_NODES:
            self.say(tr("A document holds at most {most} nodes.", most=MOST_NODES))
            return
        self.propose(document, edit or tr("Add a block"), select=names)
        if self.last_pixel is None:  # added by keyboard: it may lie beyond what is seen
            self.bring_into_sight(names)

    # -- removing, copying within -----------------------------------------------------------------------------------

    def delete(self, *, keep_wires: bool = True) -> None:
        """Delete what is selected. A node with one way through leaves its wire joined, unless told otherwise."""
        document = edits.disconnect(self.document, self.selected_wires)
        document = edits.remove_frames(document, self.selected_frames)
        document = edits.remove_nodes(document, self.selection(), self.vocabulary, keep_wires)
        self.propose(document, tr("Delete"))

    def delete_with_wires(self) -> None:
        """Delete what is selected and every wire at it."""
        self.delete(keep_wires=False)

    def duplicate(self) -> None:
        """A second copy of the selection beside the first."""
        chosen = self.selection()
        if not chosen and not self.selected_notes():
            self.say(tr("Select what to duplicate first."))
            return
        part = edits.extract(self.document, chosen, self._frames_around(chosen))
        document, names = edits.paste(self.document, part, 2 * g.GRID, 2 * g.GRID)
        self._propose_new(document, names, tr("Duplicate"))

    def _frames_around(self, nodes: list[str]) -> list[str]:
        """Selected frames, and those whose every node is among ``nodes``."""
        chosen, found = set(nodes), set(self.selected_frames)
        for name, item in self.board.frames.items():
            inside = self.board.inside(item.box) if not item.frame.is_note else []
            if inside and set(inside) <= chosen:
                found.add(name)
        return list(found)

    def select_all(self) -> None:
        """Select every node and frame."""
        self.select(self.board.nodes, self.board.wires, self.board.frames)

    # -- places -----------------------------------------------------------------------------------------------------

    def nudge(self, dx: float, dy: float) -> None:
        """Move the selection a little; a row of nudges is one step back."""
        nodes = self.document.nodes
        places = {name: (nodes[name].x + dx, nodes[name].y + dy) for name in self.selection()}
        notes, document = self.selected_notes(), carried(self.document, places)
        for name in notes:
            note = document.frames[name]
            document = edits.change_frame(document, name, x=note.x + dx, y=note.y + dy)
        if places or notes:
            self.propose(document, tr("Move"), join="nudge " + " ".join(sorted([*places, *notes])))

    def tidy(self) -> None:
        """Lay out the selected nodes (two or more), or all, in layers from left to right."""
        chosen = self.selection() if len(self.selection()) > 1 else None
        held = {name: item for name, item in self.board.frames.items() if not item.frame.is_note}
        frames = {node: name for name, item in held.items() for node in self.board.inside(item.box)}
        places = arrange(self.document, self.board.sizes(), chosen, frames)
        document = carried(self.document, places, straighten=True)
        self.propose(self._frames_follow(document), tr("Tidy"), glide=True)

    def _frames_follow(self, document: Document) -> Document:
        """Frames stay around the nodes they held."""
        sizes = self.board.sizes()
        for name, item in self.board.frames.items():
            inside = self.board.inside(item.box) if not item.frame.is_note else []
            if not inside or all(document.nodes[node] is self.document.nodes[node] for node in inside):
                continue
            fresh = edits.with_frame_around(replace(document, frames={}), inside, "", sizes).frames["frame_1"]
            document = edits.change_frame(document, name, x=fresh.x, y=fresh.y, width=fresh.width, height=fresh.height)
        return document

    def align_left(self) -> None:
        """Left edges on one line."""
        self._align("left")

    def align_center(self) -> None:
        """Middles below one another."""
        self._align("center")

    def align_right(self) -> None:
        """Right edges on one line."""
        self._align("right")

    def align_top(self) -> None:
        """Upper edges on one line."""
        self._align("top")

    def align_middle(self) -> None:
        """Middles beside one another."""
        self._align("middle")

    def align_bottom(self) -> None:
        """Lower edges on one line."""
        self._align("bottom")

    def distribute_across(self) -> None:
        """Equal gaps from left to right."""
        self._place(distribute(self.document, self.board.sizes(), self.selection(), across=True), tr("Distribute"), 3)

    def distribute_down(self) -> None:
        """Equal gaps from top to bottom."""
        self._place(distribute(self.document, self.board.sizes(), self.selection(), across=False), tr("Distribute"), 3)

    def _align(self, line: Line) -> None:
        self._place(align(self.document, self.board.sizes(), self.selection(), line), tr("Align"), 2)

    def _place(self, places: dict[str, tuple[float, float]], edit: str, least: int) -> None:
        if len(self.selection()) < least:
            self.say(tr("Select {least} or more blocks.", least=least))
            return
        self.propose(carried(self.document, places), edit, glide=True)

    # -- states -----------------------------------------------------------------------------------------------------

    def mute(self) -> None:
        """Mute the selected nodes, or let them run again where all are muted."""
        self._toggle("muted", tr("Disable"), tr("Enable"))

    def ablate(self) -> None:
        """Ask for a family of runs: the whole drawing, and each selected node off."""
        if self.selection():
            self.ablateRequested.emit(list(self.selection()))

    def run_to_here(self) -> None:
        """Ask for what flows out of the node that was selected last, and what everything before it takes."""
        if self.selection():
            self.insideRequested.emit(self.selection()[-1])

    def pause_when(self) -> None:
        """Ask at which figure of the block that was selected last a run shall pause."""
        if self.selection():
            self.breakpointRequested.emit(self.selection()[-1])
        else:
            self.say(tr("Select a node first."))

    def settings(self) -> None:
        """Go to the settings of the block that was selected last, or of the whole experiment."""
        self.inspectRequested.emit(self.selection()[-1] if self.selection() else "")

    def bypass(self) -> None:
        """Bypass the selected nodes, or put them back where all are bypassed."""
        self._toggle("bypassed", tr("Bypass"), tr("End bypass"))

    def collapse(self) -> None:
        """Collapse the selected nodes to their headers, or open them where all are collapsed."""
        self._toggle("collapsed", tr("Collapse"), tr("Expand"))

    def _toggle(self, field: str, on: str, off: str) -> None:
        chosen = self.selection()
        if not chosen:
            self.say(tr("Select a node first."))
            return
        already = all(getattr(self.document.nodes[name], field) for name in chosen)
        self.propose(edits.change_nodes(self.document, chosen, **{field: not already}), off if already else on)

    def set_repeat(self, count: int) -> None:
        """So many copies in a row of each selected node that may be repeated."""
        fit = [n for n in self.selection() if self.vocabulary.spec(self.document.nodes[n].block).repeatable]
        if not fit:
            self.say(tr("None of the selected blocks can be repeated: what goes in must come out alike."))
            return
        self.propose(edits.change_nodes(self.document, fit, repeat=max(1, count)), tr("Repeat"))

    # -- wires --------------------------------------------------------------------------------------------------------

    def connect_selected(self) -> None:
        """Join the selected nodes from left to right, each to the first free port that takes what it gives."""
        chosen = sorted(self.selection(), key=lambda name: self.document.nodes[name].x)
        document, reason = self.document, tr("Select two or more nodes to connect.")
        for before, after in pairwise(chosen):
            pair = self._first_pair(document, before, after)
            if isinstance(pair, str):
                reason = pair
            else:
                document = edits.connect(document, *pair)
        if document is not self.document:
            self.propose(document, tr("Connect"))
        elif not (len(chosen) == 2 and self._offer_between(*chosen)):
            self.say(reason)

    def _offer_between(self, before: str, after: str) -> bool:
        """What could stand between two blocks that share no kind of port; False where nothing could."""
        gives = rules.ports_of(self.document, before, self.vocabulary)[1]
        takes = rules.ports_of(self.document, after, self.vocabulary)[0]
        pairs = [
            (End(node=before, port=given.name), End(node=after, port=taken.name)) for given in gives for taken in takes
        ]
        free = [pair for pair in pairs if self.document.wire_at(pair[1]) is None]
        pixel = QPointF(self.mapFromScene(self.board.nodes[after].pos()))
        return any(self.open_bridges(source, target, pixel) for source, target in free)

    def _first_pair(self, document: Document, before: str, after: str) -> tuple[End, End] | str:
        gives = rules.ports_of(document, before, self.vocabulary)[1]
        takes = rules.ports_of(document, after, self.vocabulary)[0]
        reason = tr("There is no free port that fits.")
        for given in gives:
            for taken in takes:
                source, target = End(node=before, port=given.name), End(node=after, port=taken.name)
                if document.wire_at(target) is not None:
                    continue
                reason = rules.refusal(document, source, target, self.vocabulary)
                if not reason:
                    return source, target
        return reason

    def swap_inputs(self) -> None:
        """What leads to the first two incoming ports that take alike changes places, of each selected node."""
        document = self.document
        for node in self.selection():
            takes = rules.ports_of(document, node, self.vocabulary)[0]
            pairs = [(a, b) for place, a in enumerate(takes) for b in takes[place + 1 :] if a.kind == b.kind]
            wired = {wire.target.port for wire in document.wires_into(node)}
            found = next((pair for pair in pairs if {port.name for port in pair} & wired), None)
            if found is None:
                continue
            made = edits.swap_inputs(document, node, found[0].name, found[1].name)
            if not any(rules.refusal(made, w.source, w.target, self.vocabulary) for w in made.wires_into(node)):
                document = made
        if document is self.document:
            self.say(tr("No two inputs of the selected blocks take alike, or nothing leads to them."))
        else:
            self.propose(document, tr("Swap inputs"))

    def add_via(self, wire: str, at: QPointF) -> None:
        """A reroute point on a wire."""
        item = self.board.wires[wire]
        _, piece = g.nearest(item.pieces, at.x(), at.y())
        via = list(item.wire.via)
        via.insert(piece, (at.x(), at.y()))
        self.propose(edits.reroute(self.document, wire, tuple(via)), tr("Reroute a wire"))

    def remove_via(self, wire: str, number: int) -> None:
        """Take a reroute point away."""
        via = tuple(p for index, p in enumerate(self.board.wires[wire].wire.via) if index != number)
        self.propose(edits.reroute(self.document, wire, via), tr("Reroute a wire"))

    # -- frames and names ---------------------------------------------------------------------------------------------

    def frame_selection(self) -> None:
        """A titled frame around the selection; its title can be typed at once."""
        chosen = self.selection()
        if not chosen:
            self.say(tr("Select the nodes to frame first."))
            return
        document = edits.with_frame_around(self.document, chosen, tr("Group"), self.board.sizes())
        self.propose(document, tr("Frame"))
        fresh = [name for name in self.document.frames if name in self.board.frames]
        if self.document is document and fresh:
            self.rename_frame(fresh[-1])

    def rename(self, node: str = "") -> None:
        """Type another title in place: of the given node, the selected one, or the selected frame."""
        name = node or (self.selection()[-1] if self.selection() else "")
        if name in self.board.nodes:
            item = self.board.nodes[name]
            title = g.title_of(item.node, item.spec)
            self._edit_text(self._title_box(name), title, lambda text: self._retitle(name, text, tr(item.spec.title)))
        elif self.selected_frames:
            self.rename_frame(next(iter(self.selected_frames)))
        else:
            self.say(tr("Select what to rename first."))

    def _title_box(self, node: str) -> QRectF:
        """Where a block's title stands, in scene units."""
        item = self.board.nodes[node]
        return QRectF(item.pos() + QPointF(8, 4), item.pos() + QPointF(item.shape_now.width - 8, g.HEADER - 2))

    def _retitle(self, node: str, text: str, plain: str) -> None:
        title = "" if text.strip() == plain else text.strip()[:LONGEST_TITLE]
        if node in self.document.nodes:
            self.propose(edits.change_node(self.document, node, title=title), tr("Rename"))

    def rename_frame(self, frame: str) -> None:
        """Type another title of a frame in place, or the text of a note."""
        item = self.board.frames[frame]
        if item.frame.is_note:
            self.edit_note(frame)
            return
        self._edit_text(
            item.title_strip.adjusted(4, 2, -4, 2), item.frame.title, lambda text: self._retitle_frame(frame, text)
        )

    def _retitle_frame(self, frame: str, text: str) -> None:
        if frame in self.document.frames:
            title = text.strip()[:LONGEST_TITLE]
            self.propose(edits.change_frame(self.document, frame, title=title), tr("Rename"))

    def _edit_text(self, box: QRectF, text: str, use: object) -> None:
        self.close_rename(False)
        corner, far = self.mapFromScene(box.topLeft()), self.mapFromScene(box.bottomRight())
        self._editor = InlineEditor(self, text, use)
        self._editor.setGeometry(corner.x(), corner.y(), max(far.x() - corner.x(), 90), max(far.y() - corner.y(), 24))
        self._editor.show()
        self._editor.setFocus(Qt.FocusReason.OtherFocusReason)
        self._editor.selectAll()

    def close_rename(self, keep: bool) -> bool:
        """End typing a title, keeping it or not; False where none was typed."""
        editor, self._editor = self._editor, None
        if editor is None or editor.is_over:
            return False
        editor.end(keep)
        return True
