"""What runs pause at on a block, with a way to change it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from widgets.inspector.parts import text_label
from widgets.look.glyphs import glyph_pixmap
from widgets.look.language import tr
from widgets.look.theme import theme


class PausingLine(QWidget):
    """Hidden while no run pauses there."""

    commandRequested = Signal(str)  # a method of the canvas

    def __init__(self) -> None:
        super().__init__()
        self.words = text_label("")
        self.change = QPushButton(tr("Pause when…"))
        self.change.clicked.connect(lambda: self.commandRequested.emit("pause_when"))
        mark = QLabel()
        mark.setPixmap(glyph_pixmap("pause", theme().bad))
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self.words, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.change, 0, Qt.AlignmentFlag.AlignLeft)
        self.hide()

    def show_breakpoints(self, told: str, waits: bool) -> None:
        """The conditions in words, and whether a run waits at one."""
        words = tr("Pauses when: {conditions}", conditions=told) if told else ""
        self.words.setText("\n".join(filter(None, [tr("A run waits here.") if waits else "", words])))
        self.setVisible(bool(told or waits))
