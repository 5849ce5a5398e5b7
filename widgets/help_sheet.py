"""The help: a list of pages, found by words in them, and the page that is read. Nothing is fetched from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QDialog, QLabel, QLineEdit, QListWidget, QSplitter, QTextBrowser, QVBoxLayout, QWidget

from widgets.look.language import tr
from widgets.look.theme import look, theme

SCHEME = "help"  # of links from page to page: help:canvas


class Readable(Protocol):
    """One page."""

    @property
    def key(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def text(self) -> str: ...


class Reader(QTextBrowser):
    """Shows text and loads nothing, whatever the text names."""

    def loadResource(self, kind: int, name: QUrl) -> Any:
        return None

    def setSource(self, name: QUrl, kind: Any = None) -> None:
        return


class HelpSheet(QDialog):
    """Pages at the left, the one that is read at the right."""

    def __init__(self, pages: Sequence[Readable], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Help"))
        self.resize(880, 640)
        self._pages = tuple(pages)
        self.field, self.list, self.text, self._nothing = QLineEdit(), QListWidget(), Reader(), QLabel()
        self.field.setPlaceholderText(tr("Search the help…"))
        self.field.setAccessibleName(tr("Search the help…"))
        self.field.setClearButtonEnabled(True)
        self.list.setAccessibleName(tr("Pages"))
        self.text.setOpenLinks(False)
        self.text.setAccessibleName(tr("Help"))
        self._nothing.setText(tr("No page says this."))
        self._nothing.setProperty("muted", True)
        left, halves = QWidget(), QSplitter()
        beside = QVBoxLayout(left)
        beside.setContentsMargins(0, 0, 8, 0)
        for widget in (self.field, self.list, self._nothing):
            beside.addWidget(widget, int(widget is self.list))
        halves.addWidget(left)
        halves.addWidget(self.text)
        halves.setSizes([240, 640])
        QVBoxLayout(self).addWidget(halves)
        self.field.textChanged.connect(self._filter)
        self.list.currentRowChanged.connect(lambda _: self._read())
        self.text.anchorClicked.connect(self._follow)
        look.changed.connect(self.restyle)
        self.restyle()
        self._filter("")

    def open_page(self, key: str) -> None:
        """Bring a page to the front."""
        self.field.clear()
        shown = [page.key for page in self._shown()]
        self.list.setCurrentRow(shown.index(key) if key in shown else 0)

    def page(self) -> Readable | None:
        """The one that is read."""
        shown, row = self._shown(), self.list.currentRow()
        return shown[row] if 0 <= row < len(shown) else None

    def _shown(self) -> list[Readable]:
        words = self.field.text().casefold().split()
        return [each for each in self._pages if all(word in each.text.casefold() for word in words)]

    def _filter(self, _: str) -> None:
        now = self.page()
        shown = self._shown()
        self.list.blockSignals(True)
        self.list.clear()
        self.list.addItems([page.title for page in shown])
        self.list.blockSignals(False)
        self._nothing.setVisible(not shown)
        keys = [page.key for page in shown]
        self.list.setCurrentRow(keys.index(now.key) if now is not None and now.key in keys else 0)
        self._read()

    def _read(self) -> None:
        page, words = self.page(), self.field.text().split()
        self.text.setMarkdown(page.text if page else "")
        if page and words:
            self.text.find(words[0], QTextDocument.FindFlag(0))

    def _follow(self, link: QUrl) -> None:
        if link.scheme() == SCHEME:
            self.open_page(link.path())

    def restyle(self) -> None:
        """Colours of the theme."""
        c = theme()
        self.text.setStyleSheet(f"QTextBrowser {{ background: {c.panel}; color: {c.text}; padding: 12px 18px; }}")
        self.text.document().setDefaultStyleSheet(f"a {{ color: {c.accent}; }}")
