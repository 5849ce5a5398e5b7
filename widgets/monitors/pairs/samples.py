"""The nearest answers to held-out questions: captions for a picture and pictures for a caption, the right one marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QWidget

from core.graph.selection import BETWEEN, task_of, without_task
from core.store.answers import ExhibitFacts
from core.store.reader import RunReader
from widgets.look.language import tr
from widgets.look.pictures import draw_picture, fitted, image_of
from widgets.look.sides import way_name
from widgets.look.theme import theme
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.lines import series_names
from widgets.monitors.monitor import Monitor, refill

MOST_QUESTIONS, MOST_ANSWERS = 40, 5


@dataclass(frozen=True, kw_only=True)
class SampleSettings:
    """Which way, and which questions."""

    way: str = ""  # image_to_text, text_to_image; empty: the first there is
    show: str = "all"  # all, wrong


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question with its ranked answers."""

    asked: int  # index in the exhibit
    right: int
    answers: tuple[tuple[int, float], ...]  # index in the exhibit, score; best first

    @property
    def rank(self) -> int:
        """Place of the right answer, from 0; -1 where it is not among these."""
        return next((place for place, (index, _) in enumerate(self.answers) if index == self.right), -1)


@dataclass(frozen=True, kw_only=True)
class SampleValue:
    """Questions at the cursor, with the pictures and sentences they point into."""

    ways: tuple[str, ...]
    way: str
    step: int
    questions: tuple[Question, ...]
    first_right: int  # questions answered right at once, of all asked
    asked: int
    pictures: NDArray[np.uint8]  # [n, H, W, 3]
    sentences: tuple[str, ...]
    exhibit: str


@monitors.register("samples")
class SampleMonitor(Monitor):
    """Nearest answers."""

    title = "Answers"
    summary = (
        "What the model finds nearest to images and sentences it was not trained on. A tick marks the right answer."
    )
    diagnostic = "samples"
    order = 35
    empty = "No results yet. The diagnostic Answers queries a few held-out samples while a run trains."
    milliseconds_between = 800
    tools_open = True

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = AnswerRows()
        scroll = QScrollArea()
        scroll.setWidget(self._rows)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.viewport().setAutoFillBackground(False)
        self._rows.setAutoFillBackground(False)
        self.set_picture(scroll)
        self._way = self.add_choice(tr("Which way"), [])
        self._show = self.add_choice(tr("Which questions"), [(tr("all"), "all"), (tr("only wrong"), "wrong")])
        self.tools_row.addStretch(1)

    def settings(self) -> SampleSettings:
        return SampleSettings(way=self._way.currentData() or "", show=self._show.currentData() or "all")

    @staticmethod
    def read(settings: SampleSettings, readers: Sequence[RunReader], cursor: Cursor) -> SampleValue | None:
        reader = readers[0]
        names = series_names(reader, cursor, ("samples/",), kind="samples")
        ways = tuple(name.removeprefix("samples/") for name in names)
        if not ways:
            return None
        way = settings.way if settings.way in ways else ways[0]
        found = reader.samples_at(f"samples/{way}", cursor.step)
        exhibit = reader.exhibit(found.exhibit) if found is not None else None
        if found is None or exhibit is None:
            return None
        questions = [
            Question(
                asked=_asked(way, index, int(right), len(found.truth), exhibit),
                right=int(right),
                answers=tuple((int(i), float(s)) for i, s in zip(nearest[:MOST_ANSWERS], scores[:MOST_ANSWERS])),
            )
            for index, (right, nearest, scores) in enumerate(zip(found.truth, found.nearest, found.scores))
        ]
        shown = [question for question in questions if settings.show == "all" or question.rank != 0]
        return SampleValue(
            ways=ways, way=way, step=found.step, questions=tuple(shown[:MOST_QUESTIONS]), asked=len(questions),
            first_right=sum(question.rank == 0 for question in questions), pictures=exhibit.pictures,
            sentences=exhibit.sentences, exhibit=exhibit.name,
        )  # fmt: skip

    def draw(self, value: SampleValue) -> None:
        refill(self._way, [(way_words(way), way) for way in value.ways], value.way)
        self._rows.set_value(value)
        first = tr("{right} of {asked} correct at rank 1", right=value.first_right, asked=value.asked)
        self.figures.set_text(f"{first} · " + tr("step {step}", step=f"{value.step:,}"))


def way_words(way: str) -> str:
    """``image_to_text`` as a question."""
    known = {"image_to_text": tr("image → captions"), "text_to_image": tr("caption → images")}
    if task := task_of(way):
        return f"{way_words(without_task(way))}{BETWEEN}{tr(task)}"
    return known.get(way) or way_name(way)


def _asked(way: str, index: int, right: int, questions: int, exhibit: ExhibitFacts) -> int:
    """The exhibit's pictures and sentences stand in pairs, so a question has its right answer's index."""
    paired = len(exhibit.pictures) == len(exhibit.sentences)
    return right if paired else index


class AnswerRows(QWidget):
    """Rows of question and answers; paints only what is seen."""

    def __init__(self) -> None:
        super().__init__()
        self._value: SampleValue | None = None
        self._images: dict[int, QImage] = {}
        self._images_of: object = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def set_value(self, value: SampleValue) -> None:
        """Show these questions."""
        if self._images_of is not value.pictures:
            self._images, self._images_of = {}, value.pictures
        self._value = value
        self.setMinimumHeight(max(1, len(value.questions)) * self._row_height(value))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, self.minimumHeight())

    def paintEvent(self, event: QPaintEvent) -> None:
        if (value := self._value) is None:
            return
        painter = QPainter(self)
        high = self._row_height(value)
        first, last = event.rect().top() // high, event.rect().bottom() // high
        for row in range(first, min(last + 1, len(value.questions))):
            place = QRectF(0, row * high, self.width(), high)
            if value.way.startswith("image"):
                self._paint_captions(painter, place, value, value.questions[row])
            else:
                self._paint_pictures(painter, place, value, value.questions[row])
        if not value.questions:
            painter.setPen(QColor(theme().muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, tr("All answers are right."))
        painter.end()

    def _row_height(self, value: SampleValue) -> int:
        line = self.fontMetrics().height()
        return 4 * (line + 2) + 8 if value.way.startswith("image") else line + 64

    def _paint_captions(self, painter: QPainter, place: QRectF, value: SampleValue, question: Question) -> None:
        side = place.height() - 8
        self._paint_image(painter, QRectF(place.left(), place.top() + 4, side, side), value, question.asked)
        line = self.fontMetrics().height() + 2
        text = QRectF(place.left() + side + 8, place.top() + 4, place.width() - side - 12, line)
        rows = list(question.answers[:4])
        if question.rank < 0 or question.rank > 3:
            rows = rows[:3]
        for index, score in rows:
            self._paint_caption(painter, text, _sentence(value, index), score, index == question.right)
            text.translate(0, line)
        if len(rows) == 3 and len(question.answers) > 3:
            painter.setPen(QColor(theme().muted))
            painter.drawText(
                text,
                Qt.AlignmentFlag.AlignVCenter,
                self._cut(tr("right: {text}", text=_sentence(value, question.right)), text.width()),
            )

    def _paint_caption(self, painter: QPainter, place: QRectF, words: str, score: float, right: bool) -> None:
        metrics = self.fontMetrics()
        figure = f"{score:.2f}"
        wide = metrics.horizontalAdvance("-0.00") + 4
        bar = QColor(theme().good if right else theme().series[0])
        bar.setAlpha(70)
        share = min(max(score, 0.0), 1.0)
        room = place.width() - wide
        painter.fillRect(QRectF(place.left(), place.top() + 1, room * share, place.height() - 2), bar)
        painter.setPen(QColor(theme().good if right else theme().text))
        mark = "✓ " if right else ""
        painter.drawText(place.adjusted(4, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self._cut(mark + words, room - 6))
        painter.setPen(QColor(theme().muted))
        painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, figure)

    def _paint_pictures(self, painter: QPainter, place: QRectF, value: SampleValue, question: Question) -> None:
        line = self.fontMetrics().height()
        title = QRectF(place.left() + 2, place.top() + 2, place.width() - 4, line)
        painter.setPen(QColor(theme().text))
        painter.drawText(
            title, Qt.AlignmentFlag.AlignVCenter, self._cut(_sentence(value, question.asked), title.width())
        )
        side, left = 50.0, place.left() + 2
        for index, score in question.answers:
            if left + side > place.right():
                break
            tile = QRectF(left, title.bottom() + 3, side, side)
            self._paint_image(painter, tile, value, index)
            painter.setPen(
                QPen(
                    QColor(theme().good if index == question.right else theme().line),
                    2 if index == question.right else 1,
                )
            )
            painter.drawRect(tile)
            if left + side + 40 <= place.right():
                painter.setPen(QColor(theme().good if index == question.right else theme().muted))
                painter.drawText(
                    QRectF(left + side + 3, tile.top(), 38, side), Qt.AlignmentFlag.AlignVCenter, f"{score:.2f}"
                )
            left += side + 44

    def _paint_image(self, painter: QPainter, place: QRectF, value: SampleValue, index: int) -> None:
        if not 0 <= index < len(value.pictures):
            painter.fillRect(place, QColor(theme().raised))
            return
        image = self._images.get(index)
        if image is None:
            image = self._images[index] = image_of(value.pictures[index])
        draw_picture(painter, fitted(image.width(), image.height(), place), image)

    def _cut(self, words: str, width: float) -> str:
        return self.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, int(width))


def _sentence(value: SampleValue, index: int) -> str:
    return value.sentences[index] if 0 <= index < len(value.sentences) else "?"
