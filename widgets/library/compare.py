"""Two runs or more side by side: their curves, their figures, the settings and the drawing that differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QBrush, QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from core.exploring.scores import may_choose
from core.graph.budget.learning import DISK, MEMORY, SECONDS, audit
from core.graph.differences import drawing_difference, incomparable, settings_difference
from core.graph.document import Document
from core.store.answers import RunFacts
from widgets.library.columns import duration, every_metric, figure, status_text, steps_text
from widgets.look import quantities
from widgets.look.graph_sketch import difference_words
from widgets.look.language import tr
from widgets.look.sides import metric_words
from widgets.look.theme import look, theme
from widgets.look.titles import vocabulary


class CompareView(QWidget):
    """Compares runs; the curves are drawn by a widget that is given."""

    closed = Signal()
    pinRequested = Signal()  # into the report
    pictureRequested = Signal()  # save what is seen as a picture

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runs: tuple[RunFacts, ...] = ()
        self._documents: tuple[Document | None, ...] = ()
        self._names, self._warning = QLabel(), QLabel()
        self._curves_place = QVBoxLayout()
        self._figures, self._settings = _table(), _table()
        self._drawing = QPlainTextEdit()
        self._lay_out()
        look.changed.connect(self._refresh)

    def set_curves(self, curves: QWidget) -> None:
        """The widget that overlays the curves; its colours are the theme's, in the order of the runs."""
        self._curves_place.addWidget(curves)

    def set_runs(self, runs: Sequence[RunFacts], documents: Sequence[Document | None]) -> None:
        """Compare these; a document that could not be read is None."""
        self._runs, self._documents = tuple(runs), tuple(documents)
        self._refresh()

    def seen(self) -> QWidget:
        """Curves and figures, without the buttons."""
        return self._seen

    def runs(self) -> tuple[RunFacts, ...]:
        """What is compared."""
        return self._runs

    def drawing_text(self) -> str:
        """The difference of the drawings in words."""
        return self._drawing.toPlainText()

    def settings_rows(self) -> list[list[str]]:
        """The differing settings as they are shown."""
        table = self._settings
        return [[table.item(r, c).text() for c in range(table.columnCount())] for r in range(table.rowCount())]

    def _lay_out(self) -> None:
        back, picture = QPushButton(tr("Back to the table")), QPushButton(tr("Save as image"))
        back.clicked.connect(self.closed)
        picture.clicked.connect(self.pictureRequested)
        self._names.setTextFormat(Qt.TextFormat.RichText)
        self._names.setWordWrap(True)
        top = QHBoxLayout()
        top.addWidget(back)
        top.addWidget(self._names, 1)
        pin = QPushButton(tr("Pin to the report"))
        pin.clicked.connect(self.pinRequested)
        top.addWidget(pin)
        top.addWidget(picture)
        curves = QWidget()
        curves.setLayout(self._curves_place)
        self._curves_place.setContentsMargins(0, 0, 0, 0)
        self._drawing.setReadOnly(True)
        self._drawing.setFrameShape(QFrame.Shape.NoFrame)
        tabs = QTabWidget()
        tabs.setDocumentMode(True)
        tabs.addTab(self._figures, tr("Metrics"))
        tabs.addTab(self._settings, tr("Settings that differ"))
        tabs.addTab(self._drawing, tr("Graph"))
        parts = QSplitter(Qt.Orientation.Vertical)
        parts.addWidget(curves)
        parts.addWidget(tabs)
        parts.setSizes([420, 320])
        parts.setChildrenCollapsible(False)
        page = QVBoxLayout(self)
        page.setContentsMargins(12, 10, 12, 10)
        self._warning.setWordWrap(True)
        self._warning.setTextFormat(Qt.TextFormat.PlainText)
        page.addLayout(top)
        page.addWidget(self._warning)
        page.addWidget(parts, 1)
        self._seen = parts

    def _refresh(self) -> None:
        colours = [theme().series[index % len(theme().series)] for index in range(len(self._runs))]
        self._names.setText(
            "&nbsp;&nbsp; ".join(
                f'<span style="color:{c}">■</span> {_escaped(r.name)}' for c, r in zip(colours, self._runs)
            )
        )
        self._fill_figures(colours)
        known = [document for document in self._documents if document is not None]
        rows = settings_difference(known, vocabulary()) if len(known) == len(self._documents) else []
        header = [tr("Where"), tr("Setting"), *(run.name for run in self._runs)]
        words = [
            [tr("training recipe") if row.where == "recipe" else row.where, row.setting.replace("_", " "), *row.values]
            for row in rows
        ]
        _fill(self._settings, header, words, [None, None, *colours])
        self._drawing.setPlainText(self._drawing_words())
        self._warning.setText(self._warning_words(known))
        self._warning.setVisible(bool(self._warning.text()))
        self._warning.setStyleSheet(f"color: {theme().warning};")

    def _fill_figures(self, colours: Sequence[str]) -> None:
        rows = [
            [tr("status"), *(status_text(run) for run in self._runs)],
            [tr("steps"), *(steps_text(run) for run in self._runs)],
            [tr("duration"), *(duration(run.seconds) for run in self._runs)],
            [tr("seed"), *(str(run.seed) for run in self._runs)],
            [tr("parameters"), *(figure(run.last.get("cost/parameters")) for run in self._runs)],
            [tr("FLOPs per example"), *(figure(run.last.get("cost/flops")) for run in self._runs)],
            *_budgets(self._runs),
            [tr("last loss"), *(figure(run.last.get("loss")) for run in self._runs)],
        ]
        for name in every_metric(self._runs):
            if name == "loss" or name.startswith(("selection/", "retrieval/")):
                title = tr("best {name}") if may_choose(name) else tr("last {name}")
                figures = [(run.best if may_choose(name) else run.last).get(name) for run in self._runs]
                rows.append([title.format(name=metric_words(name)), *(figure(f, share="R@" in name) for f in figures)])
        _fill(self._figures, [tr("Metric"), *(run.name for run in self._runs)], rows, [None, *colours])

    def warning_text(self) -> str:
        """What is said against comparing these runs."""
        return self._warning.text()

    def _warning_words(self, known: Sequence[Document]) -> str:
        found = incomparable(known, vocabulary()) if len(known) == len(self._runs) else {}
        sentences = {
            "losses": tr("The losses of these runs cannot be compared: {why}."),
            "scores": tr("The scores of these runs cannot be compared: {why}."),
        }
        return " ".join(
            sentences[what].format(why=", ".join(f"{r.where}.{r.setting} {' / '.join(r.values)}" for r in rows[:4]))
            for what, rows in found.items() if rows
        )  # fmt: skip

    def _drawing_words(self) -> str:
        if len(self._documents) < 2 or any(document is None for document in self._documents):
            return tr("An experiment of these runs cannot be read, so the graphs cannot be compared.")
        first, *others = [document for document in self._documents if document is not None]
        parts = []
        for run, document in zip(self._runs[1:], others):
            title = tr("{other} against {first}", other=run.name, first=self._runs[0].name)
            parts.append(f"{title}\n{difference_words(drawing_difference(first, document, vocabulary()))}")
        return "\n\n".join(parts)


def _budgets(runs: Sequence[RunFacts]) -> list[list[str]]:
    """Predicted beside measured, where a run has both."""
    audits = [audit(run.last) for run in runs]
    words = {
        SECONDS: (tr("time, predicted → taken"), duration), MEMORY: (tr("peak memory, predicted → taken"), quantities.mebibytes),
        DISK: (tr("checkpoints, at most → taken"), quantities.mebibytes),
    }  # fmt: skip
    return [
        [title, *(_beside(found[kind], write) if kind in found else "" for found in audits)]
        for kind, (title, write) in words.items()
        if any(kind in found for found in audits)
    ]


def _beside(pair: tuple[float, float], write: Callable[[float], str]) -> str:
    return f"{write(pair[0])} → {write(pair[1])} (× {pair[1] / pair[0]:.2f})"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _table() -> QTableWidget:
    table = QTableWidget()
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
    table.verticalHeader().hide()
    table.setShowGrid(False)
    return table


def _fill(
    table: QTableWidget, header: Sequence[str], rows: Sequence[Sequence[str]], colours: Sequence[str | None]
) -> None:
    table.clear()
    table.setColumnCount(len(header))
    table.setRowCount(len(rows))
    for column, (text, colour) in enumerate(zip(header, colours)):
        item = QTableWidgetItem(text)
        item.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        if colour is not None:
            item.setForeground(QBrush(QColor(colour)))
        table.setHorizontalHeaderItem(column, item)
    for row, texts in enumerate(rows):
        for column, text in enumerate(texts):
            table.setItem(row, column, QTableWidgetItem(text))
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    table.horizontalHeader().setStretchLastSection(True)
