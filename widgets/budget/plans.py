"""Cheaper plans as a list: what each changes in what is learned, what it saves, and two buttons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from widgets.look.language import in_a_row, said, tr
from widgets.look.theme import theme


@dataclass(frozen=True, kw_only=True)
class PlanRow:
    """One plan as it is shown."""

    key: str
    title: str
    place: str  # the block's title, where it is about one
    changes: str  # empty: it is exact
    saving: str  # what it saves, measured; empty: not measured
    busy: bool = False


class PlanCard(QFrame):
    """One plan."""

    def __init__(self, row: PlanRow, enabled: bool) -> None:
        super().__init__()
        self.row = row
        self.setObjectName("planCard")
        self.setStyleSheet(f"#planCard {{ border: none; border-bottom: 1px solid {theme().line}; }}")
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 8, 8, 8)
        column.setSpacing(4)
        title = f"{tr(row.title)} · {row.place}" if row.place else tr(row.title)
        changes = said(row.changes) if row.changes else tr("Exact: the same is learned.")
        column.addWidget(_line(title, bold=True))
        column.addWidget(_line(changes, colour=theme().warning if row.changes else theme().good))
        saving = tr("Measuring…") if row.busy else row.saving or tr("Not measured.")
        self.saving = _line(saving, colour="" if row.saving and not row.busy else theme().muted)
        self.measure, self.apply = QPushButton(tr("Measure")), QPushButton(tr("Apply"))
        self.measure.setEnabled(enabled)
        for button in (self.measure, self.apply):
            button.setAccessibleDescription(in_a_row(title, changes))
        line = QHBoxLayout()
        line.addWidget(self.saving, 1)
        line.addWidget(self.measure)
        line.addWidget(self.apply)
        column.addLayout(line)


class PlanList(QScrollArea):
    """All of them, exact ones first."""

    measureRequested = Signal(str)  # the plan's key
    applyRequested = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.cards: list[PlanCard] = []
        self._shown: tuple[tuple[PlanRow, ...], bool] | None = None
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(tr("Cheaper plans"))

    def set_rows(self, rows: Sequence[PlanRow], *, enabled: bool) -> None:
        """Show these; ``enabled``: something may be measured now."""
        if (tuple(rows), enabled) == self._shown:
            return
        self._shown = tuple(rows), enabled
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.cards = [PlanCard(row, enabled) for row in rows]
        for card in self.cards:
            card.measure.clicked.connect(lambda _=False, key=card.row.key: self.measureRequested.emit(key))
            card.apply.clicked.connect(lambda _=False, key=card.row.key: self.applyRequested.emit(key))
            column.addWidget(card)
        if not rows:
            column.addWidget(
                _line(tr("This graph has no room for a cheaper plan that is known here."), colour=theme().muted)
            )
        column.addStretch(1)
        self.setWidget(inside)


def _line(words: str, *, bold: bool = False, colour: str = "") -> QLabel:
    label = QLabel(words)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    style = ("font-weight: 600;" if bold else "") + (f" color: {colour};" if colour else "")
    label.setStyleSheet(style)
    return label
