"""Where the view looks: zoom, pan, fit, reveal, walking along wires."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer, QVariantAnimation
from PySide6.QtGui import QInputDevice, QNativeGestureEvent, QShowEvent, QTransform, QWheelEvent
from PySide6.QtWidgets import QGestureEvent, QPinchGesture

from widgets.canvas import geometry as g
from widgets.canvas.scene import SMALL

if TYPE_CHECKING:
    from core.graph.document import Document
    from widgets.canvas.scene import CanvasScene

SMALLEST, LARGEST, STEP = 0.05, 4.0, 1.15
ROOM = 30_000.0  # empty paper around the drawing, scene units
PULSE_MS, REST_MS = 700, 90


class Navigation:
    """A part of the canvas view; see the module's first line."""

    if TYPE_CHECKING:
        board: CanvasScene
        document: Document

        def arrive(self) -> None: ...

    def _start_navigation(self) -> None:
        self.scale_now = 1.0
        self._fitted = False
        self._awaited = ""  # a node that is to be seen once the canvas is
        self._pulse: QVariantAnimation | None = None
        self._is_blurred = False  # pieces of the picture are stretched still
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self.come_to_rest)
        self.setSceneRect(QRectF(-ROOM, -ROOM, 2 * ROOM, 2 * ROOM))
        self.centerOn(300, 200)

    def update_bounds(self) -> None:
        """Keep enough paper around the drawing. The rectangle changes seldom: changing it costs a full layout."""
        content, paper = self.board.content(), self.sceneRect()
        if not content.isNull() and not paper.adjusted(ROOM / 2, ROOM / 2, -ROOM / 2, -ROOM / 2).contains(content):
            middle = self.mapToScene(self.viewport().rect().center())
            self.setSceneRect(content.adjusted(-ROOM, -ROOM, ROOM, ROOM))
            self.centerOn(middle)

    @property
    def is_zooming(self) -> bool:
        """Whether the wheel turned just now: the kept picture of a large drawing is stretched until it rests."""
        return self._rest.isActive()

    def come_to_rest(self) -> None:
        """The wheel turns no more: draw sharply."""
        self._rest.stop()
        self.viewport().update()

    def zoom_to(self, scale: float, anchor: QPointF | None = None, rolling: bool = False) -> None:
        """Look from another distance; what lies under ``anchor`` (viewport, device pixels) stays there.

        ``rolling`` says that more steps are likely to come at once, as from a wheel.
        """
        scale = min(max(scale, SMALLEST), LARGEST)
        if abs(scale - self.scale_now) < 1e-9:
            return
        pixel = anchor if anchor is not None else QPointF(self.viewport().rect().center())
        inverse = self.viewportTransform().inverted()[0]
        fixed = inverse.map(pixel)
        self.scale_now = scale
        self.board.set_scale(scale)
        self._is_blurred = len(self.board.nodes) > SMALL  # until all of it is painted, as many pieces a frame as fit
        if rolling and self._is_blurred:
            self._rest.start()
        else:
            self._rest.stop()
        self.setTransform(QTransform.fromScale(scale, scale))
        self.pan(self.viewportTransform().map(fixed) - pixel)
        self.bubble.say("")

    def pan(self, by: QPointF) -> None:
        """Move the view by device pixels."""
        across, down = self.horizontalScrollBar(), self.verticalScrollBar()
        across.setValue(across.value() + round(by.x()))
        down.setValue(down.value() + round(by.y()))

    def zoom_in(self) -> None:
        """A step nearer."""
        self.zoom_to(self.scale_now * STEP * STEP)

    def zoom_out(self) -> None:
        """A step farther."""
        self.zoom_to(self.scale_now / STEP / STEP)

    def zoom_reset(self) -> None:
        """Full size."""
        self.zoom_to(1.0)

    def fit_all(self) -> None:
        """See the whole drawing."""
        self.arrive()
        self._fit(self.board.content())

    def fit_selection(self) -> None:
        """See the selected nodes, or everything where none is selected."""
        self.arrive()
        found = QRectF()
        for name in self.selection():
            found = found.united(self.board.nodes[name].box)
        self._fit(found if not found.isNull() else self.board.content())

    def _fit(self, box: QRectF) -> None:
        if box.isNull():
            self.zoom_to(1.0)
            return
        box = box.adjusted(-30, -30, 30, 30)
        self._fitted = True
        room = self.viewport().rect()
        self.zoom_to(min(room.width() / box.width(), room.height() / box.height(), 1.0))
        self.centerOn(box.center())

    def look_from(self, scale: float, centre: QPointF) -> None:
        """A place that was looked at before; showing the canvas does not fit the drawing over it."""
        self._fitted = True
        self.zoom_to(scale)
        self.centerOn(centre)

    def reveal(self, node: str) -> None:
        """Scroll to a node, select it and let it pulse once; a canvas that is hidden does so when it is shown."""
        self._awaited = "" if self.isVisible() else node
        item = self.board.nodes.get(node)
        if item is None:
            return
        self.scroll_to(item.box)
        self.select([node])
        self._start_pulse(node)

    def scroll_to(self, box: QRectF) -> None:
        """As near as it can be read, and in the middle where it was not seen whole."""
        self.arrive()
        if self.scale_now < 0.5:
            self.zoom_to(1.0)
        seen = self.mapToScene(self.viewport().rect()).boundingRect().adjusted(20, 20, -20, -20)
        if not seen.contains(box):
            self.centerOn(box.center())

    def bring_into_sight(self, nodes: Iterable[str]) -> None:
        """Scroll until these nodes are seen, or the first of them where not all have room."""
        self.arrive()
        boxes = [self.board.nodes[node].box for node in nodes if node in self.board.nodes]
        if not boxes:
            return
        whole = QRectF(boxes[0])
        for box in boxes[1:]:
            whole = whole.united(box)
        seen = self.mapToScene(self.viewport().rect()).boundingRect().adjusted(20, 20, -20, -20)
        if seen.contains(whole):
            return
        fits = whole.width() <= seen.width() and whole.height() <= seen.height()
        self.centerOn(whole.center() if fits else boxes[0].center())

    def _start_pulse(self, node: str) -> None:
        if self._pulse is not None:
            self._pulse.stop()
            self._pulse.deleteLater()
            self._pulse = None
        if self.reduced_motion:
            return
        pulse = QVariantAnimation(self, startValue=1.0, endValue=0.0, duration=PULSE_MS)

        def step(value: float) -> None:
            if item := self.board.nodes.get(node):
                item.pulse = value
                item.update()

        pulse.valueChanged.connect(step)
        pulse.finished.connect(lambda: step(0.0))
        self._pulse = pulse
        pulse.start(QVariantAnimation.DeletionPolicy.KeepWhenStopped)

    def seen(self) -> QRectF:
        """The rectangle of the scene that is in view."""
        return self.mapToScene(self.viewport().rect()).boundingRect()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        super().scrollContentsBy(dx, dy)
        self.viewport().update()
        if hasattr(self, "minimap"):
            self.minimap.update()
            self.viewChanged.emit()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._fitted and self.document.nodes:
            self.fit_all()
        if self._awaited:
            QTimer.singleShot(0, self, lambda: self.reveal(self._awaited))  # once all beside it has its place

    def wheelEvent(self, event: QWheelEvent) -> None:
        controlled = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        device = event.device()
        touchpad = device is not None and device.type() == QInputDevice.DeviceType.TouchPad
        steps = event.angleDelta().y() / 120
        if (touchpad or not self.wheel_zooms) and not controlled:
            delta = event.pixelDelta() if not event.pixelDelta().isNull() else event.angleDelta() / 2
            self.pan(-QPointF(delta))
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.pan(QPointF(-(event.angleDelta().y() or event.angleDelta().x()), 0))
        elif steps:
            self.zoom_to(self.scale_now * STEP**steps, event.position(), rolling=True)
        event.accept()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.zoom_to(self.scale_now * (1 + event.value()), event.position(), rolling=True)
            return True
        if isinstance(event, QGestureEvent) and (pinch := event.gesture(Qt.GestureType.PinchGesture)):
            self.pinch(pinch)
            return True
        return super().event(event)

    def pinch(self, gesture: QPinchGesture) -> None:
        """Two fingers apart or together."""
        middle = self.viewport().mapFromGlobal(gesture.centerPoint().toPoint())
        self.zoom_to(self.scale_now * gesture.scaleFactor(), QPointF(middle), rolling=True)

    def walk(self, direction: str) -> None:
        """Select the next node along a wire (left, right), or the nearest above or below."""
        here = self.selection()[-1] if self.selection() else ""
        if not here:
            self._select_and_show(next(iter(self.document.order()), ""))
            return
        document = self.document
        if direction == "right":
            near: Iterable[str] = [wire.target.node for wire in document.wires_from(here)]
        elif direction == "left":
            near = [wire.source.node for wire in document.wires_into(here)]
        else:
            near = self._above_or_below(here, direction == "down")
        home = document.nodes[here]
        ranked = sorted(
            near, key=lambda name: abs(document.nodes[name].y - home.y) + abs(document.nodes[name].x - home.x)
        )
        self._select_and_show(ranked[0] if ranked else "")

    def _above_or_below(self, here: str, below: bool) -> list[str]:
        home = self.document.nodes[here]
        return [
            node.id
            for node in self.document.nodes.values()
            if node.id != here
            and (node.y > home.y) == below
            and node.y != home.y
            and abs(node.x - home.x) <= abs(node.y - home.y) * 1.5 + 4 * g.GRID
        ]

    def _select_and_show(self, node: str) -> None:
        if node:
            self.select([node])
            self.ensureVisible(self.board.nodes[node].box, 40, 40)
