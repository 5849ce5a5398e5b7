"""Containers that do not force their own size on the window: what they hold may be scrolled, elided or covered."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QSplitter, QStackedWidget


class LooseStack(QStackedWidget):
    """A stack whose hidden pages do not make the window larger."""

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 120)


class LooseSplitter(QSplitter):
    """A splitter that can be narrower than its parts would like."""

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 120)
