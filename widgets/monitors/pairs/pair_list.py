"""Wrong partners that look alike, with both pictures and captions; a person judges them by a key or a button.

1 false negative, 2 duplicate, 3 truly hard, 0 takes a judgement back, Ctrl+Z the last one. The list shows what it is
told and announces judgements; it keeps nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListView,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from core.graph.dataset import Specimen
from core.store.answers import JUDGEMENTS
from widgets.look.language import tr
from widgets.look.pictures import draw_picture, fitted, image_of
from widgets.look.plain import plain_tip
from widgets.look.theme import theme
from widgets.monitors.pairs.similarity_paint import origin_words

Index = QModelIndex | QPersistentModelIndex
Pair = tuple[int, int]
SIDE, GAP = 44, 6
KEYS = {Qt.Key.Key_1: JUDGEMENTS[0], Qt.Key.Key_2: JUDGEMENTS[1], Qt.Key.Key_3: JUDGEMENTS[2], Qt.Key.Key_0: ""}
MOST_UNDO = 200


@dataclass(frozen=True, kw_only=True)
class PairRow:
    """One pair of samples, told by their numbers in the source."""

    left: int
    right: int
    cosine: float
    origin: str

    @property
    def key(self) -> Pair:
        """The pair whichever way round."""
        return (min(self.left, self.right), max(self.left, self.right))


def mark_words(mark: str) -> str:
    """A judgement as people read it."""
    return {"false negative": tr("false negative"), "duplicate": tr("duplicate"), "truly hard": tr("truly hard")}.get(
        mark, mark
    )


def mark_colour(mark: str) -> str:
    """Its colour."""
    colours = theme()
    return {"false negative": colours.warning, "duplicate": colours.bad, "truly hard": colours.accent}.get(
        mark, colours.muted
    )


class PairModel(QAbstractListModel):
    """Rows, what their samples look like, and what was said of them."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[PairRow, ...] = ()
        self.marks: dict[Pair, str] = {}
        self._specimens: dict[int, Specimen] = {}
        self._images: dict[int, QImage] = {}

    def set_rows(self, rows: Sequence[PairRow]) -> None:
        self.beginResetModel()
        self.rows = tuple(rows)
        self.endResetModel()

    def set_marks(self, marks: Mapping[Pair, str]) -> None:
        self.marks = dict(marks)
        self._repaint()

    def set_specimens(self, specimens: Mapping[int, Specimen]) -> None:
        self._specimens, self._images = dict(specimens), {}
        self._repaint()

    def lacking(self) -> tuple[int, ...]:
        """Numbers whose looks are not known."""
        wanted = dict.fromkeys(number for row in self.rows for number in (row.left, row.right))
        return tuple(number for number in wanted if number not in self._specimens)

    def sentence(self, number: int) -> str:
        """A sample's caption."""
        found = self._specimens.get(number)
        return found.sentence if found is not None else tr("sample {n}", n=number)

    def image(self, number: int) -> QImage | None:
        """A sample's picture."""
        found = self._specimens.get(number)
        if found is None or found.picture is None:
            return None
        if number not in self._images:
            self._images[number] = image_of(found.picture)
        return self._images[number]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            words = f"{self.sentence(row.left)} · {self.sentence(row.right)} · {row.cosine:.3f} · {origin_words(row.origin)}"
            mark = self.marks.get(row.key, "")
            return f"{words} · {mark_words(mark)}" if mark else words
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(f"{self.sentence(row.left)}\n{self.sentence(row.right)}")
        return None

    def _repaint(self) -> None:
        if self.rows:
            self.dataChanged.emit(self.index(0), self.index(len(self.rows) - 1))


class PairPainter(QStyledItemDelegate):
    """Two pictures, two captions, the cosine, where the pair came from and its judgement."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(240, SIDE + 2 * GAP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = index.model()
        if not isinstance(model, PairModel):
            return
        row, place, colours = model.rows[index.row()], QRectF(option.rect), theme()
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            wash = QColor(colours.accent)
            wash.setAlpha(50)
            painter.fillRect(place, wash)
        left = place.left() + GAP
        for number in (row.left, row.right):
            self._paint_picture(painter, QRectF(left, place.top() + GAP, SIDE, SIDE), model.image(number))
            left += SIDE + GAP
        mark = model.marks.get(row.key, "")
        if mark:
            painter.fillRect(QRectF(place.left(), place.top() + 2, 3, place.height() - 4), QColor(mark_colour(mark)))
        line = option.fontMetrics.height()
        words = QRectF(left, place.top() + GAP - 2, place.right() - left - GAP, line)
        for number in (row.left, row.right):
            painter.setPen(QColor(colours.text))
            cut = option.fontMetrics.elidedText(model.sentence(number), Qt.TextElideMode.ElideRight, int(words.width()))
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, cut)
            words.translate(0, line)
        self._paint_facts(painter, words, option, f"{row.cosine:.3f} · {origin_words(row.origin)}", mark)
        painter.restore()

    def _paint_facts(
        self, painter: QPainter, words: QRectF, option: QStyleOptionViewItem, facts: str, mark: str
    ) -> None:
        painter.setPen(QColor(theme().muted))
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, facts)
        if mark:
            wide = option.fontMetrics.horizontalAdvance(facts + "   ")
            painter.setPen(QColor(mark_colour(mark)))
            painter.drawText(words.adjusted(wide, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, mark_words(mark))

    def _paint_picture(self, painter: QPainter, place: QRectF, picture: QImage | None) -> None:
        if picture is None:
            painter.fillRect(place, QColor(theme().raised))
        else:
            draw_picture(painter, fitted(picture.width(), picture.height(), place), picture)


class PairView(QListView):
    """Keys judge what is selected."""

    judged = Signal(str)
    undone = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Undo):
            self.undone.emit()
        elif event.key() in KEYS and event.modifiers() in (
            Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier,
        ):  # fmt: skip
            self.judged.emit(KEYS[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)


class PairList(QWidget):
    """The list with its buttons."""

    judged = Signal(object, str)  # pairs, mark ("": taken back)
    useRequested = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model, self.view = PairModel(), PairView()
        self.view.setModel(self.model)
        self.view.setItemDelegate(PairPainter(self.view))
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setUniformItemSizes(True)
        self.view.setFrameShape(QFrame.Shape.NoFrame)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.view.setAccessibleName(tr("Pairs behind the bars"))
        self.view.setMinimumWidth(150)
        self.count, self.message = QLabel(), QLabel()
        for label in (self.count, self.message):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.message.setWordWrap(True)
        self.message.setVisible(False)
        self.buttons: dict[str, QPushButton] = {}
        self.undo, self.use, self.close_button = QPushButton(tr("Undo")), QPushButton(), QPushButton("✕")
        self._undo: list[dict[Pair, str]] = []
        self._lay_out()
        self.view.judged.connect(self.judge)
        self.view.undone.connect(self.undo_last)
        self.view.selectionModel().selectionChanged.connect(self._refresh)
        self.undo.clicked.connect(self.undo_last)
        self.use.clicked.connect(self.useRequested)
        self.close_button.clicked.connect(self.closed)
        self._refresh()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.count, 1)
        top.addWidget(self.undo)
        top.addWidget(self.close_button)
        self.close_button.setFixedWidth(26)
        self.close_button.setStyleSheet("padding: 2px 0;")
        self.close_button.setToolTip(tr("Close the list"))
        self.close_button.setAccessibleName(self.close_button.toolTip())
        row = QHBoxLayout()
        row.setSpacing(3)
        names = {JUDGEMENTS[0]: tr("False negative"), JUDGEMENTS[1]: tr("A duplicate"), JUDGEMENTS[2]: tr("Truly hard")}
        tips = {
            JUDGEMENTS[0]: tr("They belong together after all: left out as negatives. Key 1"),
            JUDGEMENTS[1]: tr("The same thing twice: left out as negatives. Key 2"),
            JUDGEMENTS[2]: tr("Alike, and yet different: counts more. Key 3"),
        }
        for mark, name in names.items():
            button = self.buttons[mark] = QPushButton(name)
            button.setToolTip(plain_tip(tips[mark]))
            button.setStyleSheet("padding: 2px 6px;")
            button.clicked.connect(lambda _=False, mark=mark: self.judge(mark))
            row.addWidget(button, 1)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(3)
        page.addLayout(top)
        page.addWidget(self.message)
        page.addWidget(self.view, 1)
        page.addLayout(row)
        page.addWidget(self.use)
        for button in (self.undo, self.use):
            button.setStyleSheet("padding: 2px 8px;")

    # What it is told

    def set_pairs(self, rows: Sequence[PairRow]) -> None:
        """Other rows; what was selected stays so where it is still there."""
        if tuple(rows) == self.model.rows:
            return
        chosen, current = set(self.selected()), self.view.currentIndex().row()
        self.model.set_rows(rows)
        model = self.view.selectionModel()
        for number, row in enumerate(self.model.rows):
            if row.key in chosen:
                model.select(self.model.index(number), model.SelectionFlag.Select)
        if not chosen and self.model.rows:
            first = min(max(current, 0), len(self.model.rows) - 1)
            model.setCurrentIndex(self.model.index(first), model.SelectionFlag.ClearAndSelect)
        self._refresh()

    def set_specimens(self, specimens: Mapping[int, Specimen]) -> None:
        """What samples look like, by number."""
        self.model.set_specimens(specimens)

    def set_marks(self, marks: Mapping[Pair, str]) -> None:
        """What was said of the dataset's pairs, now."""
        self.model.set_marks(marks)
        self._refresh()

    def set_message(self, sentence: str) -> None:
        """Why pictures are missing, or nothing."""
        self.message.setText(sentence)
        self.message.setVisible(bool(sentence))
        self.message.setStyleSheet(f"color: {theme().warning};")
        self._refresh()

    def forget(self) -> None:
        """Another run: nothing can be undone any more."""
        self._undo.clear()
        self.set_message("")

    # What a person does

    def selected(self) -> tuple[Pair, ...]:
        """The selected pairs."""
        rows = sorted(index.row() for index in self.view.selectionModel().selectedIndexes())
        return tuple(dict.fromkeys(self.model.rows[row].key for row in rows))

    def judge(self, mark: str) -> None:
        """Judge what is selected and go on to the next row."""
        pairs = self.selected()
        if not pairs or self.message.text():
            return
        self._undo = [*self._undo[1 - MOST_UNDO :], {pair: self.model.marks.get(pair, "") for pair in pairs}]
        last = max(index.row() for index in self.view.selectionModel().selectedIndexes())
        self.judged.emit(pairs, mark)
        if len(pairs) == 1 and mark and last + 1 < len(self.model.rows):
            chosen = self.view.selectionModel()  # not the view: it would look at the keys that are held
            chosen.setCurrentIndex(self.model.index(last + 1), chosen.SelectionFlag.ClearAndSelect)
        self._refresh()

    def undo_last(self) -> None:
        """As it was before the last judgement."""
        if not self._undo:
            return
        before = self._undo.pop()
        for mark in dict.fromkeys(before.values()):
            self.judged.emit(tuple(pair for pair, old in before.items() if old == mark), mark)
        self._refresh()

    def _refresh(self, *_: object) -> None:
        self.count.setText(tr("{n} pairs", n=len(self.model.rows)))
        possible = bool(self.selected()) and not self.message.text()
        for button in self.buttons.values():
            button.setEnabled(possible)
        self.undo.setEnabled(bool(self._undo))
        marks = len(self.model.marks)
        self.use.setText(tr("Use annotated pairs in the graph ({n})", n=marks))
        self.use.setEnabled(marks > 0)
        why = tr("Annotate a pair first: select it and press 1, 2 or 3.")
        self.use.setToolTip(plain_tip(tr("The next run carries this list; the edit can be undone.") if marks else why))
