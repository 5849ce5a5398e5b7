"""The canvas: the surface, and what a person does on it with mouse and keys."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QHelpEvent,
    QMouseEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from widgets.canvas import menus, tips
from widgets.canvas.geometry import DRIFT, PORT_REACH, WIRE_REACH
from widgets.canvas.gestures.catalog import gestures
from widgets.canvas.gestures.gesture import Gesture, Press
from widgets.canvas.keyboard import Keyboard
from widgets.canvas.surface import Surface
from widgets.look.entry import BLOCK_MIME
from widgets.look.language import tr

GLIDE_MS, MOST_GLIDING = 140, 200
BUDGET_ZOOMING, BUDGET_RESTING = 0.0025, 0.03  # seconds of a frame to paint sharper pieces of a large drawing
MOST_PARTS = 40  # shown again one by one

KEYS_THAT_ALTER = (Qt.Key.Key_Shift, Qt.Key.Key_Alt, Qt.Key.Key_Control)


class CanvasView(Keyboard, Surface):
    """Turns gestures, keys and drops into the next document; shows it as :class:`Surface` does."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._gesture: Gesture | None = None
        self._drifted = False
        self._press_pixel = QPointF()
        super().__init__(parent)

    # -- gestures -------------------------------------------------------------------------------------------------

    @property
    def gesture(self) -> Gesture | None:
        """What is under way."""
        return self._gesture

    def abandon(self) -> bool:
        """Cancel the gesture under way, leaving no trace; False where there was none."""
        gesture, self._gesture = self._gesture, None
        if gesture is None:
            return False
        gesture.cancel()
        self.viewport().unsetCursor()
        return True

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.search.close_search()
        self.close_rename(True)
        self.close_note(True)
        self.bubble.say("")
        self.arrive()
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if self._gesture is not None:
            return
        pixel = event.position()
        press = Press(
            at=self.mapToScene(pixel.toPoint()), pixel=pixel, button=event.button(), modifiers=event.modifiers(),
            space=self.space_held,
        )  # fmt: skip
        self._press_pixel, self._drifted = pixel, False
        self.space_used = self.space_used or self.space_held
        for kind in sorted((kind for _, kind in gestures.items()), key=lambda kind: kind.rank):
            if gesture := kind.begins(self, press):
                self._take(gesture)
                break
        event.accept()

    def _take(self, gesture: Gesture) -> None:
        self._gesture = gesture
        if not gesture.waits_for_drift:
            self._begin_drag()

    def _begin_drag(self) -> None:
        self._drifted = True
        if self._gesture:
            self._gesture.start()
            if self._gesture.cursor is not None:
                self.viewport().setCursor(self._gesture.cursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        pixel = event.position()
        self.last_pixel = pixel
        at = self.mapToScene(pixel.toPoint())
        if self._gesture is None:
            self._hover(at)
            return
        if not self._drifted and (pixel - self._press_pixel).manhattanLength() >= DRIFT:
            self._begin_drag()
        if self._drifted:
            self._gesture.move(at, pixel, event.modifiers())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        gesture, pixel = self._gesture, event.position()
        if gesture is None or event.button() != gesture.press.button:
            return
        self._gesture = None
        self.viewport().unsetCursor()
        if self._drifted:
            gesture.finish(self.mapToScene(pixel.toPoint()), pixel, event.modifiers())
        else:
            gesture.click()
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self.abandon()
        at = self.mapToScene(event.position().toPoint())
        if name := self.board.node_at(at):
            header = at.y() - self.board.nodes[name].y() < 32
            if not self.enter(name):
                self.rename(name) if header else self.inspectRequested.emit(name)
        elif found := self.board.via_at(at, WIRE_REACH / self.scale_now):
            self.remove_via(*found)
        elif key := self.board.wire_at(at, WIRE_REACH / self.scale_now):
            self.add_via(key, at)
        elif (frame := self.board.frame_at(at, 0.0)[0]) and self.board.frames[frame].frame.is_note:
            self.edit_note(frame)
        elif frame and self.board.frames[frame].title_strip.contains(at):
            self.rename_frame(frame)
        else:
            self.open_search(at)

    # -- hovering -------------------------------------------------------------------------------------------------

    def _hover(self, at: QPointF) -> None:
        port = self.port_near(at, PORT_REACH) if not self.board.is_far else None
        name = port[0].node if port else self.board.node_at(at)
        wire = "" if name or self.board.is_far else self.board.wire_at(at, WIRE_REACH / self.scale_now)
        frame, edges = ("", "") if name or wire else self.board.frame_at(at, 6.0 / self.scale_now)
        now = (name, port, wire, frame)
        if now != self._hovered:
            self._unhover()
            self._hovered = now
            self._light(name, port, wire, frame, True)
            self.board.mark(name, self._selected)
        self.viewport().setCursor(self._cursor_for(port is not None, bool(name), edges, frame))

    def _unhover(self) -> None:
        if self._hovered is not None:
            name, port, wire, frame = self._hovered
            self._light(name, port, wire, frame, False)
            self._hovered = None
            self.board.mark("", self._selected)

    def _light(self, name: str, port: object, wire: str, frame: str, on: bool) -> None:
        for items, key in ((self.board.nodes, name), (self.board.wires, wire), (self.board.frames, frame)):
            if key in items:
                items[key].hovered = on
                items[key].update()
        if name in self.board.nodes:
            self.board.nodes[name].hot = (port[0].port, port[1]) if port and on else None

    def _cursor_for(self, port: bool, node: bool, edges: str, frame: str) -> Qt.CursorShape:
        shapes = Qt.CursorShape
        if self.space_held:
            return shapes.OpenHandCursor
        if self.sharer:
            return shapes.PointingHandCursor
        if port:
            return shapes.CrossCursor
        if edges:
            return {
                "l": shapes.SizeHorCursor, "r": shapes.SizeHorCursor, "t": shapes.SizeVerCursor, "b": shapes.SizeVerCursor,
                "lt": shapes.SizeFDiagCursor, "rb": shapes.SizeFDiagCursor,
            }.get(edges, shapes.SizeBDiagCursor)  # fmt: skip
        return shapes.SizeAllCursor if frame and not node else shapes.ArrowCursor

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            at = self.mapToScene(event.pos())  # an empty text hides the tip
            QToolTip.showText(event.globalPos(), tips.tip_at(self, at), self.viewport())
            return True
        if event.type() == QEvent.Type.Leave:
            self._unhover()
            self.last_pixel = None
        return super().viewportEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        if mouse and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return  # the knife's; some desktops ask for a menu at the press, others at the release
        if mouse:
            menus.select_under(self, self.mapToScene(event.pos()))
        menu = menus.menu_for(self, self.mapToScene(event.pos()))
        menu.popup(event.globalPos())

    # -- drag and drop from the palette -----------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        event.setAccepted(event.mimeData().hasFormat(BLOCK_MIME))

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        event.setAccepted(event.mimeData().hasFormat(BLOCK_MIME))

    def dropEvent(self, event: QDropEvent) -> None:
        if not event.mimeData().hasFormat(BLOCK_MIME):
            event.ignore()
            return
        key = bytes(event.mimeData().data(BLOCK_MIME).data()).decode("utf-8", "replace")
        if key not in self.vocabulary:
            self.say(tr("There is no block called {key}.", key=key[:80]))
            return
        event.acceptProposedAction()
        suspended = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        self.drop_block(key, self.mapToScene(event.position().toPoint()), into_wire=not suspended)
