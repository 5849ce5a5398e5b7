"""A new learning rate for a run that trains: it starts from the run's own, and says what the schedule makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDoubleValidator
from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from widgets.look.language import tr
from widgets.look.quantities import number

LOWEST, HIGHEST = 0.0, 10.0


class RateSheet(QDialog):
    """Asks for a block (or all of them) and a rate; announces them."""

    rateChosen = Signal(str, float)  # node (empty: all), learning rate

    def __init__(
        self, run: str, blocks: Sequence[tuple[str, str]], rates: Mapping[str, float], factors: tuple[float, float],
        schedule: str, parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Learning rate"))
        self._rates, self._factors, self._schedule = dict(rates), factors, schedule
        self.block, self.rate, self.effect = QComboBox(), QLineEdit(), QLabel()
        self.block.addItem(tr("All blocks"), "")
        for key, title in blocks:
            self.block.addItem(title, key)
        self.rate.setValidator(QDoubleValidator(LOWEST, HIGHEST, 12, self.rate))
        self.rate.setAccessibleName(tr("New learning rate"))
        self.effect.setWordWrap(True)
        self.effect.setTextFormat(Qt.TextFormat.PlainText)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setText(tr("Change the learning rate"))
        form = QFormLayout()
        title = QLabel(run)
        title.setTextFormat(Qt.TextFormat.PlainText)
        form.addRow(tr("Run"), title)
        form.addRow(tr("Block"), self.block)
        form.addRow(tr("New learning rate"), self.rate)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.effect)
        column.addWidget(self.buttons)
        self.setMinimumWidth(420)
        self.block.currentIndexChanged.connect(self._start)
        self.rate.textChanged.connect(self._explain)
        self.buttons.accepted.connect(self._choose)
        self.buttons.rejected.connect(self.reject)
        self._start()

    def _start(self) -> None:
        """From what the run learns with now; where blocks differ, from the highest."""
        self.rate.setText(number(self._old()[-1]))
        self.rate.selectAll()

    def _old(self) -> list[float]:
        key = self.block.currentData()
        found = [self._rates[key]] if key in self._rates else sorted(set(self._rates.values()))
        return found or [0.0]

    def _value(self) -> float | None:
        try:
            value = float(self.rate.text().replace(",", "."))
        except ValueError:
            return None
        return value if LOWEST <= value <= HIGHEST else None

    def _explain(self) -> None:
        value, old = self._value(), self._old()
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(value is not None)
        if value is None:
            self.effect.setText(tr("A learning rate is a number from 0 to 10."))
            return
        now, end = self._factors
        before = number(old[0]) if len(old) == 1 else tr("{low} to {high}", low=number(old[0]), high=number(old[-1]))
        self.effect.setText(
            tr(
                "{old} → {new}. The schedule ({schedule}) multiplies it by {now} now and by {end} at the end: "
                "{rate_now} now, {rate_end} at the end.",
                old=before, new=number(value), schedule=tr(self._schedule), now=f"{now:.3g}", end=f"{end:.3g}",
                rate_now=f"{value * now:.3g}", rate_end=f"{value * end:.3g}",
            )
        )  # fmt: skip

    def _choose(self) -> None:
        value = self._value()
        if value is not None:
            self.rateChosen.emit(self.block.currentData(), value)
            self.accept()
