"""What the canvas shows: a document, what the compiler found, what is selected, and the picture of it.

What a person does with mouse and keys stands in :mod:`widgets.canvas.view`. It never changes a document itself: it announces
``documentEdited(document, edit, join)`` and shows whatever comes back through :meth:`Surface.set_document`. ``join`` is not
empty where consecutive edits are one step (nudging).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt, QTimer, QVariantAnimation, Signal
from PySide6.QtGui import (
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTransform,
)
from PySide6.QtWidgets import QGraphicsView, QWidget

from core.graph import edits
from core.graph.analysis import Analysis
from core.graph.document import Document, End
from core.graph.vocabulary import Vocabulary
from widgets.canvas.breadcrumb import Breadcrumb
from widgets.canvas.clipboard import Clipboard
from widgets.canvas.editing import Editing
from widgets.canvas.geometry import WIRE_REACH
from widgets.canvas.items.glimpse import Glimpse
from widgets.canvas.minimap import Minimap
from widgets.canvas.navigation import Navigation
from widgets.canvas.notes import Notes
from widgets.canvas.overlays import Bubble, EmptyHint
from widgets.canvas.problem_bar import ProblemBar
from widgets.canvas.scene import CanvasScene
from widgets.canvas.search import QuickSearch
from widgets.canvas.sharing import Sharing
from widgets.canvas.subgraphs import Subgraphs
from widgets.canvas.tiles import PADDING, Look, Tiles
from widgets.canvas.wiring import Wiring
from widgets.look.language import tr
from widgets.look.theme import look

GLIDE_MS, MOST_GLIDING = 140, 200
BUDGET_ZOOMING, BUDGET_RESTING = 0.0025, 0.03  # seconds of a frame to paint sharper pieces of a large drawing
LEAST_MAPPED = QSize(560, 380)  # pixels; on a smaller canvas the overview would lie on the graph
MOST_PARTS = 40  # shown again one by one

KEYS_THAT_ALTER = (Qt.Key.Key_Shift, Qt.Key.Key_Alt, Qt.Key.Key_Control)


class Surface(Editing, Wiring, Notes, Subgraphs, Sharing, Clipboard, Navigation, QGraphicsView):
    """Shows one document; see the module's first lines."""

    documentEdited = Signal(object, str, str)  # Document, name of the edit, join key
    selectionChanged = Signal(list)  # node ids
    messageRaised = Signal(str)
    fixRequested = Signal(object)  # Problem
    inspectRequested = Signal(str)  # node id: show its settings
    helpRequested = Signal(str)  # block key
    insideRequested = Signal(str)  # node id: run to it and show what flows out
    alternativesRequested = Signal(str)  # node id: a family of runs, each with another block in its place
    breakpointRequested = Signal(str)  # node id: pause a run at one of its figures
    ablateRequested = Signal(list)  # node ids: a family of runs, each without one of them
    viewChanged = Signal()  # scrolled or zoomed
    enterRequested = Signal(str)  # node id: show the inside of a subgraph
    leaveRequested = Signal()  # one level out
    levelRequested = Signal(int)  # to the level of so many entered subgraphs
    placeRequested = Signal(str)  # go to a place of the whole document
    borderRequested = Signal(
        str, dict, str
    )  # a function of core.graph.subgraphs.borders, its keywords, name of the edit

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.board = CanvasScene()
        self.setScene(self.board)
        self.tiles = Tiles(self.board)
        self._soiled_parts = 0
        self.board.on_soil = self._show_soiled
        self._set_up()
        self._selected: list[str] = []
        self.selected_wires: set[str] = set()
        self.selected_frames: set[str] = set()
        self._hovered: object = None
        self.space_held = self.space_used = False
        self.last_pixel: QPointF | None = None
        self.wheel_zooms = True
        self._reduced_motion = False
        self._glide_next = False
        self._glide: QVariantAnimation | None = None
        self.bubble, self.empty = Bubble(self), EmptyHint(self)
        self.search = QuickSearch(self)
        self.minimap, self.problem_bar = Minimap(self, self), ProblemBar(self)
        self.breadcrumb, self._views = Breadcrumb(self), {}
        self.breadcrumb.levelRequested.connect(self.levelRequested)
        self.problem_bar.nodeRequested.connect(self._go_to_problem)
        self.problem_bar.fixRequested.connect(self.fixRequested)
        self.search.chosen.connect(self.add_found)
        self.selectionChanged.connect(self.forget_port)
        self._sharpen = QTimer(self, singleShot=True, interval=0)
        self._sharpen.timeout.connect(self.viewport().update)
        self._start_navigation()
        look.changed.connect(self.restyle)
        self.restyle()

    def _set_up(self) -> None:
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontAdjustForAntialiasing)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontSavePainterState)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.NoViewportUpdate)  # tiles know what is out of date
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QGraphicsView.Shape.NoFrame)
        self.setAcceptDrops(True)
        self.viewport().setMouseTracking(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_AcceptTouchEvents)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # paper covers all of it
        self.grabGesture(Qt.GestureType.PinchGesture)
        self.setAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Canvas"))
        self.setAccessibleDescription(tr("The graph of the experiment. The outline shows the same as a list."))

    # -- values ---------------------------------------------------------------------------------------------------

    @property
    def document(self) -> Document:
        """What is shown."""
        return self.board.document

    @property
    def vocabulary(self) -> Vocabulary:
        """The blocks that are known."""
        return self.board.vocabulary

    def set_vocabulary(self, vocabulary: Vocabulary) -> None:
        """The blocks there are."""
        self.arrive()
        self.board.set_vocabulary(vocabulary)
        self._after_document()

    def set_document(self, document: Document) -> None:
        """Show this document; only what differs from the one before is touched."""
        self.arrive()
        self.abandon()
        self.end_await()
        homes = {name: (item.x(), item.y()) for name, item in self.board.nodes.items()} if self._glide_next else {}
        another = document.id != self.document.id
        if another:
            self.keep_view()
            self.select([])
        found = self.board.show_document(document)
        if homes:
            self._start_glide(homes, found.nodes.other)
        self._glide_next = False
        self._after_document()
        if found.nodes.gone or found.wires.gone or found.frames.gone:
            self.select(self._selected, self.selected_wires, self.selected_frames)
        for name in found.nodes.new if not another else ():
            self.board.nodes[name].selected = name in self._selected
        if another:
            self.take_view(document)

    def _after_document(self) -> None:
        self.update_bounds()
        self.empty.setVisible(not self.document.nodes)
        self.place_overlays()
        self.minimap.refresh()

    def set_analysis(self, analysis: Analysis | None) -> None:
        """Show what the compiler found; None while nothing is known."""
        self.board.set_analysis(analysis)
        self.problem_bar.set_problems(analysis.problems if analysis else ())
        self.place_overlays()
        self.minimap.refresh()

    def set_running(self, nodes: Iterable[str]) -> None:
        """Mark the nodes that run now."""
        self.board.set_running(nodes)
        self.minimap.refresh()

    def set_told(self, told: Mapping[str, str]) -> None:
        """What a step of training did at each node; nothing takes it away."""
        self.board.set_told(told)

    def show_samples(self, shown: bool) -> None:
        """Whether blocks have room for what flows out of them."""
        self.arrive()
        self.board.show_samples(shown)
        self._after_document()
        self.viewport().update()

    def set_glimpses(self, glimpses: Mapping[str, Glimpse | None]) -> None:
        """What flows out of some blocks for one sample."""
        self.board.set_glimpses(glimpses)

    def glimpses(self) -> dict[str, Glimpse]:
        """What is shown of that."""
        return {name: item.glimpse for name, item in self.board.nodes.items() if item.glimpse is not None}

    def nodes_in_sight(self) -> list[str]:
        """Blocks that are seen from near enough to be read."""
        return self.board.readable_in(self.mapToScene(self.viewport().rect()).boundingRect())

    def set_breakpoints(self, told: Mapping[str, str], met: Iterable[str] = ()) -> None:
        """What runs pause at, by block, in words; ``met`` are the blocks that a run waits at now."""
        self.board.set_breakpoints(told, met)

    def set_reduced_motion(self, reduced: bool) -> None:
        """Without animations."""
        self._reduced_motion = reduced

    @property
    def reduced_motion(self) -> bool:
        """Whether nothing may move by itself."""
        return self._reduced_motion

    def selection(self) -> list[str]:
        """Ids of the selected nodes, in the order they were selected."""
        return list(self._selected)

    def select(self, nodes: Iterable[str], wires: Iterable[str] = (), frames: Iterable[str] = ()) -> None:
        """Select exactly these; what is not in the document is left out."""
        board = self.board
        chosen = [name for name in dict.fromkeys(nodes) if name in board.nodes]
        self.selected_wires = {key for key in wires if key in board.wires}
        self.selected_frames = {key for key in frames if key in board.frames}
        wanted = set(chosen)
        for items, marked in (
            (board.nodes, wanted),
            (board.wires, self.selected_wires),
            (board.frames, self.selected_frames),
        ):
            for name, item in items.items():
                if item.selected != (name in marked):
                    item.selected = name in marked
                    item.update()
        changed, self._selected = chosen != self._selected, chosen
        if changed:
            self.board.mark(self._hovered_node(), chosen)
            self.selectionChanged.emit(list(chosen))

    # -- wishes ---------------------------------------------------------------------------------------------------

    def propose(
        self, document: Document, edit: str, join: str = "", select: Iterable[str] | None = None, glide: bool = False
    ) -> None:
        """Announce the next document. ``select`` are nodes to select once it is shown; ``glide`` moves them there."""
        if document is self.document or document == self.document:
            self.board.settle()
            return
        self._glide_next = glide and not self._reduced_motion and len(document.nodes) <= MOST_GLIDING
        self.documentEdited.emit(document, edit, join)
        self._glide_next = False
        if self.document is not document:
            self.board.settle()
        elif select is not None:
            self.select(select)

    def say(self, sentence: str) -> None:
        """Tell the person something, at the window's message place."""
        self.messageRaised.emit(sentence)

    def say_here(self, sentence: str, pixel: QPointF | None = None, stays: bool = False, calm: bool = False) -> None:
        """Tell the person something next to the cursor; ``stays`` for a few seconds after the gesture; ``calm``: no refusal."""
        self.bubble.say(sentence, pixel or QPointF(), stays, calm)

    # -- gliding --------------------------------------------------------------------------------------------------

    def _start_glide(self, homes: dict[str, tuple[float, float]], moved: Iterable[str]) -> None:
        ends = {name: (self.document.nodes[name].x, self.document.nodes[name].y) for name in moved if name in homes}
        if not ends:
            return
        glide = QVariantAnimation(self, startValue=0.0, endValue=1.0, duration=GLIDE_MS)
        self._glide = glide

        def step(t: float) -> None:
            places = {
                name: (homes[name][0] + (x - homes[name][0]) * t, homes[name][1] + (y - homes[name][1]) * t)
                for name, (x, y) in ends.items()
            }
            self.board.preview(places)

        glide.valueChanged.connect(step)
        glide.finished.connect(self.arrive)
        self.board.preview({name: homes[name] for name in ends})
        glide.start()

    def arrive(self) -> None:
        """Whatever glides is where it was going."""
        if self._glide is not None:
            self._glide.stop()
            self._glide.deleteLater()
            self._glide = None
            self.board.settle()
            self.minimap.refresh()

    def port_near(self, at: QPointF, pixels: float) -> tuple[End, bool] | None:
        """The port within so many device pixels of a place, and whether it gives."""
        return self.board.port_at(at, min(pixels / self.scale_now, 20.0))

    def wire_that_takes(self, node: str, at: QPointF) -> str:
        """The wire at a place that the node fits into."""
        key = self.board.wire_at(at, max(40.0, WIRE_REACH / self.scale_now))
        if not key:
            return ""
        return key if edits.insert_on_wire(self.document, node, key, self.vocabulary) is not self.document else ""

    def abandon(self) -> bool:
        """Cancel what a person is in the midst of; False where nothing is under way."""
        return False

    def _hovered_node(self) -> str:
        return self._hovered[0] if self._hovered is not None else ""

    # -- painting -------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """The kept picture, and over it what a gesture shows; the scene's items are painted on its tiles."""
        self._soiled_parts = 0
        painter = QPainter(self.viewport())
        sharpness = painter.deviceTransform().m11()
        now = self._look(sharpness)
        part = event.rect()
        exposed = QRectF(QPointF(part.topLeft()) * sharpness, QSizeF(part.size()) * sharpness).toAlignedRect()
        painter.setWorldTransform(QTransform.fromScale(1 / sharpness, 1 / sharpness))
        if self.is_zooming:
            self.tiles.paint_moving(painter, exposed, now, BUDGET_ZOOMING, exact=False)
        elif self._is_blurred:
            self._is_blurred = not self.tiles.paint_moving(painter, exposed, now, BUDGET_RESTING, exact=True)
            if self._is_blurred or part != self.viewport().rect():
                self._is_blurred = True
                self._sharpen.start()
        else:
            self.tiles.paint(painter, exposed, now)
        self.board.draw_passing(painter, now.base)
        painter.end()

    def _look(self, sharpness: float) -> Look:
        corner = self.viewportTransform().map(QPointF(0, 0)) * sharpness
        return Look(scale=self.scale_now, sharpness=sharpness, origin=corner.toPoint())

    @property
    def is_sharp(self) -> bool:
        """Whether no piece of the picture is stretched."""
        return not self._is_blurred

    def _show_soiled(self, rect: QRectF) -> None:
        """A rectangle of the scene looks different now."""
        self._soiled_parts += 1
        if self._soiled_parts < MOST_PARTS:
            pad = PADDING * self.scale_now + 3
            found = self.viewportTransform().mapRect(rect).adjusted(-pad, -pad, pad, pad)
            self.viewport().update(found.toAlignedRect())
        elif self._soiled_parts == MOST_PARTS:
            self.viewport().update()

    def restyle(self) -> None:
        """The theme or the language changed."""
        self.board.restyle()
        self.empty.restyle()
        self.minimap.refresh()
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.place_overlays()

    def place_overlays(self) -> None:
        """Put what floats above the drawing where it belongs."""
        width, height = self.width(), self.height()
        self.minimap.move(width - self.minimap.width() - 12, height - self.minimap.height() - 12)
        has_room = bool(self.document.nodes) and width > LEAST_MAPPED.width() and height > LEAST_MAPPED.height()
        self.minimap.setVisible(has_room)
        beside = self.minimap.width() + 24 if has_room else 0
        self.breadcrumb.fit_into(width - 24)
        self.breadcrumb.move(12, 10)
        self.problem_bar.fit_into(QRectF(16, height - 12, width - beside - 32, 0))
        self.empty.resize(min(460, width - 20), self.empty.heightForWidth(min(460, width - 20)))
        self.empty.move((width - self.empty.width()) // 2, (height - self.empty.height()) // 2)
        for overlay in (self.empty, self.minimap, self.problem_bar, self.breadcrumb, self.bubble, self.search):
            overlay.raise_()
