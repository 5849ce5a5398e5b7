"""A page of the inspector: a column that scrolls; made once for what is selected, then only its values change."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget


class Page(QScrollArea):
    """A scrolled column."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.column = QWidget()
        self.lines = QVBoxLayout(self.column)
        self.lines.setContentsMargins(14, 12, 14, 12)
        self.lines.setSpacing(7)
        self.setWidget(self.column)

    def add(self, *widgets: QWidget) -> None:
        """Put widgets below what is there."""
        for widget in widgets:
            self.lines.addWidget(widget)

    def finish(self) -> None:
        """Keep everything at the top."""
        self.lines.addStretch(1)
