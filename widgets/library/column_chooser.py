"""Which columns the table of runs has: any setting, any figure, found by a few letters; what is ticked stands first."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from core.exploring.fields import FACTS, Field, Known
from core.exploring.scores import may_choose
from widgets.library.columns import columns_for, fixed_columns, metric_column
from widgets.library.setting_names import Titles, long_title, short_title
from widgets.look.language import tr
from widgets.look.plain import plain_tip

KEY = Qt.ItemDataRole.UserRole + 1
MOST_SHOWN = 400


class ColumnChooser(QFrame):
    """A small window under the table's head."""

    chosen = Signal(object)  # keys in order, or None: the usual ones

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._known, self._titles = Known(), Titles()
        self._keys: list[str] = []
        self.search, self.list = QLineEdit(), QListWidget()
        self._which, self._step = QComboBox(), QSpinBox()
        self._up, self._down = QToolButton(), QToolButton()
        self._lay_out()
        self.search.textChanged.connect(self._fill)
        self._which.currentIndexChanged.connect(self._which_changed)
        self._step.valueChanged.connect(self._fill)
        self.list.itemChanged.connect(self._ticked)
        self.list.currentItemChanged.connect(lambda *_: self._enable())

    def open_at(self, place: QPoint, keys: Sequence[str], known: Known, titles: Titles) -> None:
        """Show it with the columns there are now."""
        self._keys, self._known, self._titles = list(keys), known, titles
        self.search.clear()
        self._fill()
        self.move(place)
        self.show()
        self.search.setFocus()

    def set_known(self, known: Known, titles: Titles) -> None:
        """More names were read."""
        if (known, titles) != (self._known, self._titles):
            self._known, self._titles = known, titles
            if self.isVisible():
                self._fill()

    def _lay_out(self) -> None:
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.resize(420, 460)
        self.search.setPlaceholderText(tr("Search settings and metrics"))
        self.search.setAccessibleName(self.search.placeholderText())
        self.search.setClearButtonEnabled(True)
        self.list.setAccessibleName(tr("Columns"))
        for words, which in (
            (tr("last and best"), ""),
            (tr("last value"), "last"),
            (tr("best"), "best"),
            (tr("at a step"), "at"),
        ):
            self._which.addItem(words, which)
        self._which.setAccessibleName(tr("Which value of a metric"))
        self._step.setRange(0, 1_000_000_000)
        self._step.setGroupSeparatorShown(True)
        self._step.setAccessibleName(tr("Step"))
        self._step.hide()
        for button, arrow, words, by in (
            (self._up, Qt.ArrowType.UpArrow, tr("Further left"), -1), (self._down, Qt.ArrowType.DownArrow, tr("Further right"), 1),
        ):  # fmt: skip
            button.setArrowType(arrow)
            button.setToolTip(plain_tip(words))
            button.setAccessibleName(words)
            button.clicked.connect(lambda _=False, by=by: self._move(by))
        usual = QPushButton(tr("Usual columns"))
        usual.clicked.connect(self._reset)
        figures = QHBoxLayout()
        figures.addWidget(QLabel(tr("Value of metrics")))
        figures.addWidget(self._which)
        figures.addWidget(self._step, 1)
        figures.addStretch(1)
        below = QHBoxLayout()
        for widget in (self._up, self._down):
            below.addWidget(widget)
        below.addStretch(1)
        below.addWidget(usual)
        column = QVBoxLayout(self)
        column.addWidget(self.search)
        column.addLayout(figures)
        column.addWidget(self.list, 1)
        column.addLayout(below)

    # What there is

    def _entries(self) -> list[tuple[str, str, str]]:
        """Key, title and tip of everything that may have a column."""
        fixed = [(column.key, column.title, column.tip or column.title) for column in fixed_columns()]
        facts = [self._entry(Field(kind="fact", name=name)) for name in ("steps", "place", "run", "parent")]
        names = self._known.every()
        scores = [name for name in names if name not in FACTS and (name in self._known.scores or "*" in name)]
        settings = [name for name in self._known.settings if name not in FACTS]
        return [
            *fixed, *facts, *(self._score(name) for name in scores),
            *(self._entry(Field(kind="setting", name=name)) for name in settings),
        ]  # fmt: skip

    def _entry(self, field: Field) -> tuple[str, str, str]:
        return field.key, short_title(field, self._titles), long_title(field, self._titles)

    def _score(self, name: str) -> tuple[str, str, str]:
        which = self._which.currentData()
        if not which:
            column = metric_column(name)
            return column.key, self._titled(column.title, name), column.tip
        if which == "best" and not may_choose(name):
            which = "last"
        return self._entry(Field(kind="score", name=name, which=which, step=self._step.value() if which == "at" else 0))

    def _titled(self, title: str, name: str) -> str:
        return f"{title} · {name}" if name.count("/") == 3 else title

    def _fill(self) -> None:
        words = self.search.text().casefold().split()
        known = {key: (title, tip) for key, title, tip in self._entries()}
        rest = [key for key in known if key not in self._keys and key != "name"]
        here = self.list.currentItem().data(KEY) if self.list.currentItem() else None
        self.list.blockSignals(True)
        self.list.clear()
        for key in [key for key in self._keys if key != "name"] + rest:
            title, tip = known.get(key) or self._of_key(key)
            if all(word in f"{title} {tip} {key}".casefold() for word in words) and self.list.count() < MOST_SHOWN:
                item = QListWidgetItem(title)
                item.setData(KEY, key)
                item.setToolTip(plain_tip(tip))
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                item.setCheckState(Qt.CheckState.Checked if key in self._keys else Qt.CheckState.Unchecked)
                self.list.addItem(item)
                if key == here:
                    self.list.setCurrentItem(item)
        self.list.blockSignals(False)
        self._enable()

    def _of_key(self, key: str) -> tuple[str, str]:
        """A ticked column with another value of a figure than the one that is chosen now."""
        found = columns_for((key,), lambda field, run: None, self._titles)
        return (found[0].title, found[0].tip or found[0].title) if found else (key, key)

    def _enable(self) -> None:
        key = self.list.currentItem().data(KEY) if self.list.currentItem() else ""
        can = key in self._keys
        self._up.setEnabled(can and self._keys.index(key) > 1)
        self._down.setEnabled(can and self._keys.index(key) < len(self._keys) - 1)

    # Choosing

    def _which_changed(self) -> None:
        self._step.setVisible(self._which.currentData() == "at")
        self._fill()

    def _ticked(self, item: QListWidgetItem) -> None:
        key = item.data(KEY)
        if item.checkState() == Qt.CheckState.Checked and key not in self._keys:
            self._keys.append(key)
        elif item.checkState() != Qt.CheckState.Checked and key in self._keys:
            self._keys.remove(key)
        self._enable()
        self.chosen.emit(tuple(self._keys))

    def _move(self, by: int) -> None:
        key = self.list.currentItem().data(KEY)
        place = self._keys.index(key)
        self._keys.insert(place + by, self._keys.pop(place))
        self._fill()
        self.chosen.emit(tuple(self._keys))

    def _reset(self) -> None:
        self.chosen.emit(None)
        self.close()
