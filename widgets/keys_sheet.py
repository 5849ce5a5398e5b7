"""All keys on one sheet: searched, changed, given back. What has the keys already is said before it loses them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from widgets.look.keys import Binding, taken_by, why_not
from widgets.look.language import tr

KEY = Qt.ItemDataRole.UserRole
BETWEEN = "  "


class KeysSheet(QDialog):
    """Shows bindings and what a mouse does; announces what a person wants."""

    keysChosen = Signal(str, object, str)  # command, its keys, the command that loses one of them (or empty)
    resetRequested = Signal(str)  # command
    resetAllRequested = Signal()

    def __init__(
        self, bindings: Sequence[Binding], fixed: Sequence[tuple[str, str]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Keyboard shortcuts"))
        self.resize(760, 600)
        self._bindings, self._fixed = tuple(bindings), tuple(fixed)
        self.field, self.list = QLineEdit(), QTreeWidget()
        self.field.setPlaceholderText(tr("Search commands and keys…"))
        self.field.setAccessibleName(tr("Search commands and keys"))
        self.list.setAccessibleName(tr("Keyboard shortcuts"))
        self.list.setHeaderLabels([tr("Command"), tr("Keys"), tr("Where")])
        self.list.setRootIsDecorated(False)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.wanted, self.sentence = QKeySequenceEdit(), QLabel()
        self.wanted.setMaximumSequenceLength(1)
        self.wanted.setClearButtonEnabled(True)
        self.wanted.setAccessibleName(tr("New keys"))
        self.sentence.setWordWrap(True)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.set_button, self.add_button = QPushButton(tr("Use these keys")), QPushButton(tr("Use these too"))
        self.none_button, self.reset_button = QPushButton(tr("No keys")), QPushButton(tr("Reset"))
        self.all_button = QPushButton(tr("Reset all"))
        self._lay_out()
        self.field.textChanged.connect(self._fill)
        self.list.currentItemChanged.connect(lambda *_: self._say())
        self.wanted.keySequenceChanged.connect(lambda _: self._say())
        self.set_button.clicked.connect(lambda: self._choose(also=False))
        self.add_button.clicked.connect(lambda: self._choose(also=True))
        self.none_button.clicked.connect(self._clear)
        self.reset_button.clicked.connect(
            lambda: self.resetRequested.emit(self.current().key) if self.current() else None
        )
        self.all_button.clicked.connect(self.resetAllRequested)
        self._fill("")
        self.field.setFocus()

    def _lay_out(self) -> None:
        row, buttons = QHBoxLayout(), QHBoxLayout()
        label = QLabel(tr("New keys"))
        label.setBuddy(self.wanted)
        for widget in (label, self.wanted, self.set_button, self.add_button):
            row.addWidget(widget)
        for button in (self.none_button, self.reset_button, self.all_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        for button in (self.set_button, self.add_button, self.none_button, self.reset_button, self.all_button):
            button.setAutoDefault(False)
        column = QVBoxLayout(self)
        column.addWidget(self.field)
        column.addWidget(self.list, 1)
        column.addLayout(row)
        column.addWidget(self.sentence)
        column.addLayout(buttons)

    def set_bindings(self, bindings: Sequence[Binding]) -> None:
        """They are others now; the same command stays current."""
        current = self.current()
        self._bindings = tuple(bindings)
        self.wanted.clear()
        self._fill(self.field.text(), current.key if current else "")

    def current(self) -> Binding | None:
        """The command whose line is current; None on a line that cannot be changed."""
        item = self.list.currentItem()
        key = item.data(0, KEY) if item is not None else None
        return next((one for one in self._bindings if one.key == key), None)

    def shown(self) -> list[str]:
        """What the lines say, for whoever looks."""
        items = [self.list.topLevelItem(number) for number in range(self.list.topLevelItemCount())]
        return [f"{item.text(0)}: {item.text(1)}" for item in items if item is not None]

    def _fill(self, text: str, current: str = "") -> None:
        words = text.casefold().split()
        self.list.clear()
        places = {"window": tr("everywhere"), "canvas": tr("canvas and outline")}
        lines = [
            (one.text, BETWEEN.join(map(native, one.keys)), places[one.where], one.key, one.is_changed)
            for one in self._bindings
        ]
        lines += [(what, keys, tr("fixed"), "", False) for keys, what in self._fixed]
        for what, keys, where, key, changed in lines:
            if all(word in f"{what} {keys} {where}".casefold() for word in words):
                item = QTreeWidgetItem(self.list, [what, keys, where])
                item.setData(0, KEY, key)
                if changed:
                    bold = QFont(self.list.font())
                    bold.setBold(True)
                    item.setFont(1, bold)
                if key == current:
                    self.list.setCurrentItem(item)
        if self.list.currentItem() is None and self.list.topLevelItemCount():
            self.list.setCurrentItem(self.list.topLevelItem(0))
        self.list.resizeColumnToContents(1)
        self._say()

    def _keys(self) -> str:
        return self.wanted.keySequence().toString(QKeySequence.SequenceFormat.PortableText)

    def _loser(self) -> Binding | None:
        current, keys = self.current(), self._keys()
        return taken_by(keys, current.where, self._bindings, current.key) if current is not None and keys else None

    def _say(self) -> None:
        """What would happen, or why nothing can."""
        current, keys, loser = self.current(), self._keys(), self._loser()
        reason = why_not(keys, current.where) if current is not None and keys else ""
        words = ""
        if current is None:
            words = tr("The keys of this line cannot be changed.")
        elif reason == "fixed":
            words = tr("{keys} is needed to move about and cannot be given to a command.", keys=native(keys))
        elif reason == "letter":
            words = tr("{keys} alone is typed into fields; add Ctrl or Alt.", keys=native(keys))
        elif loser is not None:
            words = tr("{keys} belongs to “{name}”, which then loses it.", keys=native(keys), name=loser.text)
        self.sentence.setText(words)
        self.sentence.setAccessibleName(words)
        possible = current is not None and bool(keys) and not reason
        self.set_button.setEnabled(possible)
        self.add_button.setEnabled(possible and current is not None and bool(current.keys) and keys not in current.keys)
        self.none_button.setEnabled(current is not None and bool(current.keys))
        self.reset_button.setEnabled(current is not None and current.is_changed)
        self.all_button.setEnabled(any(one.is_changed for one in self._bindings))

    def _choose(self, *, also: bool) -> None:
        current, keys, loser = self.current(), self._keys(), self._loser()
        if current is not None and keys:
            chosen = (*current.keys, keys) if also else (keys,)
            self.keysChosen.emit(current.key, chosen, loser.key if loser is not None else "")

    def _clear(self) -> None:
        current = self.current()
        if current is not None:
            self.keysChosen.emit(current.key, (), "")


def native(keys: str) -> str:
    """Keys as this system writes them."""
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
