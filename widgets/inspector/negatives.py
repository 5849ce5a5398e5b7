"""One inspector for every choice of negatives: the whole row before the objective, each with its knobs, in order."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from core.graph.analysis import NodeFacts
from core.graph.curriculum import hard_share
from core.graph.document import Document
from core.graph.negatives_row import FAMILY, Row, row_of
from core.graph.vocabulary import BlockSpec, Vocabulary
from core.knobs import Value
from widgets.inspector.form import KnobForm
from widgets.inspector.node_page import NodePage
from widgets.inspector.parts import heading, text_label
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import theme

MIX = "negatives.mix"
POINTS = 121


class Curriculum(QWidget):
    """The share of hard negatives over the run."""

    def __init__(self) -> None:
        super().__init__()
        self.shares: tuple[float, ...] = ()
        self.setFixedHeight(58)
        self.setAccessibleName(tr("Difficulty over the run"))

    def set_shares(self, shares: tuple[float, ...]) -> None:
        """Shares from 0 to 1 at equal distances over the run."""
        if shares != self.shares:
            self.shares = shares
            words = tr("Hard negatives: {first} % at first, {last} % at the end", first=round(100 * shares[0]),
                       last=round(100 * shares[-1]))  # fmt: skip
            self.setToolTip(plain_tip(words))
            self.setAccessibleDescription(words)
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, 58)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours, wide = theme(), self.fontMetrics().horizontalAdvance("100 %") + 6
        place = QRectF(self.rect()).adjusted(wide, 6, -4, -6)
        painter.setPen(QColor(colours.line))
        for share in (0.0, 0.5, 1.0):
            y = place.bottom() - share * place.height()
            painter.drawLine(QPointF(place.left(), y), QPointF(place.right(), y))
        painter.setPen(QColor(colours.muted))
        for share in (0.0, 1.0):
            y = place.bottom() - share * place.height()
            words = QRectF(0, y - 9, wide - 4, 18)
            painter.drawText(words, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{share:.0%}")
        if self.shares:
            step = place.width() / max(len(self.shares) - 1, 1)
            line = [
                QPointF(place.left() + n * step, place.bottom() - min(max(share, 0.0), 1.0) * place.height())
                for n, share in enumerate(self.shares)
            ]
            wash = QColor(colours.accent)
            wash.setAlpha(50)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(wash)
            painter.drawPolygon(QPolygonF([QPointF(place.left(), place.bottom()), *line, place.bottomRight()]))
            painter.setPen(QColor(colours.accent))
            painter.drawPolyline(QPolygonF(line))
        painter.end()


class Choice(QWidget):
    """One choice of the row: its place, its name, buttons, its knobs."""

    moved = Signal(int)
    removed = Signal()

    def __init__(self, spec: BlockSpec, form: KnobForm, title: str) -> None:
        super().__init__()
        self.form, self._spec = form, spec
        self.name = text_label("", bold=True)
        self.curve = Curriculum() if spec.key == MIX else None
        self.earlier, self.later, self.remove = QToolButton(), QToolButton(), QToolButton()
        line = QHBoxLayout()
        line.setSpacing(2)
        line.addWidget(self.name, 1)
        for button, mark, words in (
            (self.earlier, "↑", tr("Put {name} earlier", name=title)), (self.later, "↓", tr("Put {name} later", name=title)),
            (self.remove, "✕", tr("Take {name} out", name=title)),
        ):  # fmt: skip
            button.setText(mark)
            button.setToolTip(plain_tip(words))
            button.setAccessibleName(words)
            button.setFixedSize(24, 22)
            button.setStyleSheet("QToolButton { padding: 0; }")
            line.addWidget(button)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 6)
        page.setSpacing(4)
        page.addLayout(line)
        page.addWidget(form)
        if self.curve is not None:
            page.addWidget(self.curve)
        self.earlier.clicked.connect(lambda: self.moved.emit(-1))
        self.later.clicked.connect(lambda: self.moved.emit(1))
        self.remove.clicked.connect(self.removed)

    def show_choice(self, document: Document, node: str, place: int, count: int) -> None:
        """Its values, and where it stands."""
        here = document.nodes[node]
        self.name.setText(f"{place + 1}  {here.title or tr(self._spec.title)}")
        self.earlier.setEnabled(place > 0)
        self.later.setEnabled(place + 1 < count)
        self.form.set_owner(node)
        self.form.show_knobs(self._spec.knobs, here.knobs)
        if self.curve is not None:
            knobs = {**self._spec.defaults(), **here.knobs}
            self.curve.set_shares(tuple(
                hard_share(
                    n / (POINTS - 1), schedule=str(knobs["schedule"]), hard=float(knobs["hard"]),
                    middle=float(knobs["middle"]), last=float(knobs["last"]),
                )
                for n in range(POINTS)
            ))  # fmt: skip


class NegativesPage(NodePage):
    """A node's page where its knobs stand among those of the other choices of its row."""

    negativesRequested = Signal(str, dict)  # a function of core.graph.negatives_row and its keywords
    otherKnobChanged = Signal(str, str, object)  # node, knob, value

    def __init__(self, spec: BlockSpec, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._row = Row("", ())
        self.choices: dict[str, Choice] = {}
        self.add_button, self._list = QPushButton(tr("Add a choice")), QVBoxLayout()
        super().__init__(spec)

    def _build(self) -> None:
        super()._build()
        self.form.hide()  # its knobs stand in the row below
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        self.heading = heading(tr("Negatives, in order"))
        column.addWidget(self.heading)
        self._list.setSpacing(4)
        column.addLayout(self._list)
        column.addWidget(self.add_button)
        self.add_button.setMenu(self._menu())
        self.lines.insertWidget(self.lines.indexOf(self._training_line), box)

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        for key, spec in self._vocabulary.items():
            if key.startswith(FAMILY):
                menu.addAction(tr(spec.title), lambda key=key: self._add(key)).setToolTip(plain_tip(tr(spec.summary)))
        menu.setToolTipsVisible(True)
        return menu

    def show_node(
        self,
        document: Document,
        node: str,
        facts: NodeFacts | None,
        of_copy: Mapping[str, Value] = MappingProxyType({}),
    ) -> None:
        super().show_node(document, node, facts, of_copy)
        row = row_of(document, node)
        blocks = [(key, document.nodes[key].block) for key in row.nodes]
        if blocks != [(key, choice.property("block")) for key, choice in self.choices.items()]:
            self._rebuild(document, row)
        self._row = row
        self.add_button.setEnabled(bool(row.objective))
        self.add_button.setToolTip("" if row.objective else tr("Join this choice to an objective first."))
        for place, (key, choice) in enumerate(self.choices.items()):
            choice.show_choice(document, key, place, len(row.nodes))

    def _rebuild(self, document: Document, row: Row) -> None:
        for choice in self.choices.values():
            self._list.removeWidget(choice)
            choice.hide()
            choice.deleteLater()
        self.choices = {}
        for key in row.nodes:
            spec = self._vocabulary.spec(document.nodes[key].block)
            form = KnobForm()
            form.sweepRequested.connect(self.sweepRequested)
            choice = self.choices[key] = Choice(spec, form, document.nodes[key].title or tr(spec.title))
            choice.setProperty("block", spec.key)
            form.changed.connect(lambda name, value, key=key: self.otherKnobChanged.emit(key, name, value))
            choice.moved.connect(lambda by, key=key: self.negativesRequested.emit("move", {"node": key, "by": by}))
            choice.removed.connect(lambda key=key: self.negativesRequested.emit("remove", {"node": key}))
            self._list.addWidget(choice)

    def _add(self, block: str) -> None:
        self.negativesRequested.emit("insert", {"objective": self._row.objective, "block": block})
