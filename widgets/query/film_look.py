"""Where in a film an answer comes from: the frames that were looked at, lit where they count, and words beside them, pointed at both ways.

A word lights the frames and patches that count for it; a patch lights the words that it counts for. Axes: L words, T frames, h, w
rows and columns of cells in each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QLabel, QSizePolicy, QVBoxLayout, QWidget

from widgets.look.heat.scale import Scale
from widgets.look.heat.sheet import across, laid_out, sheet
from widgets.look.heat.views import NOTHING, PatchView, WordView
from widgets.look.language import tr
from widgets.look.pictures import readable
from widgets.query.values import FilmLooks

PICTURE, WORDS = 240, 64  # pixels of the frames, and of the words


class FilmLookView(QWidget):
    """Knows what was looked at in one film; says which map is shown now."""

    mapChanged = Signal(object)  # [T, h, w], or None

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._looks: FilmLooks | None = None
        self._is_lit, self._word, self._cell = True, NOTHING, (NOTHING, NOTHING)
        self._kept = NOTHING  # a word that was clicked
        self.frames, self.words, self.ways, self.about = PatchView(), WordView(), QComboBox(), QLabel()
        self.frames.setFixedHeight(PICTURE)
        self.words.setFixedHeight(WORDS)
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.frames.setAccessibleName(tr("Frames that were looked at"))
        self.words.setAccessibleName(tr("Words; each lights the frames that count for it"))
        self.ways.setAccessibleName(tr("What is lit"))
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        self.about.setWordWrap(True)
        self.about.setProperty("muted", True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for part in (self.frames, self.ways, self.words, self.about):
            column.addWidget(part)
        self.frames.patchHovered.connect(self._point_at_cell)
        self.words.wordHovered.connect(self._point_at_word)
        self.words.wordChosen.connect(self._keep_word)
        self.ways.activated.connect(self._show)

    def show_looks(self, looks: FilmLooks | None) -> None:
        """Another film or answer; None: nothing is known of where it comes from."""
        self._looks, self._word, self._kept, self._cell = looks, NOTHING, NOTHING, (NOTHING, NOTHING)
        before = self.ways.currentData()
        self.ways.clear()
        if looks is not None:
            count = len(looks.frames)
            rows = np.concatenate(list(looks.frames), 1)
            self.frames.set_picture(sheet(rows, count, count))
            self.frames.set_frames(count // across(count), across(count))
            for way in looks.by_way:
                self.ways.addItem(_names()[way], way)
            self.ways.setCurrentIndex(max(self.ways.findData(before), 0))
        self.ways.setVisible(self.ways.count() > 1)
        self.words.setVisible(looks is not None and bool(looks.words))
        self._show()

    def choose_word(self, word: int) -> None:
        """Keep a word lit, as a click does."""
        self._kept = word
        self._show()

    def set_lit(self, lit: bool) -> None:
        """Show or hide what is lit."""
        self._is_lit = lit
        self._show()

    def map(self) -> NDArray[np.float32] | None:
        """What is lit now [T, h, w]: a word's own frames where one is pointed at, else all that counts."""
        looks, word = self._looks, self._word if self._word != NOTHING else self._kept
        if looks is None or not self._is_lit:
            return None
        if word != NOTHING and looks.by_word is not None:
            return looks.by_word[word]
        return looks.by_way[self.ways.currentData()]

    def word_weights(self) -> NDArray[np.float32] | None:
        """How much each word counts on the cell that is pointed at [L]; None where none is."""
        looks, (row, column) = self._looks, self._cell
        if looks is None or looks.by_word is None or row == NOTHING:
            return None
        return np.asarray([laid_out(one)[row, column] for one in looks.by_word], dtype=np.float32)

    def _point_at_cell(self, row: int, column: int) -> None:
        self._cell = row, column
        self._show_words()
        self._tell()

    def _point_at_word(self, word: int) -> None:
        self._word = word
        self._show()

    def _keep_word(self, word: int) -> None:
        self._kept = NOTHING if word == self._kept else word
        self._show()

    def _show(self) -> None:
        lit = self.map()
        cells = None if lit is None else laid_out(lit)
        high = 0.0 if cells is None else float(cells.max(initial=0.0))
        self.frames.set_heat(cells, scale=Scale(high=high, is_relevance=self._is_relevance()), tell=self._cell_tip)
        self._show_words()
        self._tell()
        self.mapChanged.emit(lit)

    def _show_words(self) -> None:
        looks = self._looks
        if looks is not None and looks.words:
            weights = self.word_weights() if self._is_lit else None
            self.words.set_words(readable(looks.words), weights, self._kept)

    def _is_relevance(self) -> bool:
        return self._word != NOTHING or self._kept != NOTHING or self.ways.currentData() == "gradient"

    def _frame_of(self, row: int, column: int) -> int:
        assert self._looks is not None
        lit = next(iter(self._looks.by_way.values()))
        count, high, wide = lit.shape
        return row // high * across(count) + column // wide

    def _cell_tip(self, row: int, column: int) -> str:
        lit = self.map()
        if lit is None or self._looks is None:
            return ""
        value = Scale(is_relevance=self._is_relevance()).told(float(laid_out(lit)[row, column]))
        seconds = tr("{seconds} s", seconds=f"{self._looks.starts[self._frame_of(row, column)]:.2f}")
        return f"{seconds} · {value}"

    def _tell(self) -> None:
        """The frame that counts most, or the one that is pointed at."""
        lit, looks = self.map(), self._looks
        if lit is None or looks is None:
            self.about.setText("")
            return
        by_frame = lit.sum((1, 2))
        frame = int(by_frame.argmax()) if self._cell[0] == NOTHING else self._frame_of(*self._cell)
        share, even = (f"{100 * value:.0f} %" for value in (by_frame[frame], 1 / len(by_frame)))
        self.about.setText(tr("frame at {seconds} s: {share} of the whole, evenly it would be {even}", seconds=f"{looks.starts[frame]:.2f}", share=share, even=even))  # fmt: skip


def _names() -> dict[str, str]:
    return {
        "rollout": tr("Attention rollout"),
        "gradient": tr("Gradient relevance"),
        "words": tr("Attention of all words"),
    }
