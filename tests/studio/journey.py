"""A person in front of the whole window: real mouse and keyboard events, and eyes that wait without sleeping."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QToolButton, QWidget

from core.graph.document import Document
from core.store.answers import RunFacts
from core.store.database import Store
from core.telemetry.events import ENDED
from studio.app import make_application, make_window
from studio.open.preferences import Preferences
from studio.session import Session
from studio.window.window import Window
from widgets.look.entry import KEY

NO, CTRL, SHIFT = (
    Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier,
)  # fmt: skip
LEFT = Qt.MouseButton.LeftButton
PATIENCE = 60_000  # milliseconds; a training machine may be busy


class Person:
    """Opens a window on a store, acts in it, closes it."""

    def __init__(self, qtbot: Any, place: Path, document: Document | None = None) -> None:
        self._bot, self.has_left = qtbot, False
        preferences = Preferences()
        preferences.language, preferences.theme, preferences.reduced_motion = "en", "dark", True
        make_application(preferences)
        self.store = Store.open(place)
        self.session = Session(self.store, preferences)
        make_window(self.session, document)
        self.said: list[str] = []
        self.session.messageRaised.connect(lambda sentence, severity: self.said.append(sentence))
        self.window.resize(1440, 900)
        self.window.show()
        qtbot.waitExposed(self.window)
        self.window.activateWindow()
        self.window.after_first_picture()
        self.wait(lambda: self.session.analysis is not None)

    @property
    def window(self) -> Window:
        """The session's window as it is now."""
        return self.session.window

    # Eyes

    def wait(self, seen: Callable[[], Any], milliseconds: int = PATIENCE) -> None:
        """Look until it is so."""
        self._bot.waitUntil(lambda: bool(seen()), timeout=milliseconds)

    def wait_quiet(self) -> None:
        """Until every monitor that is seen shows the cursor."""
        self.wait(self.window.pump.is_idle)

    def analysed(self) -> None:
        """Until the drawing as it is now has been checked."""
        self.wait(lambda: self.window.canvas.document is self.session.document)
        self.session.analysis = None
        self.session.engine.analyse(self.session.document)
        self.wait(lambda: self.session.analysis is not None)

    def answered(self) -> None:
        """Until everything that was asked of the engine's slow lane has been answered."""
        done: list[bool] = []
        self.session.engine.ask(lambda: None, lambda *_: done.append(True))
        self.wait(lambda: done)

    def problems(self) -> list[str]:
        """What stands against a run."""
        self.analysed()
        return [problem.what for problem in self.session.analysis.problems if problem.severity == "error"]

    def runs(self) -> list[RunFacts]:
        """The library as it is now."""
        self.session.refresh_runs()
        return self.session.runs

    def ended(self, uid: str) -> bool:
        """Whether a run has come to its end, and its thread too."""
        if uid in self.session.here.running():
            return False  # the library is read only then: looking must not slow the run down
        facts = next((facts for facts in self.runs() if facts.uid == uid), None)
        return facts is not None and facts.status in ENDED

    def losses(self, uid: str) -> list[tuple[int, float]]:
        """Every point of a run's loss."""
        steps, values = self.session.library.reader(uid).points("loss")
        return list(zip(steps.tolist(), values.tolist()))

    def texts(self, inside: QWidget, words: str = "") -> list[str]:
        """Every visible label with these words."""
        return [label.text() for label in inside.findChildren(QLabel) if label.isVisible() and words in label.text()]

    # Hands

    def press(self, key: Qt.Key, keys: Qt.KeyboardModifier = NO, on: QWidget | None = None) -> None:
        """A key, where the focus is."""
        QTest.keyClick(on or QApplication.focusWidget() or self.window, key, keys)

    def type(self, text: str) -> None:
        """Letters, where the focus is."""
        QTest.keyClicks(QApplication.focusWidget(), text)

    def click(self, widget: QWidget, at: QPoint | None = None, keys: Qt.KeyboardModifier = NO) -> None:
        """The left button on a widget that can be seen."""
        assert widget.isVisible(), f"{widget} is not to be seen"
        assert widget.isEnabled(), f"{widget.toolTip()}"
        QTest.mouseClick(widget, LEFT, keys, at or widget.rect().center())

    def button(self, text: str, inside: QWidget | None = None) -> QWidget:
        """The visible button with this text."""
        within = inside or self.window
        found = [
            button
            for kind in (QPushButton, QToolButton)
            for button in within.findChildren(kind)
            if button.text() == text and button.isVisible()
        ]
        assert found, f"no button says {text!r}"
        return found[0]

    def go_to(self, page: str) -> None:
        """A page by its button in the top bar."""
        self.click(self.button(page, self.window.top))

    def choose(self, key: str) -> None:
        """A command of the menu."""
        entry = self.window.menus.entry(key)
        assert entry.isEnabled(), entry.toolTip()
        entry.trigger()

    def pick_runs(self, *uids: str) -> None:
        """Click runs in the library, the further ones with Ctrl."""
        library = self.window.library
        self.runs()
        for number, uid in enumerate(uids):
            row = [facts.uid for facts in library.shown()].index(uid)
            cell = library.view.visualRect(library.filter.index(row, self.column("status"))).center()
            QTest.mouseClick(library.view.viewport(), LEFT, CTRL if number else NO, cell)
        assert set(library.selected()) == set(uids)

    def column(self, key: str) -> int:
        """A column of the library by its key."""
        return [column.key for column in self.window.library.table.columns()].index(key)

    # On the canvas

    def pixel(self, at: QPointF) -> QPoint:
        return self.window.canvas.mapFromScene(at)

    def port(self, node: str, port: str, gives: bool) -> QPointF:
        """Where a port lies, in scene units."""
        return self.window.canvas.board.nodes[node].spot_at(port, gives)

    def drag(self, start: QPointF, end: QPointF) -> None:
        """Press, move, let go, in scene units."""
        viewport = self.window.canvas.viewport()
        QTest.mousePress(viewport, LEFT, NO, self.pixel(start))
        for part in (0.1, 0.5, 0.9, 1.0):
            QTest.mouseMove(viewport, self.pixel(start + (end - start) * part))
        QTest.mouseRelease(viewport, LEFT, NO, self.pixel(end))

    def wire(self, source: str, target: str) -> None:
        """From an outgoing port to an incoming one."""
        (a, out), (b, into) = source.split("."), target.split(".")
        self.drag(self.port(a, out, True), self.port(b, into, False))
        keys = [wire.key for wire in self.session.document.wires]
        assert f"{source}>{target}" in keys, f"no wire {source}>{target}: {self.said[-1:]}"

    def add_by_keys(self, words: str, at: QPointF) -> str:
        """Tab at the cursor, letters, Enter; gives the new node."""
        before = set(self.session.document.nodes)
        canvas = self.window.canvas
        QTest.mouseMove(canvas.viewport(), self.pixel(at))
        self.press(Qt.Key.Key_Tab, on=canvas)
        assert canvas.search.isVisible()
        QTest.keyClicks(canvas.search.field, words)
        QTest.keyClick(canvas.search.field, Qt.Key.Key_Return)
        return self._new_node(before)

    def add_by_drag(self, block: str, at: QPointF) -> str:
        """A row of the palette, dropped on the canvas; gives the new node."""
        palette, before = self.window.palette_panel, set(self.session.document.nodes)
        data: QMimeData = palette.tree.mimeData([self._palette_row(block)])
        canvas = self.window.canvas
        drop = QDropEvent(QPointF(self.pixel(at)), Qt.DropAction.CopyAction, data, LEFT, NO)
        canvas.dropEvent(drop)
        assert drop.isAccepted()
        return self._new_node(before)

    def _palette_row(self, block: str) -> Any:
        tree = self.window.palette_panel.tree
        families = [tree.topLevelItem(index) for index in range(tree.topLevelItemCount())]
        rows = [family.child(row) for family in families for row in range(family.childCount())] + families
        found = [row for row in rows if row.data(0, KEY) == block]
        assert found, f"the palette has no {block}"
        return found[0]

    def _new_node(self, before: set[str]) -> str:
        new = set(self.session.document.nodes) - before
        assert len(new) == 1, f"{new}, {self.said[-1:]}"
        return new.pop()

    def turn(self, node: str, **knobs: Any) -> None:
        """Type values into the inspector's fields of a node."""
        self.select(node)
        page = self.window.inspector.node_page
        assert page is not None
        for name, value in knobs.items():
            row = page.form.rows[name]
            type_into(row.field, value)
            assert row.refusal == ""

    def set_recipe(self, **knobs: Any) -> None:
        """Type values into the recipe's fields."""
        self.window.canvas.setFocus()
        self.press(Qt.Key.Key_Escape, on=self.window.canvas)
        for name, value in knobs.items():
            type_into(self.window.inspector.document_page.form.rows[name].field, value)

    def select(self, node: str) -> None:
        """Click a node's header."""
        item = self.window.canvas.board.nodes[node]
        QTest.mouseClick(self.window.canvas.viewport(), LEFT, NO, self.pixel(item.pos() + QPointF(60, 12)))
        assert self.window.canvas.selection() == [node]

    # The end

    def close(self) -> None:
        """Close the window as a person does, who lets end what would end with it, and the store as well."""
        self.has_left, window = True, self.window
        if self.session.here.running():
            self.session.stop_here()
            self.session.here.wait(30)
        if window.isVisible() and window.afoot():
            assert not window.close()
            self.click(self.button("End it and close", window.messages))
            assert not window.isVisible()
        elif window.isVisible():
            assert window.close()
        window.deleteLater()
        self.store.close()
        QApplication.processEvents()


def type_into(field: Any, value: Any) -> None:
    """Clear a number's or a text's field, type, and leave it; a choice is chosen, a switch clicked."""
    if hasattr(field, "box"):
        wanted = field.box.findData(value)
        field.box.setFocus()
        while (now := field.box.currentIndex()) != wanted:
            QTest.keyClick(field.box, Qt.Key.Key_Down if now < wanted else Qt.Key.Key_Up)
            assert field.box.currentIndex() != now
        return
    edit = field.edit
    edit.setFocus()
    edit.selectAll()
    QTest.keyClicks(edit, str(value))
    QTest.keyClick(edit, Qt.Key.Key_Return)


def drop(well: QWidget, *paths: Path) -> None:
    """Files from the desktop, let go over a well or a window."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    well.dropEvent(QDropEvent(QPointF(20, 20), Qt.DropAction.CopyAction, data, LEFT, NO))
