"""A breakpoint on a block: which of its figures, past which bound or by how large a jump; and those that are there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtGui import QDoubleValidator
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.graph.conditions import Condition, Relation
from widgets.look.language import in_a_row, tr
from widgets.look.quantities import number

START = {"jumps": 6.0, "drops": 6.0}  # standard deviations


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A figure that the block says: its series, what it is called, what a run said last, what is switched on for it."""

    series: str
    title: str
    latest: float | None = None
    switches: str = ""


class PauseSheet(QDialog):
    """Announces one condition to add, or those to take away."""

    added = Signal(object)  # Condition
    removed = Signal(object)  # Condition

    def __init__(self, block: str, offers: Sequence[Offer], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Pause when…"))
        self._offers = tuple(offers)
        self.figure, self.relation, self.value, self.effect = QComboBox(), QComboBox(), QLineEdit(), _words()
        for offer in self._offers:
            self.figure.addItem(offer.title, offer.series)
        for key, words in _relations():
            self.relation.addItem(words, key)
        validator = QDoubleValidator(self.value)
        validator.setLocale(QLocale.c())
        self.value.setValidator(validator)
        for field, name in ((self.figure, tr("Figure")), (self.relation, tr("Condition")), (self.value, tr("Bound"))):
            field.setAccessibleName(name)
        self._rows = QVBoxLayout()
        self._build(block)
        self.figure.currentIndexChanged.connect(self._start)
        self.relation.currentIndexChanged.connect(self._start)
        self.value.textChanged.connect(self._explain)
        self.buttons.accepted.connect(self._choose)
        self.buttons.rejected.connect(self.reject)
        self.setMinimumWidth(460)
        self._start()

    def _build(self, block: str) -> None:
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Close)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setText(tr("Add the breakpoint"))
        self.buttons.button(QDialogButtonBox.StandardButton.Close).setText(tr("Close"))
        form = QFormLayout()
        title = _words()
        title.setText(block)
        form.addRow(tr("Block"), title)
        form.addRow(tr("Figure"), self.figure)
        form.addRow(tr("Condition"), self.relation)
        form.addRow(tr("Bound"), self.value)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.effect)
        column.addLayout(self._rows)
        column.addWidget(self.buttons)

    def show_conditions(self, conditions: Sequence[tuple[Condition, str]]) -> None:
        """The breakpoints on the block as they are now, in words."""
        while (item := self._rows.takeAt(0)) is not None:
            if (row := item.widget()) is not None:
                row.hide()
                row.deleteLater()
        for condition, words in conditions:
            self._rows.addWidget(self._row(condition, words))

    def _row(self, condition: Condition, words: str) -> QWidget:
        row, text, gone = QWidget(), _words(), QPushButton(tr("Remove"))
        text.setText(words)
        gone.setAccessibleName(in_a_row(tr("Remove"), words))
        gone.clicked.connect(lambda: self.removed.emit(condition))
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(text, 1)
        line.addWidget(gone)
        return row

    @property
    def _offer(self) -> Offer:
        return self._offers[max(self.figure.currentIndex(), 0)]

    def _start(self) -> None:
        """From what the figure was last; a jump from six standard deviations."""
        latest = START.get(self.relation.currentData(), self._offer.latest)
        self.value.setText("" if latest is None or not math.isfinite(latest) else number(latest).replace(",", ""))
        self.value.selectAll()
        self._explain()

    def condition(self) -> Condition | None:
        """What is filled in; None while it is no condition."""
        relation: Relation = self.relation.currentData()
        try:
            value = float(self.value.text())
        except ValueError:
            return None
        fits = math.isfinite(value) and (relation in ("<", ">") or value > 0)
        return Condition(figure=self._offer.series, relation=relation, value=value) if fits else None

    def _explain(self) -> None:
        condition, offer = self.condition(), self._offer
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(condition is not None)
        if condition is None:
            self.effect.setText(tr("A bound is a number; a jump is larger than nothing."))
            return
        latest = tr("A run said {value} last.", value=number(offer.latest)) if offer.latest is not None else ""
        effect = tr("Runs that start from now on pause at “{condition}”.", condition=str(condition))
        self.effect.setText(in_a_row(effect, latest, offer.switches))

    def _choose(self) -> None:
        if (condition := self.condition()) is not None:
            self.added.emit(condition)


def _relations() -> tuple[tuple[Relation, str], ...]:
    return (
        ("<", tr("falls below")), (">", tr("rises above")),
        ("jumps", tr("jumps by standard deviations")), ("drops", tr("drops by standard deviations")),
    )  # fmt: skip


def _words() -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label
