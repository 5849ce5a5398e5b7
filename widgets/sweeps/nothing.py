"""What stands on the page of sweeps before there is one: how to plan a sweep, or the plan that waits to be run."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from widgets.look.language import tr

WIDTH = 520  # pixels


class NoSweep(QWidget):
    """Says what to do, with one button that does it."""

    planRequested = Signal()
    runRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.words, self.button = QLabel(), QPushButton()
        self._is_planned = False
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.addStretch(1)
        column.addWidget(self.words, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(10)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignCenter)
        column.addStretch(2)
        self.button.clicked.connect(self._clicked)
        self.show_own("", "", "")

    def show_own(self, name: str, words: str, why_not: str) -> None:
        """The plan of the document on the canvas, ``words`` long; empty where it has none; ``why_not`` it cannot run."""
        self._is_planned = bool(words)
        if self._is_planned:
            text = tr("The plan of {name} has not run yet.", name=name) + f"\n{why_not or words}"
        else:
            text = tr(
                "No sweep yet. Right-click a setting in the settings panel and choose Sweep this setting, or select blocks on the canvas and choose Ablate: disable blocks. Then press Run sweep."
            )
        self.words.setText(text)
        self.words.setFixedSize(WIDTH, self.words.heightForWidth(WIDTH))
        self.button.setText(tr("Run sweep") if self._is_planned else tr("Plan a sweep"))
        self.button.setEnabled(not (self._is_planned and why_not))

    def _clicked(self) -> None:
        (self.runRequested if self._is_planned else self.planRequested).emit()
