"""What if? A modality of the sample dropped, swapped, shuffled, masked or shifted, beside the untouched; and over all held-out samples
how much of the score survives."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from widgets.inspection.values import ChangeReport, ChangeWish
from widgets.look.files import save_file
from widgets.look.language import said, tr

HOWS = {
    "drop": "without it", "swap": "another sample's", "shuffle": "its parts shuffled", "mask": "a share masked",
    "shift": "shifted in time",
}  # fmt: skip
MODALITIES = {"image": "image", "text": "text", "audio": "audio", "video": "video"}
COLUMNS = ("Objective", "Modality", "Change", "Score", "Survives")


class DeskPanel(QWidget):
    """One row that changes the sample, one that measures them all."""

    changeChosen = Signal(object)  # ChangeWish, or None: untouched
    reportRequested = Signal()
    cancelRequested = Signal()
    failed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._possible: Mapping[str, tuple[str, ...]] = {}
        self._report: ChangeReport | None = None
        self._seed = 0
        self.modality, self.how, self.amount = QComboBox(), QComboBox(), QDoubleSpinBox()
        self.again, self.measure, self.cancel = QPushButton(tr("Draw again")), QPushButton(), QPushButton(tr("Cancel"))
        self.export, self.progress, self.words, self.table = (
            QPushButton(tr("Export CSV…")),
            QProgressBar(),
            QLabel(),
            QTableWidget(),
        )
        self.measure.setText(tr("Measure all held-out samples"))
        self.measure.setToolTip(
            tr(
                "How much of the held-out score survives without each modality, with each swapped among samples, and with its parts shuffled."
            )
        )
        self._lay_out()
        self.modality.currentIndexChanged.connect(self._show_hows)
        self.how.currentIndexChanged.connect(self._tell)
        self.amount.valueChanged.connect(self._tell)
        self.again.clicked.connect(self._draw_again)
        self.measure.clicked.connect(self.reportRequested)
        self.cancel.clicked.connect(self.cancelRequested)
        self.export.clicked.connect(self._export)
        self.set_possible({})

    def set_possible(self, possible: Mapping[str, tuple[str, ...]]) -> None:
        """Modalities of the samples, and how each can be changed."""
        self._possible = possible
        self.modality.blockSignals(True)
        self.modality.clear()
        self.modality.addItem(tr("Untouched"), "")
        for name in possible:
            self.modality.addItem(tr(MODALITIES.get(name, name)), name)
        self.modality.blockSignals(False)
        self.forget()
        self._show_hows()

    def wish(self) -> ChangeWish | None:
        """What is chosen."""
        name, how = self.modality.currentData(), self.how.currentData()
        if not name or not how:
            return None
        amount = self.amount.value() / 100 if how == "mask" else self.amount.value()
        return ChangeWish(modality=name, how=how, amount=amount, seed=self._seed)

    def forget(self, words: str = "") -> None:
        """Nothing is measured."""
        self._report = None
        self._set_busy(False)
        self.words.setText(words)
        self.table.hide()
        self.export.hide()

    def show_progress(self, share: float) -> None:
        """How far the measurement is."""
        self._set_busy(True)
        self.progress.setValue(round(100 * share))

    def show_report(self, report: ChangeReport) -> None:
        """What survives."""
        self._report = report
        self._set_busy(False)
        self.words.setText("\n".join([report.title, *(said(one) for one in (*report.flags, *report.notes))]))
        self.words.setProperty("warns", bool(report.flags))
        self.table.setRowCount(len(report.rows))
        for number, row in enumerate(report.rows):
            cells = (
                row.objective,
                tr(MODALITIES.get(row.modality, row.modality)),
                tr(HOWS[row.how]),
                row.score,
                row.survives,
            )
            for column, text in enumerate(cells):
                self.table.setItem(number, column, QTableWidgetItem(text))
        self.table.show()
        self.export.show()

    def save(self, path: str) -> None:
        """Write the table. Says why where it cannot."""
        if self._report is None or not self._report.table:
            return
        try:
            with Path(path).open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(self._report.table[0]))
                writer.writeheader()
                writer.writerows(self._report.table)
        except OSError as error:
            self.failed.emit(tr("{path} cannot be written: {reason}", path=path, reason=str(error)))

    def _lay_out(self) -> None:
        for box, name in ((self.modality, tr("Modality")), (self.how, tr("Change")), (self.amount, tr("Amount"))):
            box.setAccessibleName(name)
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(4)
        self.table.setColumnCount(len(COLUMNS))
        self.table.setHorizontalHeaderLabels([tr(name) for name in COLUMNS])
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.horizontalHeader().setStretchLastSection(True)
        survives = self.table.horizontalHeaderItem(len(COLUMNS) - 1)
        survives.setToolTip(tr("The share of the score above chance that survives, with 95 % intervals"))
        self.table.setMinimumHeight(90)
        row = QHBoxLayout()
        for widget in (self.modality, self.how, self.amount, self.again):
            row.addWidget(widget)
        row.addStretch(1)
        below = QHBoxLayout()
        for widget in (self.measure, self.cancel, self.export):
            below.addWidget(widget)
        below.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 0)
        column.addLayout(row)
        column.addLayout(below)
        column.addWidget(self.progress)
        column.addWidget(self.words)
        column.addWidget(self.table, 1)

    def _show_hows(self) -> None:
        before = self.how.currentData()
        self.how.blockSignals(True)
        self.how.clear()
        for how in self._possible.get(self.modality.currentData() or "", ()):
            self.how.addItem(tr(HOWS[how]), how)
        self.how.setCurrentIndex(max(self.how.findData(before), 0) if self.how.count() else -1)
        self.how.blockSignals(False)
        self._tell()

    def _tell(self) -> None:
        how = self.how.currentData()
        self.how.setVisible(bool(how))
        self.amount.setVisible(how in ("mask", "shift"))
        self.again.setVisible(how in ("swap", "shuffle", "mask"))
        self.amount.blockSignals(True)
        if how == "mask":
            self.amount.setRange(0, 100)
            self.amount.setSuffix(" %")
            self.amount.setDecimals(0)
            self.amount.setValue(self.amount.value() or 50)
        elif how == "shift":
            self.amount.setRange(-30, 30)
            self.amount.setSuffix(tr(" s"))
            self.amount.setDecimals(2)
            self.amount.setSingleStep(0.1)
        self.amount.blockSignals(False)
        self.changeChosen.emit(self.wish())

    def _draw_again(self) -> None:
        self._seed += 1
        self._tell()

    def _export(self) -> None:
        path = save_file(self, tr("Export CSV"), "counterfactuals.csv", "CSV (*.csv)", what="csv")
        if path:
            self.save(path)

    def _set_busy(self, is_busy: bool) -> None:
        self.cancel.setVisible(is_busy)
        self.measure.setVisible(not is_busy)
        self.progress.setVisible(is_busy)
        self.progress.setRange(0, 100)
        if is_busy:
            self.words.setText(tr("Asking again with each change…"))
