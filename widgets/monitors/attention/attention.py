"""Where the model looks: attention over the picture and its sentence, for any layer, head and query, live or replayed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from core.exploring.tray import Held
from core.store.reader import RunReader
from widgets.look.heat.scale import HeatScale, Scale
from widgets.look.heat.side import Side, is_sign, on_patches, told_words
from widgets.look.heat.views import NOTHING, PatchView, WordView
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.monitors.attention.attention_map import (
    MEAN,
    ROLLOUT,
    SIMILARITY,
    AttentionSettings,
    AttentionValue,
    column_for,
    held_of,
    read_attention,
    row_for,
)  # fmt: skip
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.monitor import Monitor, refill
from widgets.monitors.titles import title


@monitors.register("attention")
class AttentionMonitor(Monitor):
    """Attention maps on the diagnostic samples."""

    title = "Attention"
    summary = "What each token attends to. Point at a word or a patch to see it; click to keep it."
    diagnostic = "attention"
    order = 40
    empty = "No attention yet. The diagnostic Attention captures maps on a few fixed samples while a run trains."
    milliseconds_between = 400
    tools_open = True
    holds_media = True

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._patches, self._words, self._scale = PatchView(), WordView(), HeatScale()
        self._pooled = False  # whether the words shown are those of a block beside
        self._sentence = QLabel()
        self._sentence.setTextFormat(Qt.TextFormat.PlainText)
        self._sentence.setProperty("muted", True)
        self._sentence.setWordWrap(True)
        self._sentence.setMinimumWidth(1)
        self._sample = 0
        self._query = MEAN
        self.set_picture(self._page())
        self._node = self.add_choice(tr("Block"), [])
        self._layer = self.add_choice(tr("Layer"), [(tr("last layer"), -1)])
        self._head = self.add_choice(tr("Head"), [(tr("mean of heads"), MEAN)])
        self.tools_row.addStretch(1)
        self._patches.patchHovered.connect(self._hover_patch)
        self._patches.patchChosen.connect(self._choose_patch)
        self._words.wordHovered.connect(self._hover_word)
        self._words.wordChosen.connect(self._choose_word)

    def settings(self) -> AttentionSettings:
        return AttentionSettings(
            node=self._node.currentData() or "", layer=_number(self._layer.currentData()),
            head=_number(self._head.currentData()), sample=self._sample, query=self._query,
            rollout=self._head.currentData() == ROLLOUT,
        )  # fmt: skip

    @staticmethod
    def read(settings: AttentionSettings, readers: Sequence[RunReader], cursor: Cursor) -> AttentionValue | None:
        return read_attention(settings, readers[0], cursor)

    def draw(self, value: AttentionValue) -> None:
        refill(self._node, [(_name(value, node), node) for node in value.nodes], value.node)
        for choice in (self._layer, self._head):
            choice.setVisible(not value.is_cosine and not value.is_evidence)
        refill(self._layer, [(tr("layer {n}", n=layer + 1), layer) for layer in value.layers], value.layer)
        heads = [(tr("head {n}", n=head + 1), head) for head in range(value.heads)]
        followed = [(tr("attention rollout"), ROLLOUT)] if value.can_roll_out else []
        refill(self._head, [(tr("mean of heads"), MEAN), *followed, *heads])
        self._browser.setVisible(value.samples > 1)
        self._count.setText(f"{min(value.settings.sample, value.samples - 1) + 1}/{value.samples}")
        self._patches.set_picture(value.picture)
        film = next((side for side in (value.queries, value.keys) if side.seconds), None)
        self._patches.set_frames(*(film.frames_on_sheet if film is not None else (1, 1)))
        self._sentence.setText(value.sentence)
        self._show_query(value, value.settings.query)
        self._write_figures(value)

    def held_at(self, at: QPoint | None) -> Held | None:
        """The map that is shown, where it lies over an image."""
        value = self.value()
        over_image = isinstance(value, AttentionValue) and value.picture is not None and value.keys.kind == "patches"
        return held_of(value) if isinstance(value, AttentionValue) and over_image else None

    def _page(self) -> QHBoxLayout:
        page = QHBoxLayout()
        page.setSpacing(10)
        right = QVBoxLayout()
        right.setSpacing(6)
        right.addWidget(self._sentence)
        right.addWidget(self._words, 1)
        right.addWidget(self._add_browser())
        page.addWidget(self._patches, 5)
        page.addWidget(self._scale)
        page.addLayout(right, 4)
        return page

    def _add_browser(self) -> QWidget:
        self._browser = QWidget()
        row = QHBoxLayout(self._browser)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self._count = QLabel("1/1")
        self._count.setProperty("muted", True)
        for text, tip, step in (("‹", tr("Previous sample"), -1), ("›", tr("Next sample"), 1)):
            button = QToolButton()
            button.setText(text)
            button.setToolTip(plain_tip(tip))
            button.setAccessibleName(tip)
            button.clicked.connect(self._previous if step < 0 else self._next)
            row.addWidget(button)
            if step < 0:
                row.addWidget(self._count)
        row.addStretch(1)
        return self._browser

    def _previous(self) -> None:
        self._browse(-1)

    def _next(self) -> None:
        self._browse(1)

    def _browse(self, step: int) -> None:
        value = self.value()
        if isinstance(value, AttentionValue):
            self._sample, self._query = (self._sample + step) % value.samples, MEAN
            self.settingsChanged.emit()

    def _write_figures(self, value: AttentionValue) -> None:
        said = tr("step {step}", step=f"{value.said_at:,}")
        if value.is_cosine:
            self.figures.set_text(tr("cosine similarity, not attention · {said}", said=said))
            return
        if value.is_evidence:
            self.figures.set_text(tr("Grad-CAM, not attention: what raises the similarity · {said}", said=said))
            return
        layer = tr("layer {n}", n=value.layer + 1)
        head = tr("mean of heads") if value.settings.head < 0 else tr("head {n}", n=value.settings.head + 1)
        how = tr("attention rollout") if value.settings.rollout and value.can_roll_out else head
        self.figures.set_text(f"{title(value.titles, value.node)} · {layer} · {how} · {said}")

    # Pointing: queries look at keys along a row; keys are looked at along a column.

    def _show_query(self, value: AttentionValue, query: int) -> None:
        """Light the keys of one query, and show the query itself."""
        self._show(value, value.keys, row_for(value, query), asked=value.queries, token=query)

    def _show_key(self, value: AttentionValue, key: int) -> None:
        """Light the queries that look at one key."""
        self._show(value, value.queries, column_for(value, key), asked=value.keys, token=key)

    def _show(self, value: AttentionValue, lit: Side, weights: Any, *, asked: Side, token: int) -> None:
        heat = on_patches(lit, weights)
        grid = next(((s.height, s.width) for s in (value.queries, value.keys) if s.kind == "patches"), (0, 0))
        scale = _scale(value, lit, weights)
        self._patches.set_heat(heat, grid, scale, lambda row, column: _told(value, scale, heat, (row, column), token))
        self._patches.set_marked(asked.patch(token))
        self._patches.setVisible(value.picture is not None or grid != (0, 0))
        self._scale.show_range(scale)
        side = lit if lit.kind != "patches" else asked
        words = () if side.kind == "patches" or is_lone(side) else side.words
        if value.is_cosine:
            words = _told_only(words)
        self._pooled = not words and value.beside is not None
        if self._pooled and value.beside is not None:
            self._words.set_words(value.beside[0].words, value.beside[1])
        else:
            self._words.set_words(
                words, weights if side is lit else None, token if side is asked or lit == asked else NOTHING,
                scale=scale if value.is_cosine else None,
                tips=[tr("up to {value}", value=scale.said(float(row.max()))) for row in value.weights_QK]
                if value.is_cosine else (),
            )  # fmt: skip
        self._words.setVisible(bool(words) or self._pooled)

    def _hover_word(self, index: int) -> None:
        if not isinstance(value := self.value(), AttentionValue) or self._pooled:
            return
        if index == NOTHING:
            self._show_query(value, self._query)
        elif value.queries.kind != "patches":
            self._show_query(value, index)
        else:
            self._show_key(value, index)

    def _hover_patch(self, row: int, column: int) -> None:
        if not isinstance(value := self.value(), AttentionValue):
            return
        if value.is_cosine:
            self._hover_alike(value, (row, column))
            return
        lit = on_patches(value.keys, row_for(value, self._query))
        self._scale.show_value(float(lit[row, column]) if row != NOTHING and lit is not None else None)
        if row == NOTHING:
            self._show_query(value, self._query)
        elif value.queries.kind == "patches":
            self._show_query(value, value.queries.token(row, column))
        elif value.keys.kind == "patches":
            self._show_key(value, value.keys.token(row, column))

    def _hover_alike(self, value: AttentionValue, patch: tuple[int, int]) -> None:
        """The image keeps the colours of the chosen word, or of all; the words show how similar they are to the patch."""
        self._show_query(value, self._query)
        if patch[0] == NOTHING:
            self._scale.show_value(None)
            return
        weights = column_for(value, value.keys.token(*patch))
        self._words.set_words(_told_only(value.queries.words), weights, self._query, scale=self._scale.scale)
        self._scale.show_value(float(weights[_word_at(value, self._query, weights)]))

    def _choose_word(self, index: int) -> None:
        value = self.value()
        if isinstance(value, AttentionValue) and value.queries.kind != "patches" and not self._pooled:
            self._choose(index)

    def _choose_patch(self, row: int, column: int) -> None:
        value = self.value()
        if isinstance(value, AttentionValue) and value.queries.kind == "patches":
            self._choose(value.queries.token(row, column))

    def _choose(self, query: int) -> None:
        """Keep a query; the same once more lets it go."""
        self._query = MEAN if query == self._query else query
        self.settingsChanged.emit()


def _name(value: AttentionValue, node: str) -> str:
    return tr("Words in the image") if node == SIMILARITY else title(value.titles, node)


def _scale(value: AttentionValue, lit: Side, weights: Any) -> Scale:
    """Shares from 0 to the greatest that is lit; cosines over the whole map, so that words are compared by colour."""
    if not value.is_cosine:
        return Scale(high=float(weights[: _shown(lit, len(weights))].max(initial=0.0)))
    whole = value.weights_QK[list(told_words(value.queries, len(value.weights_QK)))]
    return Scale(low=float(whole.min()), high=float(whole.max()), is_cosine=True)


def _told(value: AttentionValue, scale: Scale, heat: Any, patch: tuple[int, int], token: int) -> str:
    """What a patch's tip says: its value, and where no word is chosen the word that is most like it."""
    if not value.is_cosine:
        return _when(value, heat, patch) + scale.told(float(heat[patch]))
    column = column_for(value, value.keys.token(*patch))
    word = _word_at(value, token, column)
    said, values = value.queries.words[word], scale.said(float(column[word]))
    return (
        tr("most like “{word}”: {value}", word=said, value=values)
        if token == MEAN
        else tr("{word}: {value}", word=said, value=values)
    )


def _when(value: AttentionValue, heat: Any, patch: tuple[int, int]) -> str:
    """Of a film, when the frame under the mouse is shown, and what of the attention all of it has."""
    film = next((side for side in (value.keys, value.queries) if side.seconds), None)
    if film is None:
        return ""
    seconds = f"{film.seconds[film.frame_at(*patch)]:.2f}"
    if film is not value.keys:
        return tr("{seconds} s · ", seconds=seconds)
    rows, columns = film.frames_on_sheet
    high, wide = heat.shape[0] // rows, heat.shape[1] // columns
    row, column = patch[0] // high * high, patch[1] // wide * wide
    share = 100 * float(heat[row : row + high, column : column + wide].sum())
    return tr("{seconds} s, the whole frame {share} % · ", seconds=seconds, share=f"{share:.1f}")


def _word_at(value: AttentionValue, chosen: int, column: Any) -> int:
    """The chosen word, else the one that is most like a patch."""
    if 0 <= chosen < len(value.queries.words):
        return chosen
    return max(told_words(value.queries, len(column)), key=lambda index: float(column[index]))


def _told_only(words: Sequence[str]) -> tuple[str, ...]:
    """Words in their places, with nothing for start, end and other signs: only words are in an image."""
    return tuple("" if is_sign(word) else word for word in words)


def is_lone(side: Side) -> bool:
    """One token that is no place and no word: the query of a pooling, which says nothing by itself."""
    return side.kind == "other" and len(side.words) == 1


def _shown(side: Side, size: int) -> int:
    """Weights that have a patch or a word."""
    return size if side.kind == "patches" else max(1, min(size, len(side.words)))


def _number(data: Any) -> int:
    return data if isinstance(data, int) else -1
