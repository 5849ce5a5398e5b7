"""Before a fork with a changed graph starts: what of the checkpoint is carried, what is not, and why."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from core.graph.inheritance import Fate, Heirloom, Inheritance
from widgets.look.language import said, tr
from widgets.look.plain import plain_tip
from widgets.look.theme import theme

ORDER: tuple[Fate, ...] = ("new", "part", "left", "whole")  # what a person should read first
DOT, ROW = 8, 26  # pixels


class ForkSheet(QDialog):
    """A list to read, Fork and Cancel."""

    def __init__(self, run: str, found: Inheritance, titles: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Fork"))
        self.list, self.lead = QTreeWidget(), QLabel()
        self.lead.setTextFormat(Qt.TextFormat.PlainText)
        self.lead.setWordWrap(True)
        self.lead.setText(_lead(run, found))
        buttons = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(buttons.Ok | buttons.Cancel)
        self.buttons.button(buttons.Ok).setText(tr("Fork"))
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._fill(found, titles)
        column = QVBoxLayout(self)
        column.addWidget(self.lead)
        column.addWidget(self.list, 1)
        column.addWidget(self.buttons)
        self.resize(900, min(160 + ROW * max(len(found.parts), 4), 620))

    def _fill(self, found: Inheritance, titles: Mapping[str, str]) -> None:
        self.list.setHeaderLabels([tr("Part"), tr("What becomes of it"), tr("Why")])
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setAllColumnsShowFocus(True)
        self.list.setAccessibleName(tr("What the fork carries"))
        for part in sorted(found.parts, key=lambda part: ORDER.index(part.fate)):
            title = titles.get(part.node) or said(part.title)
            item = QTreeWidgetItem(self.list, [title, fate_words(part), said(part.reason)])
            item.setIcon(1, _dot(fate_colour(part.fate)))
            item.setToolTip(2, plain_tip(said(part.reason)))
            item.setSizeHint(2, QSize(0, ROW))  # the last column takes what is left
        header = self.list.header()
        for section in (0, 1):
            header.setSectionResizeMode(section, QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)


def _lead(run: str, found: Inheritance) -> str:
    kept = sum(part.fate == "whole" for part in found.parts)
    return tr(
        "{run} goes on from step {step} to step {steps} with the graph as it is now. Carried whole: {kept} of {of} parts.",
        run=run, step=f"{found.step:,}", steps=f"{found.steps:,}", kept=kept, of=len(found.parts),
    )  # fmt: skip


def fate_words(part: Heirloom) -> str:
    """What becomes of a part; of one that is carried in part, how much of its numbers."""
    if part.fate == "part" and part.of:
        return tr("carried in part, {share} %", share=f"{100 * part.carried / part.of:.0f}")
    return {
        "whole": tr("carried"), "part": tr("carried in part"), "new": tr("begins anew"), "left": tr("left behind"),
    }[part.fate]  # fmt: skip


def fate_colour(fate: Fate) -> str:
    """The colour of what becomes of a part."""
    colours = theme()
    return {"whole": colours.good, "part": colours.warning, "new": colours.bad, "left": colours.muted}[fate]


def _dot(colour: str) -> QIcon:
    picture = QPixmap(DOT, DOT)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawEllipse(0, 0, DOT, DOT)
    painter.end()
    return QIcon(picture)
