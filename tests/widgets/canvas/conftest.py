"""A shown canvas with the sample drawing, and a hand for its mouse."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from core.graph.document import Document
from tests.widgets import sample
from widgets.canvas.view import CanvasView

NO, LEFT = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton


class Hand:
    """Drives the canvas with real mouse and key events, in scene coordinates."""

    def __init__(self, canvas: CanvasView, session: sample.Session) -> None:
        self.canvas, self.session = canvas, session

    def pixel(self, at: QPointF) -> QPoint:
        return self.canvas.mapFromScene(at)

    def port(self, text: str, gives: bool) -> QPointF:
        end = sample.end(text)
        return self.canvas.board.nodes[end.node].spot_at(end.port, gives)

    def head(self, node: str) -> QPointF:
        return self.canvas.board.nodes[node].pos() + QPointF(60, 12)

    def free(self) -> QPointF:
        return QPointF(300, 520)

    def click(self, at: QPointF, keys: Qt.KeyboardModifier = NO, button: Qt.MouseButton = LEFT) -> None:
        QTest.mouseClick(self.canvas.viewport(), button, keys, self.pixel(at))

    def double_click(self, at: QPointF) -> None:
        QTest.mouseDClick(self.canvas.viewport(), LEFT, NO, self.pixel(at))

    def press(self, at: QPointF, keys: Qt.KeyboardModifier = NO, button: Qt.MouseButton = LEFT) -> None:
        QTest.mousePress(self.canvas.viewport(), button, keys, self.pixel(at))

    def move(self, at: QPointF) -> None:
        QTest.mouseMove(self.canvas.viewport(), self.pixel(at))

    def release(self, at: QPointF, keys: Qt.KeyboardModifier = NO, button: Qt.MouseButton = LEFT) -> None:
        QTest.mouseRelease(self.canvas.viewport(), button, keys, self.pixel(at))

    def drag(self, start: QPointF, end: QPointF, keys: Qt.KeyboardModifier = NO, button: Qt.MouseButton = LEFT) -> None:
        self.press(start, keys, button)
        self.move(start + QPointF(12, 4))
        self.move((start + end) / 2)
        self.move(end)
        self.release(end, keys, button)

    def key(self, key: Qt.Key, keys: Qt.KeyboardModifier = NO) -> None:
        QTest.keyClick(self.canvas, key, keys)

    def wire_keys(self) -> list[str]:
        return [wire.key for wire in self.session.now.wires]

    def round_trip(self, before: Document) -> None:
        """The last edit is one step, and undo and redo give the same documents back, drawn as they say."""
        after = self.session.now
        assert after != before
        assert self.session.undo()
        assert self.session.now == before
        self.agrees()
        assert self.session.redo()
        assert self.session.now == after
        self.agrees()

    def agrees(self) -> None:
        """What is drawn equals the document."""
        board, document = self.canvas.board, self.session.now
        assert board.document is document
        assert set(board.nodes) == set(document.nodes)
        assert set(board.wires) == {wire.key for wire in document.wires}
        assert set(board.frames) == set(document.frames)
        for name, item in board.nodes.items():
            assert (item.x(), item.y()) == (document.nodes[name].x, document.nodes[name].y)
        for item in board.wires.values():
            source = board.nodes[item.wire.source.node].spot_at(item.wire.source.port, True)
            assert item.pieces[0][0] == (source.x(), source.y())


@pytest.fixture
def hand(qtbot) -> Hand:
    canvas = CanvasView()
    qtbot.addWidget(canvas)
    canvas.resize(1500, 800)
    canvas.set_reduced_motion(True)
    canvas.set_vocabulary(sample.vocabulary())
    session = sample.Session(canvas, sample.document())
    canvas.set_analysis(sample.analysis())
    canvas.show()
    qtbot.waitExposed(canvas)
    canvas.zoom_to(1.0)
    canvas.centerOn(720, 300)
    canvas.setFocus()
    return Hand(canvas, session)
