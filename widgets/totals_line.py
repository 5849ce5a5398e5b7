"""The cost of the whole drawing as one line that is pressed for more; it gives way where the window is narrow."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QPushButton, QSizePolicy

from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import look, theme


class TotalsLine(QPushButton):
    """Words that open the budget."""

    def __init__(self) -> None:
        super().__init__()
        self.setFlat(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        look.changed.connect(self.restyle)
        self.restyle()

    def setText(self, words: str) -> None:
        super().setText(words)
        self.setEnabled(bool(words))
        self.setToolTip(plain_tip("\n".join(filter(None, (words, tr("Open the budget of a run"))))))
        self.setAccessibleDescription(tr("Open the budget of a run"))

    def minimumSizeHint(self) -> QSize:
        return QSize(40, super().minimumSizeHint().height())

    def restyle(self) -> None:
        """Colours of the theme."""
        c = theme()
        self.setStyleSheet(
            f"QPushButton {{ color: {c.muted}; text-align: left; border: none; background: transparent; padding: 2px 8px; }} "
            f"QPushButton:hover, QPushButton:focus {{ color: {c.text}; text-decoration: underline; }}"
        )
