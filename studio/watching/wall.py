"""Every monitor once: four in a row under the canvas, all of them on the wall of the Train page."""

from __future__ import annotations

from collections.abc import Callable, Collection

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QSplitter, QWidget

from studio.watching.pump import Pump
from widgets.loose import LooseSplitter
from widgets.monitors.catalog import monitors
from widgets.monitors.monitor import Monitor

IN_ROW = ("loss", "similarity", "attention", "retrieval", "gradients", "rates")  # the first three that have something
LAST_IN_ROW = "device"
COLUMNS = 3
LEAST_CARD = 180  # pixels: three small plots with their names
GAP, EDGE = 6, 8


class MonitorWall:
    """Makes each monitor of the folder and puts it where the page wants it.

    They are made behind the window's first picture, or when the first of them is asked for: the plotting library and a
    dozen plots cost as much as all the rest of the window.
    """

    def __init__(self, pump: Pump, window: QWidget) -> None:
        self._waiting = QWidget(window)  # where monitors are until a page wants them, so that they end with the window
        self._waiting.hide()
        self._pump = pump
        self._made: dict[str, Monitor] = {}
        self._then: list[Callable[[], None]] = []
        self._order: list[str] = []
        self._shown: list[str] = []
        self._lines: list[QSplitter] = []
        self._diagnostics: Collection[str] | None = None
        self._placed: tuple[bool, bool] = (False, False)  # in the row, on the wall
        self._columns = COLUMNS
        self.row = LooseSplitter(Qt.Orientation.Horizontal)
        self.wall = LooseSplitter(Qt.Orientation.Vertical)
        for splitter in (self.row, self.wall):
            splitter.setHandleWidth(GAP)
            splitter.setChildrenCollapsible(False)
            splitter.setContentsMargins(EDGE, EDGE, EDGE, EDGE)
        self.page = QScrollArea()  # where the window is low, cards keep their height and the wall is scrolled
        self.page.setWidgetResizable(True)
        self.page.setFrameShape(QScrollArea.Shape.NoFrame)
        self.page.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.page.setWidget(self.wall)

    @property
    def monitors(self) -> dict[str, Monitor]:
        """Every monitor by key; made now where they are not yet."""
        self.fill()
        return self._made

    @property
    def is_filled(self) -> bool:
        """Whether the monitors have been made."""
        return bool(self._made)

    def when_filled(self, act: Callable[[], None]) -> None:
        """Do something with the monitors as soon as there are any."""
        if self.is_filled:
            act()
        else:
            self._then.append(act)

    def fill(self) -> None:
        """Make them, once, and put them where the page that is shown wants them."""
        if self.is_filled:
            return
        self._made = {key: cls(self._waiting) for key, cls in monitors.items()}
        self._order = self._shown = sorted(self._made, key=lambda key: self._made[key].order)
        self._lines = [self._line() for _ in range(-(-len(self._order) // self._columns))]
        for monitor in self._made.values():
            monitor.setMinimumSize(150, 110)
            self._pump.add(monitor)
            monitor.roomRequested.connect(lambda much, monitor=monitor: self.give_room(monitor, much))
        self.show_diagnostics(self._diagnostics)
        self.place(in_row=self._placed[0], all_of_them=self._placed[1])
        for act in self._then:
            act()
        self._then.clear()

    def _line(self) -> QSplitter:
        line = LooseSplitter(Qt.Orientation.Horizontal)
        line.setHandleWidth(6)
        line.setChildrenCollapsible(False)
        self.wall.addWidget(line)
        return line

    def place(self, *, in_row: bool, all_of_them: bool) -> None:
        """Put the monitors of the row, or all of them on the wall."""
        self._placed = (in_row, all_of_them)
        if not self.is_filled or not (in_row or all_of_them):
            return
        row = [*[key for key in IN_ROW if key in self._shown][:3], LAST_IN_ROW]
        for key, monitor in self.monitors.items():
            if key not in (row if in_row else self._shown):
                monitor.setParent(self._waiting)
        if in_row:
            self._move(row, self.row)
        else:
            for number, line in enumerate(self._lines):
                keys = self._shown[number * self._columns : (number + 1) * self._columns]
                self._move(keys, line)
                line.setVisible(bool(keys))
            lines = -(-len(self._shown) // self._columns)
            self.wall.setMinimumHeight(lines * LEAST_CARD + (lines - 1) * GAP + 2 * EDGE)

    def set_columns(self, columns: int) -> None:
        """So many cards in a line of the wall."""
        if columns == self._columns:
            return
        self._columns = columns
        if not self.is_filled:
            return
        for monitor in self._made.values():
            monitor.setParent(self._waiting)
        for line in self._lines:
            line.setParent(None)
            line.deleteLater()
        self._lines = [self._line() for _ in range(-(-len(self._order) // columns))]
        self.place(in_row=self._placed[0], all_of_them=self._placed[1])

    def show_diagnostics(self, diagnostics: Collection[str] | None) -> None:
        """Only what these diagnostics of a recipe feed, and what needs none; None: every monitor."""
        self._diagnostics = diagnostics
        if not self.is_filled:
            return
        shown = [
            key
            for key in self._order
            if diagnostics is None or not self.monitors[key].diagnostic or self.monitors[key].diagnostic in diagnostics
        ]
        if shown != self._shown:
            self._shown = shown
            self.place(in_row=self._placed[0], all_of_them=self._placed[1])

    def give_room(self, monitor: Monitor, much: bool) -> None:
        """Most of its row and much of the wall for one card, or as much as the others again."""
        for splitter in (self.row, *self._lines):
            place = splitter.indexOf(monitor)
            if place < 0:
                continue
            splitter.setSizes([2400 if much and other == place else 600 for other in range(splitter.count())])
            if splitter is not self.row:
                line = self._lines.index(splitter)
                self.wall.setSizes([2000 if much and other == line else 600 for other in range(self.wall.count())])

    def _move(self, keys: list[str], splitter: QSplitter) -> None:
        for place, key in enumerate(keys):
            monitor: QWidget = self.monitors[key]
            if splitter.indexOf(monitor) != place:
                splitter.insertWidget(place, monitor)
                monitor.show()
        splitter.setSizes([1000] * len(keys))
