"""What runs now and what waits, wherever it was begun: a click away, each with what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from core.store.answers import RunFacts
from widgets.look.icons import icon
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.states import state_words
from widgets.look.theme import theme

WIDTH = 460


class RunList(QFrame):
    """Draws facts and announces wishes; made anew from each list of facts."""

    watchRequested = Signal(str)  # uid: put it on the monitors
    stopRequested = Signal(str)
    moveRequested = Signal(str, int)  # uid, places: negative is earlier
    beginRequested = Signal(str)  # now, beside what runs
    removeRequested = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("runs")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(10, 10, 10, 10)
        self._body: QWidget | None = None
        self._shown: object = None
        self.setFixedWidth(WIDTH)

    def open_at(self, at: QPoint) -> None:
        """Its right upper corner."""
        c = theme()
        self.setStyleSheet(f"QFrame#runs {{ background: {c.panel}; border: 1px solid {c.line}; border-radius: 8px; }}")
        self.adjustSize()
        self.move(at.x() - self.width(), at.y())
        self.show()

    def set_runs(
        self, running: Sequence[RunFacts], waiting: Sequence[RunFacts], watched: str, stopping: Collection[str]
    ) -> None:
        """Those that run, the next of the queue first; nothing is rebuilt under the mouse where nothing changed."""
        key = ([(f.uid, f.name, state_words(f), f.step) for f in running], [(f.uid, f.name) for f in waiting], watched,
               tuple(sorted(stopping)))  # fmt: skip
        if key == self._shown:
            return
        self._shown = key
        if self._body is not None:
            self._column.removeWidget(self._body)
            self._body.hide()
            self._body.deleteLater()
        self._body = QWidget()
        grid = QGridLayout(self._body)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(0, 1)
        self._heading(grid, tr("Running") if running else tr("Nothing is running."))
        for facts in running:
            self._running(grid, facts, watched, facts.uid in stopping)
        if waiting:
            self._heading(grid, tr("Waiting in the queue"))
        for place, facts in enumerate(waiting):
            self._waiting(grid, facts, place, len(waiting))
        self._column.addWidget(self._body)
        self._body.show()
        if self.isVisible():
            self.adjustSize()

    def _heading(self, grid: QGridLayout, text: str) -> None:
        label = QLabel(text)
        label.setProperty("muted", True)
        grid.addWidget(label, grid.rowCount(), 0, 1, 6)

    def _running(self, grid: QGridLayout, facts: RunFacts, watched: str, stopping: bool) -> None:
        line = grid.rowCount()
        self._name(grid, line, facts, bold=facts.uid == watched)
        state = QLabel(f"{state_words(facts, stopping=stopping)} · {facts.step:,} / {facts.steps:,}")
        grid.addWidget(state, line, 1, 1, 4)
        stop = self._button("stop", tr("Stop this run with a checkpoint"), lambda: self.stopRequested.emit(facts.uid))
        stop.setEnabled(not stopping)
        grid.addWidget(stop, line, 5)

    def _waiting(self, grid: QGridLayout, facts: RunFacts, place: int, count: int) -> None:
        line, uid = grid.rowCount(), facts.uid
        self._name(grid, line, facts)
        up = self._button("", tr("Earlier"), lambda: self.moveRequested.emit(uid, -1))
        down = self._button("", tr("Later"), lambda: self.moveRequested.emit(uid, 1))
        up.setArrowType(Qt.ArrowType.UpArrow)
        down.setArrowType(Qt.ArrowType.DownArrow)
        up.setEnabled(place > 0)
        down.setEnabled(place < count - 1)
        beside = self._button("run", tr("Begin now, beside what runs"), lambda: self.beginRequested.emit(uid))
        remove = self._button("delete", tr("Remove from the queue"), lambda: self.removeRequested.emit(uid))
        for column, button in enumerate((up, down, beside, remove), 2):
            grid.addWidget(button, line, column)

    def _name(self, grid: QGridLayout, line: int, facts: RunFacts, *, bold: bool = False) -> None:
        button = QToolButton()
        words = self.fontMetrics().elidedText(facts.name, Qt.TextElideMode.ElideMiddle, 190)  # its number stays
        button.setText(words.replace("&", "&&"))
        button.setToolTip(plain_tip(f"{facts.name}\n{tr('Show this run on the monitors')}"))
        font = button.font()
        font.setBold(bold)
        button.setFont(font)
        button.clicked.connect(lambda: self.watchRequested.emit(facts.uid))
        grid.addWidget(button, line, 0, Qt.AlignmentFlag.AlignLeft)

    def _button(self, picture: str, tip: str, act: Callable[[], None]) -> QToolButton:
        button = QToolButton()
        if picture:
            button.setIcon(icon(picture))
        button.setToolTip(plain_tip(tip))
        button.setAccessibleName(tip)
        button.clicked.connect(act)
        return button
