"""The dataset: how many samples are in which split, what they look like, and whether the splits are clean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from core.graph.dataset import DatasetFacts, Specimen
from core.graph.reel import ReelFrames, ReelSound
from core.problems import Problem
from widgets.clips import ClipShelf, LengthBars, clips_in, words_of
from widgets.film_shelf import FilmShelf
from widgets.look.film_player import Answer
from widgets.look.icons import icon
from widgets.look.language import in_a_row, said, tr
from widgets.look.strip import THUMB as THUMB
from widgets.look.strip import Strip as Strip
from widgets.look.strip import enlarged as enlarged
from widgets.look.theme import look, theme

MOST_TOLD = 20  # problems that are listed
SPLITS = {"train": "training", "validation": "validation", "test": "test", "style": "unseen style"}


class DataPanel(QScrollArea):
    """A page that shows one dataset, of several the chosen one; asks for a look, never takes one."""

    checkRequested = Signal()
    folderDropped = Signal(str)
    cancelRequested = Signal()
    fixRequested = Signal(object)  # Problem
    reelWanted = Signal(object)  # ReelFrames or ReelSound: what the player needs

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAcceptDrops(True)
        self._body = QWidget()
        self._body.setObjectName("data")
        self._column = QVBoxLayout(self._body)
        self._column.setContentsMargins(40, 28, 40, 28)
        self._column.setSpacing(12)
        self._heading, self._again, self._busy = QLabel(tr("Data")), QPushButton(tr("Look again")), QProgressBar()
        self._heading.setTextFormat(Qt.TextFormat.PlainText)
        self._heading.setStyleSheet("font-size: 22px; font-weight: 600;")
        self._busy.setRange(0, 0)
        self._busy.setTextVisible(False)
        self._busy.setFixedHeight(4)
        self._again.clicked.connect(self.checkRequested)
        row = QHBoxLayout()
        self._which = QComboBox()
        self._which.setAccessibleName(tr("Source"))
        self._which.hide()
        self._which.activated.connect(self.checkRequested)
        row.addWidget(self._heading, 1)
        row.addWidget(self._which)
        row.addWidget(self._again)
        self._column.addLayout(row)
        self._column.addWidget(self._busy)
        self._rest = QWidget()
        self._column.addWidget(self._rest, 1)
        self.setWidget(self._body)
        self._shown: DatasetFacts | None = None
        self._is_reading = False  # every sample is being read, and what is known is shown
        self._films: FilmShelf | None = None
        self._reading: QLabel | None = None  # how far every sample has been read
        look.changed.connect(self.restyle)
        self.restyle()
        self._busy.hide()

    def set_sources(self, titles: Mapping[str, str]) -> None:
        """The sources that can be looked at, by node; with one there is nothing to choose."""
        before = self.source
        self._which.clear()
        for key, title in titles.items():
            self._which.addItem(title, key)
        self._which.setCurrentIndex(max(0, self._which.findData(before)))
        self._which.setVisible(len(titles) > 1)

    def choose_source(self, key: str) -> None:
        """Another of the sources, where it is there."""
        if (place := self._which.findData(key)) >= 0:
            self._which.setCurrentIndex(place)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _folder_in(event):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if _folder_in(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        if folder := _folder_in(event):
            event.acceptProposedAction()
            self.folderDropped.emit(folder)

    @property
    def source(self) -> str:
        """The node of the chosen source; empty where there is none."""
        return self._which.currentData() or ""

    @property
    def is_busy(self) -> bool:
        """Whether a look is being taken."""
        return not self._busy.isHidden()

    def show_busy(self, title: str = "") -> None:
        """It is being looked at; what was shown of another source is gone at once."""
        heading = title or tr("Data")
        if heading != self._heading.text() or self._shown is None:
            self._heading.setText(heading)
            self._shown = None
            self._films = None
            column = self._fresh()
            column.addWidget(_line(tr("Reading the data…"), theme().muted))
            column.addStretch(1)
        self._busy.show()
        self._again.setEnabled(False)

    def show_progress(self, done: int, total: int) -> None:
        """How many samples have been read, while the rest is already shown."""
        self._busy.setRange(0, max(total, 1))
        self._busy.setValue(done)
        if self._reading is not None:
            self._reading.setText(tr("Reading and comparing every sample: {done} of {total}", done=f"{done:,}", total=f"{total:,}"))  # fmt: skip

    def show_first(self, facts: DatasetFacts) -> None:
        """What is known before every sample is read; that goes on."""
        self._is_reading = True
        self._draw(facts)
        self._busy.show()
        self._again.setEnabled(False)

    def show_refusal(self, sentence: str) -> None:
        """Why it cannot be shown."""
        self._shown, self._is_reading = None, False
        self._films = None
        column = self._fresh()
        column.addWidget(_line(said(sentence), theme().bad))
        column.addStretch(1)

    def show_absent(self) -> None:
        """That there is nothing to look at yet, and how there will be."""
        self._shown, self._is_reading = None, False
        self._heading.setText(tr("Data"))
        self._films = None
        column = self._fresh()
        words = tr("There is no data source yet. Drop a folder of images, audio or videos here, or add a source on the page Design.")  # fmt: skip
        column.addWidget(_line(words, theme().muted))
        column.addStretch(1)

    def show_dataset(self, facts: DatasetFacts) -> None:
        """Counts, checks, samples."""
        self._is_reading = False
        self._draw(facts)

    def _draw(self, facts: DatasetFacts) -> None:
        self._shown = facts
        self._heading.setText(tr(facts.title))
        plays_on = self._films is not None and self._films.player.is_playing
        if self._films is not None:
            self._films.setParent(self)  # what one looks at stays, where it is among these videos too
        column = self._fresh()
        counts = QHBoxLayout()
        counts.setSpacing(12)
        for split, count in facts.counts.items():
            counts.addWidget(_tile(f"{count:,}", tr(SPLITS.get(split, split))))
        counts.addStretch(1)
        column.addLayout(counts)
        for ok, sentence in _verdicts(facts):
            column.addWidget(_check(ok, sentence))
        if facts.mend is not None:
            column.addWidget(self._mending(facts.mend))
        if not facts.is_checked:
            column.addWidget(self._unread())
        for problem in facts.problems[:MOST_TOLD]:
            column.addWidget(_line(in_a_row(said(problem.what), said(problem.hint)), theme().warning))
        if len(facts.problems) > MOST_TOLD:
            column.addWidget(
                _line(tr("and {n} more remarks", n=f"{len(facts.problems) - MOST_TOLD:,}"), theme().warning)
            )
        for name, fact in facts.facts.items():
            column.addWidget(_line(tr("{name}: {text}", name=tr(name), text=tr(str(fact))), theme().muted))
        if facts.sounds is not None:
            column.addWidget(_heading(tr("Lengths")))
            column.addWidget(LengthBars(facts.sounds))
        shelf = self._shelf(facts)
        if shelf is not None:
            column.addWidget(shelf)
        for title, samples in _shown(facts):
            strip = Strip(samples) if shelf is None else shelf.strip(samples)
            column.addWidget(_heading(title))
            column.addWidget(strip)
        column.addStretch(1)
        if plays_on and self._films is not None:
            self._films.player.play()

    def _shelf(self, facts: DatasetFacts) -> ClipShelf | FilmShelf | None:
        """Where a clip or a video is played; None where samples are images alone."""
        reels = [one.reel for one in facts.specimens if one.reel is not None]
        if self._films is not None and self._films.player.reel in reels:
            return self._films
        if self._films is not None:
            self._films.deleteLater()
            self._films = None
        if any(map(clips_in, facts.specimens)):
            return ClipShelf()
        if reels:
            self._films = FilmShelf()
            self._films.player.wanted.connect(self.reelWanted)
        return self._films

    def take_reel(self, wish: ReelFrames | ReelSound, answer: Answer, refusal: str = "") -> None:
        """The answer to ``reelWanted``."""
        if self._films is not None:
            self._films.player.take(wish, answer, refusal)

    def _mending(self, problem: Problem) -> QWidget:
        """What to do about splits that leak, to be clicked."""
        row, line, button = QWidget(), QHBoxLayout(), QPushButton(said(problem.fix.text) if problem.fix else "")
        row.setLayout(line)
        line.setContentsMargins(26, 0, 0, 0)
        button.clicked.connect(lambda: self.fixRequested.emit(problem))
        line.addWidget(button)
        line.addWidget(_line(said(problem.hint), theme().muted), 1)
        return row

    def _unread(self) -> QWidget:
        """That not every sample was read, with a way to stop or to read on."""
        row, line = QWidget(), QHBoxLayout()
        row.setLayout(line)
        line.setContentsMargins(0, 0, 0, 0)
        words = tr("Reading and comparing every sample…") if self._is_reading else tr("Not every sample was read, so equal images in two splits are not known. Look again to read them.")  # fmt: skip
        self._reading = _line(words, theme().muted)
        line.addWidget(self._reading, 1)
        if self._is_reading:
            stop = QPushButton(tr("Stop"))
            stop.clicked.connect(self.cancelRequested)
            line.addWidget(stop)
        return row

    def _fresh(self) -> QVBoxLayout:
        self._busy.hide()
        self._busy.setRange(0, 0)
        self._reading = None
        self._again.setEnabled(True)
        fresh = QWidget()
        self._column.replaceWidget(self._rest, fresh)
        self._rest.hide()
        self._rest.deleteLater()
        self._rest = fresh
        column = QVBoxLayout(fresh)
        column.setContentsMargins(0, 6, 0, 0)
        column.setSpacing(10)
        return column

    def restyle(self) -> None:
        """Colours of the theme."""
        c = theme()
        self.setStyleSheet(
            f"QWidget#data {{ background: {c.window}; }} QFrame#tile {{ background: {c.panel}; border: 1px solid {c.line};"
            f" border-radius: 8px; }} QListWidget {{ background: {c.panel}; border: 1px solid {c.line}; border-radius: 8px; }}"
        )
        if self._shown is not None:
            (self.show_first if self._is_reading else self.show_dataset)(self._shown)


def _folder_in(event: QDropEvent) -> str:
    """The folder that is dragged; empty where it is none."""
    paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
    return next((path for path in paths if Path(path).is_dir()), "")


def _shown(facts: DatasetFacts) -> list[tuple[str, Sequence[Specimen]]]:
    """Headings with what stands below: samples of every split, then what two splits share."""
    found: list[tuple[str, Sequence[Specimen]]] = [
        (tr(SPLITS.get(split, split)), [one for one in facts.specimens if one.split == split]) for split in facts.counts
    ]
    same, nearly = _headings(facts)
    for title, pairs in ((same, facts.exact_duplicates), (nearly, facts.near_duplicates)):
        found.append((title, [side for pair in pairs for side in pair]))
    return [(title, samples) for title, samples in found if samples]


def _headings(facts: DatasetFacts) -> tuple[str, str]:
    if facts.sounds is not None:
        return tr("Same clip in two splits"), tr("Nearly the same clip in two splits")
    if facts.of_frames:
        return tr("Same middle frame in two splits"), tr("Nearly the same middle frame in two splits")
    return tr("Same image in two splits"), tr("Nearly the same image in two splits")


def _verdicts(facts: DatasetFacts) -> list[tuple[bool, str]]:
    if not facts.is_checked:
        return _verdicts_of_all(facts)[:2]
    if facts.sounds is not None:
        return [*_verdicts_of_all(facts)[:2], *words_of(facts, facts.sounds)]
    if facts.of_frames:
        return [*_verdicts_of_all(facts)[:2], *_verdicts_of_frames(facts)]
    return _verdicts_of_all(facts)


def _verdicts_of_all(facts: DatasetFacts) -> list[tuple[bool, str]]:
    groups, exact, near = len(facts.shared_groups), len(facts.exact_duplicates), len(facts.near_duplicates)
    return [
        (not facts.left_out, tr("Every row and file is used.") if not facts.left_out else tr("{n} rows or files are left out.", n=f"{facts.left_out:,}")),
        (not groups, tr("No group is in two splits.") if not groups else tr("{n} groups are in two splits: {names}.", n=groups, names=", ".join(facts.shared_groups[:5]))),
        (not exact, tr("No image is in two splits.") if not exact else tr("{n} images are in two splits.", n=exact)),
        (not near, tr("No two splits share nearly equal images.") if not near else tr("{n} pairs of nearly equal images lie in different splits.", n=near)),
    ]  # fmt: skip


def _verdicts_of_frames(facts: DatasetFacts) -> list[tuple[bool, str]]:
    exact, near = len(facts.exact_duplicates), len(facts.near_duplicates)
    return [
        (not exact, tr("No two splits share videos with the same middle frame.") if not exact else tr("{n} pairs of videos with the same middle frame lie in different splits.", n=exact)),
        (not near, tr("No two splits share videos with nearly equal middle frames.") if not near else tr("{n} pairs of videos with nearly equal middle frames lie in different splits.", n=near)),
    ]  # fmt: skip


def _tile(number: str, name: str) -> QFrame:
    tile = QFrame()
    tile.setObjectName("tile")
    tile.setMinimumWidth(130)
    column = QVBoxLayout(tile)
    column.setContentsMargins(16, 10, 16, 10)
    large, small = QLabel(number), QLabel(name)
    large.setStyleSheet("font-size: 22px; font-weight: 600; background: transparent;")
    small.setStyleSheet(f"color: {theme().muted}; background: transparent;")
    column.addWidget(large)
    column.addWidget(small)
    return tile


def _check(ok: bool, sentence: str) -> QWidget:
    row = QWidget()
    line = QHBoxLayout(row)
    line.setContentsMargins(0, 0, 0, 0)
    mark = QLabel()
    colour = theme().good if ok else theme().warning
    mark.setPixmap(icon("good" if ok else "warning", colour).pixmap(18, 18))
    line.addWidget(mark)
    line.addWidget(_line(sentence), 1)
    return row


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setStyleSheet("font-weight: 600; padding-top: 8px;")
    return label


def _line(text: str, colour: str = "") -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    if colour:
        label.setStyleSheet(f"color: {colour};")
    return label
