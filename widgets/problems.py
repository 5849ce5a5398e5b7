"""The list of Problems: what is wrong, where, what would be right; a click goes there, a button mends it."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from core.problems import Problem
from widgets.look.language import tr
from widgets.look.problem_row import ProblemRow, severity_words
from widgets.look.stacked import StackedRows
from widgets.look.theme import look

ORDER = {"error": 0, "warning": 1, "hint": 2}


class ProblemsPanel(QWidget):
    """Shows Problems, the gravest first; says where to go and what to mend."""

    nodeRequested = Signal(str)
    fixRequested = Signal(object)  # Problem

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._problems: tuple[Problem, ...] = ()
        self._titles: dict[str, str] = {}
        self.rows: list[ProblemRow] = []
        self.summary = QLabel()
        self.summary.setContentsMargins(10, 6, 10, 6)
        self.summary.setProperty("muted", True)
        self.summary.setWordWrap(True)
        self._list = StackedRows(tr("Problems"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.summary)
        layout.addWidget(self._list, 1)
        look.changed.connect(self._show)
        self._show()

    def set_problems(self, problems: Iterable[Problem], titles: dict[str, str] | None = None) -> None:
        """Show these; ``titles`` says what the nodes are called."""
        found = tuple(sorted(problems, key=lambda problem: ORDER[problem.severity]))
        if found != self._problems or titles != self._titles:
            self._problems, self._titles = found, dict(titles or {})
            self._show()

    def _show(self) -> None:
        self.rows = [self._row(problem) for problem in self._problems]
        self._list.set_rows(self.rows)
        counts = [(kind, sum(p.severity == kind for p in self._problems)) for kind in ORDER]
        parts = [tr("{name}: {text}", name=severity_words(kind), text=number) for kind, number in counts if number]
        self.summary.setText(" · ".join(parts) or tr("No problems: ready to run."))

    def _row(self, problem: Problem) -> ProblemRow:
        title = self._titles.get(problem.node, problem.node)
        row = ProblemRow(problem, f"{title} · {tr(problem.port, 'port')}" if problem.port and title else title)
        row.activated.connect(lambda: self.nodeRequested.emit(problem.node) if problem.node else None)
        row.fixPressed.connect(lambda: self.fixRequested.emit(problem))
        row.installEventFilter(self)
        return row

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrows go from row to row."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and watched in self.rows:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()), 0)
            if step:
                at = self.rows.index(watched) + step
                self.rows[min(max(at, 0), len(self.rows) - 1)].setFocus()
                return True
        return super().eventFilter(watched, event)
