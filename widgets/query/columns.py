"""The page's columns and the muted words over their fields."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget


def muted(text: str) -> QLabel:
    """Words over a field."""
    label = QLabel(text)
    label.setProperty("muted", True)
    label.setWordWrap(True)
    return label


def new_column() -> tuple[QWidget, QVBoxLayout]:
    """A side of the page, and where its parts go."""
    side = QWidget()
    column = QVBoxLayout(side)
    column.setContentsMargins(14, 12, 14, 12)
    column.setSpacing(6)
    return side, column
