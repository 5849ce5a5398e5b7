"""Which run is asked, and at which of its checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from widgets.look.language import tr
from widgets.query.columns import muted
from widgets.query.values import Askable
from widgets.query.words import checkpoint_name


class RunChoice(QWidget):
    """Two lists; the best checkpoint is chosen until a person chooses another."""

    runChanged = Signal()
    checkpointChanged = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runs: dict[str, Askable] = {}
        self._shown_uid = ""
        self.names, self.checkpoints = QComboBox(), QComboBox()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for text, box in ((tr("Run"), self.names), (tr("Checkpoint"), self.checkpoints)):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(8)  # a long name is cut, not the whole column
            box.setAccessibleName(text)
            column.addWidget(muted(text))
            column.addWidget(box)
        self.names.currentIndexChanged.connect(self._show_checkpoints)
        self.checkpoints.currentIndexChanged.connect(self.checkpointChanged)

    def set_runs(self, runs: Sequence[Askable]) -> None:
        """Runs that can be asked; keeps the choice where it is still there."""
        if tuple(runs) == tuple(self._runs.values()) and runs:
            return  # an open list stays open
        before = self.uid()
        self._runs = {run.uid: run for run in runs}
        self.names.blockSignals(True)
        self.names.clear()
        for run in runs:
            self.names.addItem(run.name, run.uid)
        can = next((number for number, run in enumerate(runs) if run.checkpoints), 0)  # the newest that has something
        place = self.names.findData(before)
        self.names.setCurrentIndex((place if place >= 0 else can) if runs else -1)
        self.names.blockSignals(False)
        self._show_checkpoints()

    def choose(self, uid: str, step: int | None = None) -> None:
        """Pick a run, and a checkpoint of it."""
        for box, wanted in ((self.names, uid), (self.checkpoints, step)):
            if wanted is not None and (index := box.findData(wanted)) >= 0:
                box.setCurrentIndex(index)

    def run(self) -> Askable | None:
        """The chosen run."""
        return self._runs.get(self.uid())

    def uid(self) -> str:
        """The chosen run's; empty where there is none."""
        return self.names.currentData() or ""

    def step(self) -> int:
        """The chosen checkpoint's step; -1 where there is none."""
        data = self.checkpoints.currentData()
        return data if isinstance(data, int) else -1

    def _show_checkpoints(self) -> None:
        run = self.run()
        kept = [each for each in run.checkpoints if each.kept] if run is not None else []
        chosen = self.step() if self._shown_uid == self.uid() else None
        self._shown_uid = self.uid()
        self.checkpoints.blockSignals(True)
        self.checkpoints.clear()
        for each in sorted(kept, key=lambda c: c.step, reverse=True):
            self.checkpoints.addItem(checkpoint_name(each), each.step)
        best = next((each.step for each in kept if each.best), None)
        wanted = chosen if self.checkpoints.findData(chosen) >= 0 else best
        if wanted is not None:
            self.checkpoints.setCurrentIndex(self.checkpoints.findData(wanted))
        self.checkpoints.blockSignals(False)
        self.runChanged.emit()
