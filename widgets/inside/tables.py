"""Tables of the panel: what running to a block took, and what one step of training did, by block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from core.graph.inside import NodeCost, StepTold
from widgets.inside.flow_view import line
from widgets.look import quantities
from widgets.look.figures import figure_name
from widgets.look.language import tr
from widgets.look.plain import plain_tip

ROW = 24  # pixels
MEBIBYTE = 2**20


class ByBlock(QTableWidget):
    """A row for each block; a click goes there."""

    nodeRequested = Signal(str)

    def __init__(self, titles: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]], name: str) -> None:
        """``rows``: the node, and what each column says."""
        super().__init__(len(rows), len(titles))
        self._nodes = [node for node, _ in rows]
        self.setAccessibleName(name)
        self.setHorizontalHeaderLabels(list(titles))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        for place, (_, cells) in enumerate(rows):
            for column, words in enumerate(cells):
                item = QTableWidgetItem(words)
                item.setToolTip(plain_tip(words))
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(place, column, item)
        header = self.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(20)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.horizontalHeaderItem(0).setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for column in range(1, len(titles)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            told = (titles[column], *(cells[column] for _, cells in rows))
            self.setColumnWidth(column, max(map(self.fontMetrics().horizontalAdvance, told)) + 14)
        self.setFixedHeight(header.sizeHint().height() + ROW * len(rows) + 4)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.cellActivated.connect(lambda row, _: self.nodeRequested.emit(self._nodes[row]))
        self.cellClicked.connect(lambda row, _: self.nodeRequested.emit(self._nodes[row]))


def costs_table(costs: Sequence[NodeCost], titles: Mapping[str, str]) -> ByBlock:
    """Time and memory of every block that was run on the way."""
    on_gpu = any(cost.peak_bytes for cost in costs)
    heads = [tr("Block"), tr("Time"), tr("Weights"), tr("Output"), *([tr("Peak")] if on_gpu else [])]
    rows = []
    for cost in costs:
        sizes = [cost.weights_bytes, cost.given_bytes, *([cost.peak_bytes] if on_gpu else [])]
        told = [memory(size) for size in sizes]
        rows.append((cost.node, [titles.get(cost.node, cost.node), milliseconds(cost.seconds), *told]))
    return ByBlock(heads, rows, tr("What running to here took"))


class StepView(QWidget):
    """The losses before and behind a step, and by block its gradient and how far it moved the weights."""

    nodeRequested = Signal(str)

    def __init__(self, told: StepTold, titles: Mapping[str, str]) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        steps = tr("After {n} steps in memory", n=told.step) if told.step > 1 else tr("After one step in memory")
        column.addWidget(line(f"{steps} · {quantities.duration(told.seconds)}", bold=True))
        for objective, before in told.before.items():
            after = told.after.get(objective)
            name = titles.get(objective, figure_name(objective))
            behind = "?" if after is None else f"{after:.5g}"
            column.addWidget(line(tr("{name}: {before} → {after} on the same {n} samples", name=name, before=f"{before:.5g}", after=behind, n=told.samples)))  # fmt: skip
        rows = [
            (node, [titles.get(node, node), f"{norm:.3g}", f"{told.ratios.get(node, 0.0):.2g}"])
            for node, norm in told.gradients.items()
        ]
        self.table = ByBlock([tr("Block"), tr("Gradient"), tr("Update ÷ weights")], rows, tr("One step, by block"))
        self.table.nodeRequested.connect(self.nodeRequested)
        column.addWidget(self.table)
        if told.left_out:
            left = ", ".join(tr(title) for title in told.left_out)
            column.addWidget(line(tr("Not used in a step by hand: {options}.", options=left), muted=True))


def memory(size: int) -> str:
    """Bytes as they are read."""
    return f"{size} B" if size < 1024 else quantities.mebibytes(size / MEBIBYTE)


def milliseconds(seconds: float) -> str:
    """A short time."""
    return tr("{ms} ms", ms=f"{1000 * seconds:.3g}") if seconds < 1 else quantities.duration(seconds)
