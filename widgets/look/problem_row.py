"""A Problem as a line: its mark, its sentence, what would be right, where it is, and its remedy."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from core.problems import Problem
from widgets.look.glyphs import glyph_pixmap
from widgets.look.language import in_a_row, said, tr
from widgets.look.theme import theme


class ProblemRow(QFrame):
    """One Problem: its mark, its sentence, its hint, where it is, and its remedy."""

    activated = Signal()
    fixPressed = Signal()

    def __init__(self, problem: Problem, place: str) -> None:
        super().__init__()
        self.problem = problem
        self.setObjectName("problemRow")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor if problem.node else Qt.CursorShape.ArrowCursor)
        self.setAccessibleName(
            tr(
                "{name}: {text}",
                name=severity_words(problem.severity),
                text=in_a_row(said(problem.what), said(problem.hint)),
            )
        )
        mark = QLabel()
        mark.setPixmap(glyph_pixmap(problem.severity, _colour(problem.severity), 16))
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(_line(said(problem.what)))
        if problem.hint:
            texts.addWidget(_line(said(problem.hint), muted=True))
        if place:
            texts.addWidget(_line(place, muted=True))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 7, 10, 7)
        layout.setSpacing(10)
        layout.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(texts, 1)
        self.fix: QPushButton | None = None
        if problem.fix is not None:
            self.fix = QPushButton(said(problem.fix.text))
            self.fix.clicked.connect(self.fixPressed)
            layout.addWidget(self.fix, 0, Qt.AlignmentFlag.AlignVCenter)
        self.setStyleSheet(
            f"#problemRow {{ border: none; border-bottom: 1px solid {theme().line}; }}"
            f"#problemRow:hover, #problemRow:focus {{ background: {theme().raised}; }}"
        )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        self.activated.emit()
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.activated.emit()
        else:
            super().keyPressEvent(event)


def _line(text: str, muted: bool = False) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setProperty("muted", muted)
    return label


def severity_words(severity: str) -> str:
    """What Problems of a kind are called."""
    return {"error": tr("Errors"), "warning": tr("Warnings"), "hint": tr("Hints")}[severity]


def _colour(severity: str) -> str:
    colours = theme()
    return {"error": colours.bad, "warning": colours.warning}.get(severity, colours.accent)
