"""The written report: text and pinned figures in a list, one of them in hand, the whole beside it as it will be read."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QTextBrowser,
    QToolButton,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from core.exploring.pages import as_html
from core.exploring.report import Figure, Part, Report, Text
from widgets.look.files import open_file, save_file
from widgets.look.language import tr
from widgets.look.plain import plain_tip

WIDEST = 900  # pixels of a figure in the reading view
KINDS = "HTML (*.html);;Markdown (*.md)"


class Reading(QTextBrowser):
    """The report as it will be read; it opens and fetches nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.setOpenLinks(False)
        self._images: dict[str, QPixmap] = {}
        self._report = Report()

    def show_report(self, report: Report) -> None:
        """The whole of it, figures scaled to fit."""
        self._report = report
        self._images = {}
        place = self.verticalScrollBar().value()
        for number, part in enumerate(report.parts):
            if isinstance(part, Figure):
                image = QPixmap()
                image.loadFromData(part.png, "PNG")
                if image.width() > (room := max(200, min(WIDEST, self.viewport().width() - 100))):
                    image = image.scaledToWidth(room, Qt.TransformationMode.SmoothTransformation)
                self._images[f"figure:{number}"] = image
        page = as_html(replace(report, parts=tuple(_without_png(part) for part in report.parts)))
        figures = iter(self._images)
        while (at := page.find('src="data:image/png;base64,"')) >= 0:
            name = next(figures)
            page = page[:at] + f'src="{name}"' + page[at + len('src="data:image/png;base64,"') :]
        self.setHtml(page)
        self.verticalScrollBar().setValue(place)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.show_report(self._report)

    def loadResource(self, kind: int, name: QUrl) -> object:
        """Only figures of the report itself."""
        return self._images.get(name.toString())


def _without_png(part: Part) -> Part:
    return replace(part, png=b"") if isinstance(part, Figure) else part


class ReportView(QWidget):
    """Announces another report whenever a person changed it."""

    changed = Signal(object)  # Report
    closed = Signal()
    exportRequested = Signal(str)  # path
    saveRequested = Signal(str)
    openRequested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._report = Report()
        self.title, self.list, self.editor, self.reading = QLineEdit(), QListWidget(), QPlainTextEdit(), Reading()
        self._buttons: list[QToolButton] = []
        self._lay_out()
        self.title.textEdited.connect(lambda text: self._take(replace(self._report, title=text)))
        self.list.currentRowChanged.connect(self._show_part)
        self.editor.textChanged.connect(self._edited)
        self._show_part(-1)

    def report(self) -> Report:
        """As it is now."""
        return self._report

    def set_report(self, report: Report, row: int = -1) -> None:
        """Show another one; says nothing."""
        self._report = report
        if self.title.text() != report.title:
            self.title.setText(report.title)
        self.list.blockSignals(True)
        self.list.clear()
        self.list.addItems([_line_of(part) for part in report.parts])
        self.list.blockSignals(False)
        self.list.setCurrentRow(row if 0 <= row < len(report.parts) else -1)
        self._show_part(self.list.currentRow())
        self.reading.show_report(report)

    def add(self, part: Part) -> None:
        """Behind the chosen part, or at the end."""
        row = self.list.currentRow()
        place = row + 1 if row >= 0 else len(self._report.parts)
        parts = (*self._report.parts[:place], part, *self._report.parts[place:])
        self._change(parts, place)

    def _lay_out(self) -> None:
        back = QPushButton(tr("Back to the table"))
        back.clicked.connect(self.closed)
        self.title.setPlaceholderText(tr("Title of the report"))
        self.title.setAccessibleName(self.title.placeholderText())
        file = QToolButton()
        file.setText(tr("Report"))
        file.setAccessibleName(file.text())
        file.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(file)
        for words, act in ((tr("Export…"), self._export), (tr("Save as…"), self._save), (tr("Open…"), self._open)):
            menu.addAction(words, act)
        file.setMenu(menu)
        top = QHBoxLayout()
        top.addWidget(back)
        top.addWidget(self.title, 1)
        top.addWidget(file)
        acts = QHBoxLayout()
        for words, act in (
            (tr("Add text"), lambda: self.add(Text(markdown=""))), (tr("Up"), lambda: self._move(-1)),
            (tr("Down"), lambda: self._move(1)), (tr("Remove"), self._remove),
        ):  # fmt: skip
            button = QToolButton()
            button.setText(words)
            button.clicked.connect(act)
            acts.addWidget(button)
            self._buttons.append(button)
        acts.addStretch(1)
        self.list.setAccessibleName(tr("Parts of the report"))
        self.editor.setAccessibleName(tr("Text in Markdown, or a figure's caption"))
        self.editor.setPlaceholderText(tr("Text in Markdown, or a figure's caption"))
        self.editor.setToolTip(
            plain_tip(tr("Headings, lists, bold, italic and code; markup and images of elsewhere stay text"))
        )
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(acts)
        column.addWidget(self.list, 2)
        column.addWidget(self.editor, 3)
        parts = QSplitter()
        parts.addWidget(left)
        parts.addWidget(self.reading)
        parts.setSizes([420, 760])
        parts.setChildrenCollapsible(False)
        page = QVBoxLayout(self)
        page.setContentsMargins(12, 10, 12, 10)
        page.addLayout(top)
        page.addWidget(parts, 1)

    def _show_part(self, row: int) -> None:
        part = self._report.parts[row] if 0 <= row < len(self._report.parts) else None
        self.editor.blockSignals(True)
        self.editor.setPlainText(part.markdown if isinstance(part, Text) else part.caption if part is not None else "")
        self.editor.blockSignals(False)
        self.editor.setEnabled(part is not None)
        for button in self._buttons[1:]:
            button.setEnabled(part is not None)

    def _edited(self) -> None:
        row, text = self.list.currentRow(), self.editor.toPlainText()
        if not 0 <= row < len(self._report.parts):
            return
        part = self._report.parts[row]
        fresh = (
            replace(part, markdown=text) if isinstance(part, Text) else replace(part, caption=" ".join(text.split()))
        )
        self.list.item(row).setText(_line_of(fresh))
        self._take(replace(self._report, parts=(*self._report.parts[:row], fresh, *self._report.parts[row + 1 :])))

    def _move(self, by: int) -> None:
        row, parts = self.list.currentRow(), list(self._report.parts)
        if 0 <= row < len(parts) and 0 <= row + by < len(parts):
            parts.insert(row + by, parts.pop(row))
            self._change(tuple(parts), row + by)

    def _remove(self) -> None:
        row, parts = self.list.currentRow(), list(self._report.parts)
        if 0 <= row < len(parts):
            parts.pop(row)
            self._change(tuple(parts), min(row, len(parts) - 1))

    def _change(self, parts: tuple[Part, ...], row: int) -> None:
        self.set_report(replace(self._report, parts=parts), row)
        self.changed.emit(self._report)

    def _take(self, report: Report) -> None:
        self._report = report
        self.reading.show_report(report)
        self.changed.emit(report)

    def _export(self) -> None:
        if path := save_file(self, tr("Export…"), tr("report.html"), KINDS, what="report"):
            self.exportRequested.emit(path)

    def _save(self) -> None:
        if path := save_file(self, tr("Save as…"), tr("report.json"), "JSON (*.json)", what="report"):
            self.saveRequested.emit(path)

    def _open(self) -> None:
        if path := open_file(self, tr("Open…"), "JSON (*.json)", what="report"):
            self.openRequested.emit(path)


def _line_of(part: Part) -> str:
    if isinstance(part, Figure):
        return tr("Figure: {caption}", caption=part.caption)
    return (part.markdown.strip().splitlines() or [tr("(empty text)")])[0][:80]
