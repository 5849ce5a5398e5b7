"""The first thing that is wrong, in one line at the foot of the canvas, with its remedy to click."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from core.problems import Problem
from widgets.canvas.items.node import severity_colour
from widgets.look.glyphs import glyph_pixmap
from widgets.look.language import in_a_row, said, tr
from widgets.look.theme import look, theme

ORDER = {"error": 0, "warning": 1, "hint": 2}


class ProblemBar(QFrame):
    """Shows one Problem at a time, the gravest first; hidden where there is none."""

    nodeRequested = Signal(str)
    fixRequested = Signal(object)  # Problem

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("problemBar")
        self._problems: tuple[Problem, ...] = ()
        self._titles: Mapping[str, str] = {}
        self._at = 0
        self._room = QRectF(0, 0, 480, 0)
        self._mark, self.sentence, self.fix, self.next = QLabel(), QLabel(), QPushButton(), QToolButton()
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setWordWrap(True)
        self.fix.setFlat(True)
        self.fix.setCursor(Qt.CursorShape.PointingHandCursor)
        self.next.setToolTip(tr("Next problem"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 8, 6)
        layout.setSpacing(10)
        layout.addWidget(self._mark)
        layout.addWidget(self.sentence, 1)
        layout.addWidget(self.fix)
        layout.addWidget(self.next)
        self.fix.clicked.connect(lambda: self.fixRequested.emit(self.problem))
        self.next.clicked.connect(self.show_next)
        look.changed.connect(self._show)
        self.hide()

    @property
    def problem(self) -> Problem | None:
        """What is shown."""
        return self._problems[self._at] if self._problems else None

    def set_problems(self, problems: tuple[Problem, ...], titles: Mapping[str, str] = MappingProxyType({})) -> None:
        """Show these, the gravest first; the one that was shown stays if it is still there. ``titles``: of places that are told."""
        before, self._titles = self.problem, titles
        self._problems = tuple(sorted(problems, key=lambda problem: ORDER[problem.severity]))
        self._at = self._problems.index(before) if before in self._problems else 0
        self._show()

    def show_next(self) -> None:
        """The next problem, after the last the first again."""
        self._at = (self._at + 1) % max(len(self._problems), 1)
        self._show()

    def _show(self) -> None:
        problem = self.problem
        self.setVisible(problem is not None)
        if problem is None:
            return
        colour = severity_colour(problem.severity)
        self._mark.setPixmap(glyph_pixmap(problem.severity, colour, 16))
        text, place = in_a_row(said(problem.what), said(problem.hint)), self._titles.get(problem.node, "")
        self.sentence.setText(tr("{name}: {text}", name=place, text=text) if place else text)
        self.setAccessibleName(self.sentence.text())
        self.fix.setVisible(problem.fix is not None)
        self.fix.setText(said(problem.fix.text) if problem.fix else "")
        self.next.setVisible(len(self._problems) > 1)
        self.next.setText(f"{self._at + 1}/{len(self._problems)}")
        self.setCursor(Qt.CursorShape.PointingHandCursor if problem.node else Qt.CursorShape.ArrowCursor)
        colours = theme()
        self.setStyleSheet(
            f"#problemBar {{ background: {colours.panel}; border: 1px solid {colour}; border-radius: 7px; }}"
            f"#problemBar QLabel {{ color: {colours.text}; }}"
            f"#problemBar QPushButton {{ color: {colours.accent}; border: none; background: transparent; font-weight: 600;"
            "padding: 2px 6px; }"
        )
        self.fit_into(self._room)

    def fit_into(self, room: QRectF) -> None:
        """Sit at the foot of this room: its left, its bottom (``y``), at most its width."""
        self._room = room
        extra = 60 + (self.fix.sizeHint().width() if self.problem and self.problem.fix else 0)
        extra += self.next.sizeHint().width() if len(self._problems) > 1 else 0
        wanted = self.sentence.fontMetrics().horizontalAdvance(self.sentence.text()) + extra + 16
        wide = int(min(max(room.width(), 200), wanted, 720))
        self.setFixedWidth(wide)
        text_height = self.sentence.heightForWidth(max(wide - extra, 80))
        self.resize(wide, max(text_height + 14, 36))
        self.move(int(room.x()), int(room.y()) - self.height())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.problem and self.problem.node:
            self.nodeRequested.emit(self.problem.node)
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()
