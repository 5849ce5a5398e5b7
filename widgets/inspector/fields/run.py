"""A trained run: chosen from those that were offered, or a folder of checkpoints from the disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from core.knobs import Knob
from widgets.inspector.fields.field import fields
from widgets.inspector.fields.path import FolderField
from widgets.look.language import tr
from widgets.look.plain import plain_tip


@fields.register("run")
class RunField(FolderField):
    """A run's folder of checkpoints."""

    offered: ClassVar[tuple[tuple[str, str], ...]] = ()  # title, folder: the same for every such field

    def __init__(self, knob: Knob, parent: QWidget | None = None) -> None:
        super().__init__(knob, parent)
        self.pick = QToolButton()
        self.pick.setText(tr("Pick"))
        self.pick.setToolTip(tr("Choose a trained run"))
        self.pick.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.runs = QMenu(self.pick)
        self.pick.setMenu(self.runs)
        self.runs.aboutToShow.connect(self._fill)
        self.line.insertWidget(1, self.pick)
        self._fill()

    @classmethod
    def set_runs(cls, runs: Sequence[tuple[str, str]]) -> None:
        """The runs that can be chosen, the newest first: a title and a folder each."""
        cls.offered = tuple(runs)

    def _fill(self) -> None:
        self.runs.clear()
        for title, folder in self.offered:
            entry = self.runs.addAction(title.replace("&", "&&"))
            entry.setToolTip(plain_tip(folder))
            entry.triggered.connect(lambda _=False, folder=folder: self._choose(folder))
        if not self.offered:
            self.runs.addAction(tr("No run has been trained yet.")).setEnabled(False)

    def _choose(self, folder: str) -> None:
        self.edit.setText(folder)
        self.offer(folder)
