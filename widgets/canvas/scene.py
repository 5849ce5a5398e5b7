"""The canvas's items, kept equal to the document; answers what lies where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter, QTransform
from PySide6.QtWidgets import QGraphicsItem, QGraphicsScene

from core.graph import rules
from core.graph.analysis import Analysis
from core.graph.document import Document, End, Wire
from core.graph.vocabulary import Vocabulary
from widgets.canvas import geometry as g
from widgets.canvas.items.far import Far
from widgets.canvas.items.frame import FrameItem
from widgets.canvas.items.glimpse import Glimpse
from widgets.canvas.items.near import Near
from widgets.canvas.items.node import NAMES_FROM, NO_FACTS, NodeItem
from widgets.canvas.items.passing import Passing
from widgets.canvas.items.shared import SharedItem
from widgets.canvas.items.wire import WireItem
from widgets.canvas.reconcile import Difference, difference

FAR_BELOW, FAR_BELOW_IF_SMALL, SMALL = 0.48, 0.22, 60  # scales below which the drawing is painted in batches
MOST_SOILED = 200  # rectangles; beyond them everything is painted anew
_RANK = {"error": 3, "warning": 2, "hint": 1, "": 0}
NO_ANALYSIS = Analysis()


class Layer(QGraphicsItem):
    """A place in the stack that paints nothing itself."""

    def __init__(self, height: float) -> None:
        super().__init__()
        self.setZValue(height)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemHasNoContents)

    def boundingRect(self) -> QRectF:
        return QRectF()


class CanvasScene(QGraphicsScene):
    """Holds one item for each node, wire and frame of the document."""

    def __init__(self) -> None:
        super().__init__()
        self.setItemIndexMethod(
            QGraphicsScene.ItemIndexMethod.NoIndex
        )  # the tiles' own knows the items of a layer, too
        self.document = Document(id="empty")
        self.vocabulary = Vocabulary()
        self.analysis = NO_ANALYSIS
        self.nodes: dict[str, NodeItem] = {}
        self.wires: dict[str, WireItem] = {}
        self.frames: dict[str, FrameItem] = {}
        self._wires_of: dict[str, dict[str, None]] = {}
        self.scale_now = 1.0
        self.shows_samples = False
        self.is_far = False
        self.frame_layer, self.wire_layer, self.node_layer = Layer(0), Layer(1), Layer(2)
        self.shared, self._marked = SharedItem(), ("", ())
        self._breakpoints: dict[str, tuple[str, bool]] = {}  # by node: in words, and whether a run waits there
        self._places: dict[str, tuple[str, ...]] = {}  # of nodes whose weights are in several
        for item in (self.frame_layer, self.wire_layer, self.node_layer):
            self.addItem(item)
        self._far = Far()
        self._near_nodes, self._near_wires = Near(self.nodes), Near(self.wires)
        self.passing: list[Passing] = []
        self._soiled: list[QRectF] = []
        self._all_soiled = True
        self._reach: QRectF | None = None
        self.on_soil: Callable[[QRectF], object] = lambda rect: None  # the view's: show it again
        self.addItem(self.shared)

    # -- keeping up with the document ---------------------------------------------------------------------------

    def set_vocabulary(self, vocabulary: Vocabulary) -> None:
        """Other blocks are known now: draw every node again."""
        self.vocabulary = vocabulary
        for name in self.nodes:
            self._refresh_node(name)
        for key in self.wires:
            self.lay_wire(key)
        self._after_change()

    def show_document(self, document: Document) -> Difference:
        """Make the items equal to the document, touching only what changed; gives what that was."""
        found = difference(self.document, document)
        self.document = document
        touched = self._take_away(found)
        touched |= self._put_in(found)
        if found.nodes:
            self._mark_shared()
        for name in touched:
            self._refresh_ends(name)
        dirty = set(found.wires.new) | set(found.wires.other)
        for name in (*found.nodes.new, *found.nodes.other):
            dirty.update(self._wires_of.get(name, ()))
        for key in dirty:
            self.lay_wire(key)
        if found.nodes or found.wires or found.frames:
            near = {key for name in touched for key in self._wires_of.get(name, ())}
            self._show_analysis((*found.nodes.new, *found.nodes.other), dirty | near)
            self._after_change()
        return found

    def _take_away(self, found: Difference) -> set[str]:
        touched: set[str] = set()
        for key in found.wires.gone:
            item = self.wires.pop(key)
            for name in (item.wire.source.node, item.wire.target.node):
                self._wires_of.get(name, {}).pop(key, None)
                touched.add(name)
            self._drop(item)
        for name in found.nodes.gone:
            self._wires_of.pop(name, None)
            touched.discard(name)
            NodeItem.pictures.forget(self.nodes[name])
            self._drop(self.nodes.pop(name))
        for name in found.frames.gone:
            self._drop(self.frames.pop(name))
        return {name for name in touched if name in self.document.nodes}

    def _drop(self, item: QGraphicsItem) -> None:
        item.setParentItem(None)
        self.removeItem(item)

    def _put_in(self, found: Difference) -> set[str]:
        touched: set[str] = set()
        for name in found.nodes.new:
            node = self.document.nodes[name]
            item = NodeItem(node, self.vocabulary.spec(node.block), *self._ports(name), has_sample=self.shows_samples)
            item.setParentItem(self.node_layer)
            item.setPos(g.on_canvas(node.x), g.on_canvas(node.y))
            item.update()
            self.nodes[name] = item
            self._show_breakpoint(name)
        for name in found.nodes.other:
            self._refresh_node(name)
        by_key = {wire.key: wire for wire in self.document.wires} if found.wires else {}
        for key in found.wires.new:
            self._add_wire(by_key[key])
            touched.update((by_key[key].source.node, by_key[key].target.node))
        for key in found.wires.other:
            self.wires[key].wire = by_key[key]
        for name in found.frames.new:
            self.frames[name] = FrameItem(self.document.frames[name])
            self.frames[name].setParentItem(self.frame_layer)
            self.frames[name].update()
        for name in found.frames.other:
            self.frames[name].show_frame(self.document.frames[name])
        return touched

    def _add_wire(self, wire: Wire) -> None:
        item = WireItem(wire)
        item.setParentItem(self.wire_layer)
        self.wires[wire.key] = item
        for name in (wire.source.node, wire.target.node):
            self._wires_of.setdefault(name, {})[wire.key] = None

    def _ports(self, name: str) -> tuple[tuple, tuple]:
        return rules.ports_of(self.document, name, self.vocabulary)

    def _refresh_node(self, name: str) -> None:
        node, item = self.document.nodes[name], self.nodes[name]
        item.show_node(node, self.vocabulary.spec(node.block), *self._ports(name))
        item.setPos(g.on_canvas(node.x), g.on_canvas(node.y))

    def _refresh_ends(self, name: str) -> None:
        """A wire came to a node or left it: its filled ports change, and a placeholder's ports with them."""
        item = self.nodes[name]
        if not item.spec.known:
            self._refresh_node(name)
            for key in self._wires_of.get(name, ()):
                self.lay_wire(key)
        ends = set()
        for key in self._wires_of.get(name, ()):
            wire = self.wires[key].wire
            ends.add((wire.source.port, True) if wire.source.node == name else (wire.target.port, False))
        item.wired = frozenset(ends)
        item.update()

    def lay_wire(self, key: str, via: tuple[g.Point, ...] | None = None) -> None:
        """Run a wire between where its ports are drawn now."""
        item = self.wires[key]
        giver, taker = self.nodes[item.wire.source.node], self.nodes[item.wire.target.node]
        spot = giver.shape_now.spot(item.wire.source.port, True)
        item.modality = spot.port.modality if spot else "any"
        item.muted = giver.node.muted or taker.node.muted
        item.is_home = self._is_home(giver) and self._is_home(taker)
        item.lay(giver.spot_at(item.wire.source.port, True), taker.spot_at(item.wire.target.port, False), via)

    # -- weights in several places --------------------------------------------------------------------------------

    def _mark_shared(self) -> None:
        owners = {node.same_as for node in self.document.nodes.values() if node.same_as}
        groups = [places for owner in owners if len(places := self.document.places(owner)) > 1]
        self._places = {name: places for places in groups for name in places}
        for name, item in self.nodes.items():
            if item.is_shared != (name in self._places):
                item.is_shared = name in self._places
                item.update()
        self.lay_shared()

    def mark(self, hovered: str, selected: Iterable[str]) -> None:
        """These blocks show where else their weights are."""
        self._marked = hovered, tuple(selected)
        if self._places or self.shared.lines:
            self.lay_shared()

    def lay_shared(self) -> None:
        """Run the thin lines between where their boxes are drawn now."""
        hovered, selected = self._marked
        pairs = {
            tuple(sorted((name, other)))
            for name in {hovered, *selected} & self._places.keys()
            for other in self._places[name]
            if other != name
        }
        boxes = {name: self.nodes[name].box for pair in pairs for name in pair}
        self.shared.lay([g.between(boxes[one], boxes[other]) for one, other in sorted(pairs)])

    def _is_home(self, item: NodeItem) -> bool:
        return item.x() == g.on_canvas(item.node.x) and item.y() == g.on_canvas(item.node.y)

    def _after_change(self) -> None:
        self.set_scale(self.scale_now)  # a drawing that grew large is painted in batches sooner
        self.forget_places()

    def forget_places(self) -> None:
        """Look at every item again to know what lies where on the picture."""
        for kept in (self._far, self._near_nodes, self._near_wires):
            kept.forget()
        self._reach = None

    # -- what the compiler found --------------------------------------------------------------------------------

    def set_analysis(self, analysis: Analysis | None) -> None:
        """Show facts and problems; None takes them away."""
        self.analysis = analysis or NO_ANALYSIS
        self._show_analysis(self.nodes, self.wires)

    def _show_analysis(self, nodes: Iterable[str], wires: Iterable[str]) -> None:
        worst: dict[str, str] = {}
        for problem in self.analysis.problems:
            if _RANK[problem.severity] > _RANK[worst.get(problem.node, "")]:
                worst[problem.node] = problem.severity
        for name in nodes:
            item = self.nodes[name]
            facts = self.analysis.nodes.get(name, NO_FACTS)
            if facts is not item.facts:
                item.show_facts(facts)
            if item.severity != worst.get(name, ""):
                item.severity = worst.get(name, "")
                item.update()
        for key in wires:
            self._show_flow(self.wires[key])

    def _show_flow(self, item: WireItem) -> None:
        source = item.wire.source
        facts = self.analysis.nodes.get(source.node)
        flow = facts.outputs.get(source.port) if facts else None
        per_sample = self.nodes[source.node].spec.role in ("source", "transform")  # data never carries a gradient
        carries = flow is None or flow.trained or per_sample
        if carries != item.carries_gradient:
            item.carries_gradient = carries
            item.update()
        first = next(key for key in self._wires_of[source.node] if self.wires[key].wire.source == source)
        item.show_facts(flow, has_chip=first == item.wire.key)  # wires from one port say it once

    def set_running(self, nodes: Iterable[str]) -> None:
        """Mark the nodes that run now."""
        running = set(nodes)
        for name, item in self.nodes.items():
            if item.running != (name in running):
                item.running = name in running
                item.update()

    def set_told(self, told: Mapping[str, str]) -> None:
        """What a step of training did at each node."""
        for name, item in self.nodes.items():
            if item.told != told.get(name, ""):
                item.told = told.get(name, "")
                item.show_facts(item.facts)

    def show_samples(self, shown: bool) -> None:
        """Whether every node has room for what flows out of it; ports stay where they are."""
        if shown == self.shows_samples:
            return
        self.shows_samples = shown
        for name, item in self.nodes.items():
            item.has_sample, item.glimpse = shown, None
            self._refresh_node(name)
        self._after_change()
        self.soil_all()

    def set_glimpses(self, glimpses: Mapping[str, Glimpse | None]) -> None:
        """What flows out of some nodes; of a node that is gone by now nothing is drawn."""
        for name in glimpses.keys() & self.nodes.keys():
            if self.nodes[name].glimpse is not glimpses[name]:
                self.nodes[name].show_glimpse(glimpses[name])

    def set_breakpoints(self, told: Mapping[str, str], met: Iterable[str]) -> None:
        """What runs pause at, by block, and at which of them one waits."""
        waits = set(met)
        self._breakpoints = {name: (told.get(name, ""), name in waits) for name in {*told, *waits}}
        for name in self.nodes:
            self._show_breakpoint(name)

    def _show_breakpoint(self, name: str) -> None:
        item, now = self.nodes[name], self._breakpoints.get(name, ("", False))
        if (item.pauses_at, item.waits) != now:
            item.pauses_at, item.waits = now
            item.update()

    # -- scale ----------------------------------------------------------------------------------------------------

    def set_scale(self, scale: float) -> None:
        """The view looks from nearer or farther: leave out what cannot be read."""
        self.scale_now = scale
        self.is_far = self.far_at(scale)
        self.look_from(scale)

    def far_at(self, scale: float) -> bool:
        """Whether the drawing is painted in batches at a scale."""
        return scale < (FAR_BELOW if len(self.nodes) > SMALL else FAR_BELOW_IF_SMALL)

    def look_from(self, scale: float) -> None:
        """All items are painted for this scale now; said once for each kind, not to every one of many."""
        NodeItem.scale_now = WireItem.scale_now = FrameItem.scale_now = scale

    # -- painting -------------------------------------------------------------------------------------------------

    def soil(self, rect: QRectF, item: QGraphicsItem | None = None) -> None:
        """What is painted in a rectangle (scene units) is out of date."""
        if isinstance(item, Passing):
            self.on_soil(rect)
            return
        if isinstance(item, NodeItem):
            self._near_nodes.touch(item)
        elif isinstance(item, WireItem):
            self._near_wires.touch(item)
            self._far.touch(item)
        if self._reach is not None and not self._reach.contains(rect):
            self._reach = self._reach.united(rect)
        if not self._all_soiled:
            self._soiled.append(rect)
            self._all_soiled = len(self._soiled) > MOST_SOILED
        self.on_soil(rect)

    def soil_all(self) -> None:
        """Everything looks different now."""
        self._all_soiled = True

    def take_soiled(self) -> list[QRectF] | None:
        """What is to be painted anew since this was asked last; None for everything."""
        soiled, everything = self._soiled, self._all_soiled
        self._soiled, self._all_soiled = [], False
        return None if everything else soiled

    def reach(self) -> QRectF:
        """A rectangle outside of which nothing is painted but paper."""
        if self._reach is None:
            self._reach = self.itemsBoundingRect()
        return self._reach

    def draw(self, painter: QPainter, base: QTransform, seen: QRectF, scale: float) -> None:
        """Paint what lies in a rectangle of the scene as it looks at a scale; ``base`` leads from scene to device."""
        self.look_from(scale)
        for frame in sorted(self.frames.values(), key=lambda item: item.frame.is_note):
            if frame.boundingRect().intersects(seen):
                painter.setWorldTransform(base)
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                frame.paint(painter)
        painter.setWorldTransform(base)
        nodes, wires = self._near_nodes.of(seen), self._near_wires.of(seen)
        if self.far_at(scale):
            self._far.draw(painter, nodes, wires, scale)
        else:
            _draw_one_by_one(painter, base, (*wires, *nodes))
        self.look_from(self.scale_now)

    def draw_passing(self, painter: QPainter, base: QTransform) -> None:
        """Paint what is there only while a gesture lasts, over everything else."""
        painter.setWorldTransform(base)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for item in self.passing:
            item.paint(painter)

    def addItem(self, item: QGraphicsItem) -> None:
        super().addItem(item)
        if isinstance(item, Passing):
            self.passing.append(item)
        item.update()

    def removeItem(self, item: QGraphicsItem) -> None:
        item.update()
        if isinstance(item, Passing):
            self.passing.remove(item)
        super().removeItem(item)

    # -- showing things elsewhere for the time of a gesture -----------------------------------------------------

    def preview(self, places: Mapping[str, g.Point]) -> None:
        """Draw nodes at other places, without changing the document; wires follow."""
        dirty: dict[str, int] = {}
        for name, (x, y) in places.items():
            self.nodes[name].setPos(g.on_canvas(x), g.on_canvas(y))
            for key in self._wires_of.get(name, ()):
                dirty[key] = dirty.get(key, 0) + 1
        for key, ends in dirty.items():
            wire = self.wires[key].wire
            if ends == 2:
                self._carry_wire(key, wire, places)
            else:
                self.lay_wire(key)
        if self.shared.lines:
            self.lay_shared()

    def _carry_wire(self, key: str, wire: Wire, places: Mapping[str, g.Point]) -> None:
        """Both ends move: where they move alike, the path is carried along as it is."""
        a, b = self.document.nodes[wire.source.node], self.document.nodes[wire.target.node]
        (ax, ay), (bx, by) = places[a.id], places[b.id]
        dx, dy = ax - a.x, ay - a.y
        if self.wires[key].is_home and abs(bx - b.x - dx) < 0.01 and abs(by - b.y - dy) < 0.01:
            self.wires[key].setPos(dx, dy)
        else:
            self.lay_wire(key)

    def settle(self) -> None:
        """Draw everything where the document says, whatever was previewed."""
        moved = set()
        for name, item in self.nodes.items():
            node = self.document.nodes[name]
            home = QPointF(g.on_canvas(node.x), g.on_canvas(node.y))
            if item.pos() != home:
                item.setPos(home)
                moved.add(name)
        carried = {key for key, item in self.wires.items() if not (item.is_home and item.pos().isNull())}
        for key in carried | {key for name in moved for key in self._wires_of.get(name, ())}:
            self.lay_wire(key)
        for name, item in self.frames.items():
            item.show_frame(self.document.frames[name])
        self.lay_shared()

    # -- what lies where --------------------------------------------------------------------------------------------

    def wires_of(self, node: str) -> list[str]:
        """Keys of the wires at a node."""
        return list(self._wires_of.get(node, ()))

    def node_at(self, at: QPointF) -> str:
        """The topmost node at a place; empty where there is none."""
        x, y = at.x(), at.y()
        for name in reversed(self.nodes):
            item = self.nodes[name]
            left, top = item.x(), item.y()
            if left <= x <= left + item.shape_now.width and top <= y <= top + item.shape_now.height:
                return name
        return ""

    def port_at(self, at: QPointF, reach: float) -> tuple[End, bool] | None:
        """The port within ``reach`` of a place, and whether it gives."""
        x, y = at.x(), at.y()
        best, found = reach, None
        for name in reversed(self.nodes):
            item = self.nodes[name]
            left, top = item.x(), item.y()
            if not (left - reach <= x <= left + item.shape_now.width + reach):
                continue
            if not (top - reach <= y <= top + item.shape_now.height + reach):
                continue
            for spot in item.shape_now.spots:
                distance = ((left + spot.x - x) ** 2 + (top + spot.y - y) ** 2) ** 0.5
                if distance < best:
                    best, found = distance, (End(node=name, port=spot.port.name), spot.outgoing)
        return found

    def wire_at(self, at: QPointF, reach: float) -> str:
        """The nearest wire within ``reach`` of a place."""
        best, found = reach, ""
        for key, item in self.wires.items():
            distance = item.distance(at.x(), at.y())
            if distance < best:
                best, found = distance, key
        return found

    def via_at(self, at: QPointF, reach: float) -> tuple[str, int] | None:
        """The reroute point within ``reach`` of a place: its wire and number."""
        for key, item in self.wires.items():
            for number, (x, y) in enumerate(item.wire.via):
                if abs(x - at.x()) <= reach and abs(y - at.y()) <= reach:
                    return key, number
        return None

    def frame_at(self, at: QPointF, reach: float) -> tuple[str, str]:
        """The frame whose title or edge is at a place, and the edges (``l r t b``) that are there."""
        for name in sorted(self.frames, key=lambda name: not self.frames[name].frame.is_note):  # notes lie above
            item = self.frames[name]
            if edges := item.edges_at(at, reach):
                return name, edges
            if item.title_strip.contains(at):
                return name, ""
        return "", ""

    def inside(self, box: QRectF) -> list[str]:
        """Nodes that lie wholly in a rectangle."""
        return [name for name, item in self.nodes.items() if box.contains(item.box)]

    def readable_in(self, box: QRectF) -> list[str]:
        """Nodes that a rectangle touches, seen from so near that what is written on them can be read."""
        return self.touching(box) if self.scale_now >= NAMES_FROM and not self.is_far else []

    def touching(self, box: QRectF) -> list[str]:
        """Nodes that a rectangle touches."""
        return [name for name, item in self.nodes.items() if box.intersects(item.box)]

    def content(self) -> QRectF:
        """The rectangle of everything that is drawn."""
        found = QRectF()
        for items in (self.nodes, self.frames):
            for item in items.values():
                found = found.united(item.box)
        for item in self.wires.values():
            if item.wire.via:
                found = found.united(item.bounds)
        return found.adjusted(-20, -20, 20, 20) if not found.isNull() else found

    def sizes(self) -> dict[str, tuple[float, float]]:
        """Every node's width and height as drawn."""
        return {name: (item.shape_now.width, item.shape_now.height) for name, item in self.nodes.items()}

    def restyle(self) -> None:
        """The theme or the language changed: measure and paint everything again."""
        NodeItem.pictures.clear()
        for name in self.nodes:
            self._refresh_node(name)
        for key in self.wires:
            self.lay_wire(key)
        self._after_change()
        self.soil_all()


def _draw_one_by_one(painter: QPainter, base: QTransform, items: Iterable[NodeItem | WireItem]) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for item in items:
        at = item.pos()
        painter.setWorldTransform(QTransform(base).translate(at.x(), at.y()))
        item.paint(painter)
