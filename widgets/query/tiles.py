"""Ranked answers: pictures as tiles, sentences as lines, each with its score."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.look.language import tr
from widgets.look.pictures import draw_picture, fitted, image_of, readable
from widgets.look.theme import look, theme
from widgets.query.values import QueryAnswer, QueryAnswers

TILE, GAP, FOOT, LINE = 104, 10, 20, 30


class AnswerTiles(QWidget):
    """Answers best first; one is picked, with the mouse or the arrow keys."""

    answerPicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._answers: tuple[QueryAnswer, ...] = ()
        self._images: list[QImage | None] = []
        self._as_tiles = True
        self._picked = -1
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.MinimumExpanding)
        look.changed.connect(self.update)

    def set_answers(self, answers: tuple[QueryAnswer, ...], *, as_tiles: bool) -> None:
        """Show these, and pick the first."""
        self._answers, self._as_tiles = answers, as_tiles
        self._images = [image_of(a.picture) if a.picture is not None and a.picture.size else None for a in answers]
        self._picked = -1
        self.updateGeometry()
        self._fit_height()
        self.pick(0)
        self.update()

    def picked(self) -> int:
        """The answer that is looked at; -1 where there is none."""
        return self._picked

    def pick(self, index: int) -> None:
        """Look at an answer."""
        if 0 <= index < len(self._answers) and index != self._picked:
            self._picked = index
            self.setAccessibleDescription(f"{self._answers[index].sentence} {score_words(self._answers[index])}")
            self.update()
            self.answerPicked.emit(index)

    def place(self, index: int) -> QRectF:
        """Where an answer lies."""
        if not self._as_tiles:
            return QRectF(2, 2 + index * LINE, self.width() - 4, LINE - 4)
        row, column = divmod(index, self._columns())
        return QRectF(2 + column * (TILE + GAP), 2 + row * (TILE + FOOT + GAP), TILE, TILE + FOOT)

    def sizeHint(self) -> QSize:
        return QSize(4 * (TILE + GAP), self._needed())

    def resizeEvent(self, event: object) -> None:
        self._fit_height()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        beside = self._columns() if self._as_tiles else 1
        steps = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -beside, Qt.Key.Key_Down: beside,
        }  # fmt: skip
        if (step := steps.get(Qt.Key(event.key()))) is not None:
            self.pick(self._picked + step)
            event.accept()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        found = next((i for i in range(len(self._answers)) if self.place(i).contains(at)), -1)
        self.pick(found)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for index, answer in enumerate(self._answers):
            place = self.place(index)
            if place.intersects(QRectF(event.rect())):
                (self._paint_tile if self._as_tiles else self._paint_line)(painter, place, index, answer)
        painter.end()

    def _columns(self) -> int:
        return max(1, (self.width() - 4 + GAP) // (TILE + GAP))

    def _needed(self) -> int:
        count = len(self._answers)
        if not self._as_tiles:
            return 4 + count * LINE
        return 4 + -(-count // self._columns()) * (TILE + FOOT + GAP)

    def _fit_height(self) -> None:
        self.setMinimumHeight(self._needed())

    def _paint_tile(self, painter: QPainter, place: QRectF, index: int, answer: QueryAnswer) -> None:
        colours, image = theme(), self._images[index]
        card = QRectF(place.left(), place.top(), TILE, TILE)
        painter.setBrush(QColor(colours.raised))
        painter.setPen(
            QPen(QColor(colours.accent if index == self._picked else colours.line), 2 if index == self._picked else 1)
        )
        painter.drawRoundedRect(card, 5, 5)
        if image is not None:
            draw_picture(painter, fitted(image.width(), image.height(), card.adjusted(6, 6, -6, -6)), image)
        foot = QRectF(place.left(), card.bottom() + 1, TILE, FOOT)
        painter.setPen(QColor(colours.muted))
        painter.drawText(foot, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, score_words(answer))
        painter.setPen(QColor(colours.text))
        name = answer.sentence or answer.group or f"{index + 1}"
        cut = self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, TILE - 36)
        painter.drawText(foot, Qt.AlignmentFlag.AlignVCenter, cut)

    def _paint_line(self, painter: QPainter, place: QRectF, index: int, answer: QueryAnswer) -> None:
        colours = theme()
        painter.setBrush(QColor(colours.raised))
        painter.setPen(QPen(QColor(colours.accent if index == self._picked else colours.line), 1))
        painter.drawRoundedRect(place, 4, 4)
        bar = QColor(colours.accent)
        bar.setAlpha(60)
        share = min(max(answer.score or 0.0, 0.0), 1.0)
        painter.fillRect(
            QRectF(place.left() + 1, place.top() + 1, (place.width() - 2) * share, place.height() - 2), bar
        )
        painter.setPen(QColor(colours.muted))
        painter.drawText(place.topLeft() + QPoint(8, int(place.height() * 0.68)), f"{index + 1}")
        painter.drawText(
            place.adjusted(0, 0, -8, 0),
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
            score_words(answer),
        )
        painter.setPen(QColor(colours.text))
        cut = self.fontMetrics().elidedText(line_words(answer), Qt.TextElideMode.ElideRight, int(place.width()) - 100)
        painter.drawText(place.adjusted(32, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, cut)


def is_tiled(answers: QueryAnswers) -> bool:
    """Whether answers are pictures to look at, side by side."""
    about_sound = answers.kind == "written" and (answers.asked.sound is not None or answers.asked.film is not None)
    return answers.kind in ("pictures", "films", "made", "written", "codes") and not about_sound


def line_words(answer: QueryAnswer) -> str:
    """What stands in a line: what was found, and when where it has times."""
    if answer.span is None:
        return answer.sentence
    start, end = (f"{edge:.2f}" for edge in answer.span)
    return f"{readable([answer.sentence])[0]} · {tr('{start} to {end} s', start=start, end=end)}"


def score_words(answer: QueryAnswer) -> str:
    """The score in two digits; nothing where there is none."""
    return "" if answer.score is None else f"{answer.score:.2f}"
