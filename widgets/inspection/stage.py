"""One subject large: its picture with what is lit, its words under it, and the scale; both can be pointed at."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from widgets.inspection.lighting import NOTHING, Lit
from widgets.look.heat.scale import HeatScale, Scale
from widgets.look.heat.views import PatchView, WordView
from widgets.look.labels import LooseLabel
from widgets.look.plain import plain_tip

LEAST_WORDS = 56  # pixels


class Stage(QFrame):
    """A title, the picture, the words; an empty one says why."""

    wordHovered = Signal(int)
    wordChosen = Signal(int)
    patchHovered = Signal(int, int)
    patchChosen = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.figures, self.reason = LooseLabel(), QLabel(), QLabel()
        self.figures.setWordWrap(True)
        self.figures.setTextFormat(Qt.TextFormat.PlainText)
        self.figures.setProperty("muted", True)
        self.patches, self.words, self.scale = PatchView(), WordView(), HeatScale()
        self._shown = Lit()
        self.reason.setWordWrap(True)
        self.reason.setProperty("muted", True)
        self.words.setMinimumHeight(LEAST_WORDS)
        for part in (self.scale, self.words):  # beside another, the images stay of one size
            policy = part.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            part.setSizePolicy(policy)
        row = QHBoxLayout()
        row.addWidget(self.patches, 1)
        row.addWidget(self.scale)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.title)
        column.addWidget(self.figures)
        column.addLayout(row, 7)
        column.addWidget(self.reason)
        column.addWidget(self.words, 1)
        self.patches.patchHovered.connect(self._hover_patch)
        self.patches.patchChosen.connect(self.patchChosen)
        self.words.wordHovered.connect(self.wordHovered)
        self.words.wordChosen.connect(self.wordChosen)

    def show_lit(
        self, title: str, picture: NDArray[np.uint8] | None, lit: Lit, scale: Scale, figures: str = ""
    ) -> None:
        """A picture and what is lit over it and below."""
        self.figures.setText(figures)
        self.figures.setVisible(bool(figures))
        self._shown = lit
        self.title.setText(title)
        self.title.setToolTip(plain_tip(title))
        self.reason.hide()
        has_places = picture is not None or lit.grid != (0, 0)
        self.patches.setVisible(has_places)
        self.scale.setVisible(True)
        self.patches.set_picture(picture)
        self.patches.set_heat(lit.heat, lit.grid, scale, self._tip(lit, scale))
        self.patches.set_marked(lit.marked_patch)
        self.scale.show_range(scale)
        self.words.setVisible(bool(lit.words))
        word_scale = scale if lit.heat is None else self._word_scale(lit, scale)
        self.words.set_words(lit.words, lit.word_weights, lit.marked_word, scale=word_scale)

    def show_reason(self, title: str, picture: NDArray[np.uint8] | None, reason: str) -> None:
        """The picture alone, and why nothing is lit."""
        self.show_lit(title, picture, Lit(), Scale())
        self.scale.hide()
        self.patches.setVisible(picture is not None)
        self.reason.setText(reason)
        self.reason.setVisible(bool(reason))

    def keep_figures(self, high: int) -> None:
        """So many pixels for the figures over the image, whether there are some or not."""
        self.figures.setFixedHeight(high)
        self.figures.setVisible(high > 0)

    def figures_height(self) -> int:
        """What they need at this width."""
        text = self.figures.text()
        return self.figures.heightForWidth(max(self.width(), LEAST_WORDS)) if text else 0

    def lit(self) -> Lit:
        """What is shown."""
        return self._shown

    def _hover_patch(self, row: int, column: int) -> None:
        heat = self._shown.heat
        inside = heat is not None and row != NOTHING and row < heat.shape[0] and column < heat.shape[1]
        self.scale.show_value(float(heat[row, column]) if heat is not None and inside else None)
        self.patchHovered.emit(row, column)

    @staticmethod
    def _word_scale(lit: Lit, scale: Scale) -> Scale | None:
        """Words have a scale of their own: another sum is shared out among them."""
        if lit.word_weights is None:
            return None
        most = float(np.abs(lit.word_weights[: len(lit.words)]).max(initial=0.0))
        if scale.is_difference:
            return Scale(low=-most, high=most, is_difference=True)
        return Scale(high=most, is_relevance=scale.is_relevance)

    @staticmethod
    def _tip(lit: Lit, scale: Scale) -> Callable[[int, int], str] | None:
        heat = lit.heat
        return (lambda row, column: scale.told(float(heat[row, column]))) if heat is not None else None
