"""What is inspected: a run and a checkpoint, another beside it, and a sample: of a split, or a person's own image and words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from core.store.answers import CheckpointFacts
from widgets.inspection.values import Listed, SampleWish
from widgets.look.files import open_file
from widgets.look.language import tr
from widgets.look.matching import match
from widgets.look.plain import plain_tip

IMAGES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".gif")
SHOWN = 500  # rows of the list at most


class RunChoice(QWidget):
    """A run and one of its checkpoints."""

    changed = Signal()

    def __init__(self, title: str, *, optional: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._optional = optional
        self._runs: dict[str, tuple[CheckpointFacts, ...]] = {}
        self.runs, self.checkpoints = QComboBox(), QComboBox()
        for box, name in ((self.runs, tr("Run")), (self.checkpoints, tr("Checkpoint"))):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(8)
            box.setAccessibleName(f"{title}: {name}")
        label = QLabel(title)
        label.setProperty("muted", True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for widget in (label, self.runs, self.checkpoints):
            column.addWidget(widget)
        self.runs.currentIndexChanged.connect(self._show_checkpoints)
        self.checkpoints.currentIndexChanged.connect(self.changed)

    def set_runs(self, runs: Sequence[tuple[str, str, tuple[CheckpointFacts, ...]]]) -> None:
        """uid, name, kept checkpoints; keeps the choice where it is still there."""
        found = {uid: checkpoints for uid, _, checkpoints in runs}
        if found == self._runs and self.runs.count():
            return
        before = self.choice()
        self._runs = found
        self.runs.blockSignals(True)
        self.runs.clear()
        if self._optional:
            self.runs.addItem(tr("Nothing beside"), "")
        for uid, name, _ in runs:
            self.runs.addItem(name, uid)
        wanted = before[0] or next((uid for uid, _, kept in runs if kept and not self._optional), "")
        self.runs.setCurrentIndex(max(self.runs.findData(wanted), 0) if self.runs.count() else -1)
        self.runs.blockSignals(False)
        self._show_checkpoints(before[1])

    def choice(self) -> tuple[str, int]:
        """Uid and step; empty and -1 where there is none."""
        step = self.checkpoints.currentData()
        return self.runs.currentData() or "", step if isinstance(step, int) else -1

    def choose(self, uid: str, step: int | None = None) -> None:
        """Pick a run and a step."""
        if (index := self.runs.findData(uid)) >= 0:
            self.runs.setCurrentIndex(index)
        if step is not None and (index := self.checkpoints.findData(step)) >= 0:
            self.checkpoints.setCurrentIndex(index)

    def _show_checkpoints(self, wanted: int = -1) -> None:
        kept = self._runs.get(self.runs.currentData() or "", ())
        self.checkpoints.blockSignals(True)
        self.checkpoints.clear()
        for facts in reversed(kept):
            name = tr("step {step}", step=f"{facts.step:,}")
            self.checkpoints.addItem(f"{name} · {tr('best')}" if facts.best else name, facts.step)
        place = self.checkpoints.findData(wanted)
        self.checkpoints.setCurrentIndex(max(place, 0) if kept else -1)
        self.checkpoints.setVisible(bool(kept))
        self.checkpoints.blockSignals(False)
        self.changed.emit()


class SampleChooser(QWidget):
    """A list with a search, and a person's own."""

    chosen = Signal(object)  # SampleWish
    splitWanted = Signal(str)
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._listed: Listed | None = None
        self._path = ""
        self.splits, self.search, self.list = QComboBox(), QLineEdit(), QListWidget()
        self.own, self.forget, self.words, self.count = QPushButton(), QPushButton(tr("Remove")), QLineEdit(), QLabel()
        self.splits.setAccessibleName(tr("Split"))
        self.search.setPlaceholderText(tr("Search samples"))
        self.search.setAccessibleName(tr("Search samples"))
        self.search.setClearButtonEnabled(True)
        self.list.setAccessibleName(tr("Samples"))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.words.setPlaceholderText(tr("Words to look for"))
        self.words.setAccessibleName(tr("Words to look for"))
        self.count.setProperty("muted", True)
        self.count.setWordWrap(True)
        self._lay_out()
        self.splits.currentTextChanged.connect(self.splitWanted)
        self.search.textChanged.connect(self._fill)
        self.list.currentItemChanged.connect(self._take)
        self.own.clicked.connect(self._open)
        self.forget.clicked.connect(self._remove)
        self.words.returnPressed.connect(self._own)
        self._name_own()

    def show_listed(self, listed: Listed | None) -> None:
        """What there is to choose from."""
        before = self._index()
        self._listed = listed
        self.splits.blockSignals(True)
        self.splits.clear()
        self.splits.addItems(listed.splits if listed else ())
        self.splits.setCurrentText(listed.split if listed else "")
        self.splits.blockSignals(False)
        self.splits.setVisible(bool(listed) and len(listed.splits) > 1 if listed else False)
        brings = listed.brings if listed else frozenset()
        self.own.setVisible("picture" in brings)
        self.words.setVisible("sentence" in brings)
        self._fill()
        self.pick(before if before is not None else None)

    def pick(self, index: int | None) -> None:
        """Choose a sample by its number; the first where it is not there."""
        rows = range(self.list.count())
        row = next((row for row in rows if self.list.item(row).data(Qt.ItemDataRole.UserRole) == index), 0)
        if self.list.count():
            self.list.setCurrentRow(row)

    def wish(self) -> SampleWish | None:
        """What is chosen."""
        words = self.words.text().strip()
        if self._path or (words and self._index() is None):
            return SampleWish(split=self.splits.currentText(), sentence=words, picture=self._path)
        index = self._index()
        if index is None:
            return None
        return SampleWish(split=self._listed.split if self._listed else "", index=index, sentence=words)

    def take_picture(self, path: str) -> None:
        """A person's own image."""
        if not path.lower().endswith(IMAGES):
            self.refused.emit(tr("{name} is not an image that can be read here.", name=Path(path).name))
            return
        self._path = path
        self._name_own()
        self._own()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        label = QLabel(tr("Sample"))
        label.setProperty("muted", True)
        own = QHBoxLayout()
        own.addWidget(self.own, 1)
        own.addWidget(self.forget)
        for widget in (label, self.splits, self.search):
            column.addWidget(widget)
        column.addWidget(self.list, 1)
        column.addWidget(self.count)
        column.addLayout(own)
        column.addWidget(self.words)

    def _index(self) -> int | None:
        item = self.list.currentItem()
        data = item.data(Qt.ItemDataRole.UserRole) if item is not None else None
        return data if isinstance(data, int) else None

    def _fill(self) -> None:
        query, samples = self.search.text(), self._listed.samples if self._listed else ()
        found = [(index, label) for index, label in samples if match(query, label, str(index)) > 0]
        self.list.blockSignals(True)
        self.list.clear()
        for index, label in found[:SHOWN]:
            item = QListWidgetItem(label or f"#{index}")
            item.setToolTip(plain_tip(f"{label} · #{index}"))
            item.setData(Qt.ItemDataRole.UserRole, index)
            self.list.addItem(item)
        self.list.blockSignals(False)
        total = self._listed.total if self._listed else 0
        known = len(samples)
        words = tr("{n} of {total} samples", n=f"{len(found):,}", total=f"{total:,}") if total else ""
        if known < total:
            words += " · " + tr("the first {n} are searched", n=f"{known:,}")
        self.count.setText(words)

    def _take(self) -> None:
        if self._index() is not None:
            self._path = ""
            self.words.clear()
            self._name_own()
            self._own()

    def _open(self) -> None:
        path = open_file(
            self, tr("Open an image"), f"{tr('Images')} ({' '.join('*' + one for one in IMAGES)})", what="picture"
        )
        if path:
            self.take_picture(path)

    def _remove(self) -> None:
        self._path = ""
        self._name_own()
        self._own()

    def _own(self) -> None:
        wish = self.wish()
        if wish is not None:
            self.chosen.emit(wish)

    def _name_own(self) -> None:
        self.own.setText(Path(self._path).name if self._path else tr("Own image…"))
        self.own.setToolTip(tr("Open an image, or drop one anywhere on this page"))
        self.forget.setVisible(bool(self._path))
