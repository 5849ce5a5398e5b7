"""A sound or a video that was asked about, over the answers: waveform and spectrogram, or its frames, and under them what was found when.

Of a sentence every piece has a row: how likely it is at each moment, and boxed where the path goes through it.
Axes: S samples, L pieces, T frames.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolTip, QVBoxLayout, QWidget

from core.store.encoding import sound_files
from widgets.look.film_player import FilmPlayer
from widgets.look.frames import paint_frames
from widgets.look.language import said, tr
from widgets.look.pictures import heat_of, readable
from widgets.look.plain import plain_tip
from widgets.look.playing import Player
from widgets.look.sounds import NOTHING, paint_seconds, sound_image
from widgets.look.theme import look, theme
from widgets.query.values import Asked, Filming, FilmLooks, QueryAnswer, QueryAnswers, Sounding

WAVE, SOUND, FILM, AXIS = (
    40,
    140,
    72,
    18,
)  # heights: of the waveform, of it with the spectrogram, of the frames, of the seconds
LEAST_ROW, MOST_ROW, ROWS = 5, 18, 170  # heights: of a row, and of all rows together
FAINT = 0.35  # how strong the colour of a span is that is hardly sure


class SoundStage(QWidget):
    """The sound, its player, and what was found in it."""

    spanPicked = Signal(int)  # of the answers

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.player = Player(self)
        self.film, self.times, self.play_button, self._words = (
            FilmPlayer(),
            FoundTimes(),
            QPushButton(tr("Play")),
            QLabel(),
        )
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        self._words.setWordWrap(True)
        self._words.setProperty("muted", True)
        self._sound: Sounding | None = None
        self._film: Filming | None = None
        row = QHBoxLayout()
        row.addWidget(self._words, 1)
        row.addWidget(self.play_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self.film)
        column.addWidget(self.times)
        self.play_button.clicked.connect(self.play_or_stop)
        self.player.stopped.connect(self._show_state)
        self.times.spanPicked.connect(self.spanPicked)
        self.times.secondsWanted.connect(self.film.seek)
        self.film.secondsChanged.connect(self.times.show_seconds)
        self.hide()

    def show_answers(self, answers: QueryAnswers) -> None:
        """The sound that was asked about; hidden where none was."""
        self.player.stop()
        self._sound, self._film = answers.asked.sound, answers.asked.film
        self.setVisible(self._sound is not None or self._film is not None)
        self.times.set_answers(answers)
        reel = self._film.reel if self._film is not None else None
        if reel is None or self.film.reel is None or reel.origin != self.film.reel.origin:  # of one film one looks on
            self.film.show_reel(reel)
        self.film.show_part(None)
        self.film.setVisible(reel is not None)
        self.times.show_seconds(self.film.seconds)
        self._show_state()

    def forget(self) -> None:
        """Nothing is asked about."""
        self.player.stop()
        self._sound = self._film = None
        self.film.show_reel(None)
        self.times.forget()
        self.hide()

    def pick(self, index: int) -> None:
        """Look at one span: it is what is played then."""
        self.times.pick(index)
        if self._film is not None:
            self.film.show_part(self.times.picked_span())
        self._show_state()

    def play_or_stop(self) -> None:
        """The picked span, or everything; what plays is stopped."""
        sound = self._sound
        if self.player.is_playing:
            self.player.stop()
        elif sound is not None and not self.player.obstacle():
            self.player.play(sound_files(self._part(sound)[None], sound.hertz)[0])
        self._show_state()

    def _part(self, sound: Sounding) -> NDArray[np.float32]:
        span = self.times.picked_span()
        if span is None:
            return sound.samples
        first = min(int(span[0] * sound.hertz), len(sound.samples) - 1)
        return sound.samples[first : max(first + 1, int(span[1] * sound.hertz))]

    def _show_state(self) -> None:
        obstacle = self.player.obstacle()
        playing, part = self.player.is_playing, self.times.picked_span() is not None
        self.play_button.setText(tr("Stop playing") if playing else tr("Play this part") if part else tr("Play"))
        self.play_button.setEnabled(not obstacle)
        self.play_button.setToolTip(plain_tip(said(obstacle)))
        self.play_button.setVisible(self._sound is not None)
        if self._film is not None:
            self._words.setText(tr("{n} frames, {seconds} s; some are shown", n=f"{self._film.frames:,}", seconds=f"{self._film.seconds:.2f}"))  # fmt: skip
        elif self._sound is not None:
            heard = tr("What was heard: {seconds} s at {hertz} Hz", seconds=f"{self._sound.seconds:.2f}", hertz=f"{self._sound.hertz:,}")  # fmt: skip
            self._words.setText(heard)


class FoundTimes(QWidget):
    """Waveform and spectrogram, or frames, seconds, and a row for each class or piece that was found."""

    spanPicked = Signal(int)
    secondsWanted = Signal(float)  # of a film: where one looks

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._answers: QueryAnswers | None = None
        self._image: QImage | None = None
        self._picked, self._looked_at = -1, 0.0
        self._looks: FilmLooks | None = None
        self._lit: NDArray[np.float32] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        look.changed.connect(self._relook)

    def set_answers(self, answers: QueryAnswers) -> None:
        """Another sound."""
        self._answers, self._image, self._picked = answers, None, -1
        self._looks = self._lit = None
        self.setFixedHeight(self.sizeHint().height())
        is_film = answers.asked.film is not None
        self.setAccessibleName(
            tr("The video and what was found in it") if is_film else tr("The audio and what was found in it")
        )
        self.setAccessibleDescription("; ".join(words_of(one) for one in answers.answers[:12] if one.span is not None))
        self.update()

    def show_seconds(self, seconds: float) -> None:
        """Where one looks into a film."""
        self._looked_at = seconds
        self.update()

    def show_looks(self, looks: FilmLooks | None) -> None:
        """Of a film the frames that were looked at, in place of any."""
        self._looks, self._lit = looks, None
        self.update()

    def light(self, lit: object) -> None:
        """How much lies in each of their cells, [T, h, w]; None: nothing is lit."""
        self._lit = lit if isinstance(lit, np.ndarray) else None
        self.update()

    def forget(self) -> None:
        """Nothing to show."""
        self._answers, self._image, self._picked = None, None, -1
        self.update()

    def pick(self, index: int) -> None:
        """Mark a span."""
        self._picked = index
        self.update()

    def picked_span(self) -> tuple[float, float] | None:
        """From when to when the picked one is; None where none is picked or it has no times."""
        found = self._answers.answers if self._answers is not None else ()
        return found[self._picked].span if 0 <= self._picked < len(found) else None

    def rows(self) -> tuple[str, ...]:
        """What each row is called: a piece of the sentence, or a class of events."""
        found = self._timed()
        if self._answers is not None and self._answers.chances is not None:
            return readable([one.sentence for _, one in found])
        return tuple(dict.fromkeys(one.sentence for _, one in found))

    def boxes(self) -> list[tuple[int, QRectF]]:
        """Every span with the number of its answer."""
        if self._answers is None or not (names := self.rows()):
            return []
        place, seconds, height = self._place(), self._seconds(), self._row_height()
        by_piece = self._answers.chances is not None
        found = []
        for order, (index, one) in enumerate(self._timed()):
            assert one.span is not None
            row = order if by_piece else names.index(one.sentence)
            left, right = (place.left() + min(edge / seconds, 1.0) * place.width() for edge in one.span)
            top = self._top() + AXIS + row * height
            found.append((index, QRectF(left, top + 1, max(right - left, 2.0), max(height - 2, 2))))
        return found

    def sizeHint(self) -> QSize:
        return QSize(420, self._top() + AXIS + round(len(self.rows()) * self._row_height()) + 2)

    def resizeEvent(self, event: object) -> None:
        self._image = None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at, place = event.position(), self._place()
        if (
            self._answers is not None
            and self._answers.asked.film is not None
            and place.adjusted(0, 0, 0, AXIS).contains(at)
        ):
            self.secondsWanted.emit((at.x() - place.left()) / place.width() * self._seconds())
            return
        self.spanPicked.emit(next((index for index, box in self.boxes() if box.contains(at)), -1))

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._answers is not None:
            at = QPointF(event.pos())
            index = next((index for index, box in self.boxes() if box.contains(at)), -1)
            words = words_of(self._answers.answers[index]) if index >= 0 else ""
            QToolTip.showText(event.globalPos(), plain_tip(words), self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        asked = self._answers.asked if self._answers is not None else None
        if self._answers is None or asked is None or (asked.sound is None and asked.film is None):
            return
        painter, place = QPainter(self), self._place()
        if asked.film is not None:
            self._paint_film(painter, place, asked.film)
        elif asked.sound is not None:
            if self._image is None:
                self._image = sound_image(asked.sound.samples, int(place.width()), SOUND, WAVE)
            painter.drawImage(place.topLeft(), self._image)
        paint_seconds(painter, QRectF(place.left(), self._top(), place.width(), AXIS), self._seconds())
        self._paint_rows(painter, place)
        if asked.film is not None and asked.film.reel is not None:
            x = place.left() + min(self._looked_at / self._seconds(), 1.0) * place.width()
            painter.setPen(QPen(QColor(theme().accent), 2))
            painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        boxes = self.boxes()
        for index, box in boxes:
            self._paint_box(painter, index, box)
        if self._answers.chances is not None:
            painter.setPen(QPen(QColor(theme().good), 1))
            for (_, one), (_, following) in itertools.pairwise(boxes):  # the path goes on through what is between
                painter.drawLine(QPointF(one.right(), one.bottom()), QPointF(following.left(), following.top()))
        painter.end()

    def _paint_film(self, painter: QPainter, place: QRectF, film: Filming) -> None:
        """Frames of equal parts of its time; those that were looked at, lit, once they are known."""
        if self._looks is None:
            paint_frames(painter, place, film.tiles)
            return
        starts, seconds = self._looks.starts, self._seconds()
        middles = [(one + next_one) / 2 for one, next_one in itertools.pairwise(starts)]
        edges = [place.left() + edge / seconds * place.width() for edge in (0.0, *middles, seconds)]
        paint_frames(painter, place, self._looks.frames, edges=edges, lit=self._lit)

    def _paint_rows(self, painter: QPainter, place: QRectF) -> None:
        height, names = self._row_height(), self.rows()
        assert self._answers is not None
        whole = QRectF(place.left(), self._top() + AXIS, place.width(), height * len(names))
        if self._answers.chances is not None and names:
            self._paint_chances(painter, whole)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for row, name in enumerate(names):
            line = QRectF(0, whole.top() + row * height, place.left() - 6, height)
            if self._answers.chances is None:
                painter.fillRect(
                    QRectF(place.left(), line.top() + 1, place.width(), height - 2), QColor(theme().raised)
                )
            if height >= self.fontMetrics().height() - 6:
                painter.setPen(QColor(theme().muted))
                cut = self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, int(line.width()))
                painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, cut)

    def _paint_chances(self, painter: QPainter, whole: QRectF) -> None:
        """How likely each piece is at each frame, the frames where they lie."""
        assert self._answers is not None and self._answers.chances is not None  # noqa: PT018
        (start, _), (_, end) = self._answers.frames[0], self._answers.frames[-1]
        scale = whole.width() / self._seconds()
        painter.fillRect(whole, QColor(NOTHING))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        lit = QRectF(whole.left() + start * scale, whole.top(), (end - start) * scale, whole.height())
        painter.drawImage(lit & whole, heat_of(self._answers.chances, ceiling=1.0))

    def _paint_box(self, painter: QPainter, index: int, box: QRectF) -> None:
        assert self._answers is not None
        one = self._answers.answers[index]
        if self._answers.chances is None:
            colour = QColor(theme().series[self.rows().index(one.sentence) % len(theme().series)])
            colour.setAlphaF(FAINT + (1 - FAINT) * max(0.0, min(1.0, one.score or 0.0)))
            painter.fillRect(box, colour)
        is_picked = index == self._picked
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self._answers.chances is not None or is_picked:
            painter.setPen(QPen(QColor(theme().accent if is_picked else theme().good), 2 if is_picked else 1))
            painter.drawRect(box)

    def _timed(self) -> list[tuple[int, QueryAnswer]]:
        found = self._answers.answers if self._answers is not None else ()
        return [(index, one) for index, one in enumerate(found) if one.span is not None]

    def _seconds(self) -> float:
        asked = self._answers.asked if self._answers is not None else Asked()
        shown = asked.film if asked.film is not None else asked.sound
        return max(shown.seconds, 1e-3) if shown is not None else 1.0

    def _top(self) -> int:
        """How high what was asked about is drawn."""
        return FILM if self._answers is not None and self._answers.asked.film is not None else SOUND

    def _row_height(self) -> float:
        return min(float(MOST_ROW), max(float(LEAST_ROW), ROWS / max(len(self.rows()), 1)))

    def _place(self) -> QRectF:
        widest = max((self.fontMetrics().horizontalAdvance(name) for name in self.rows()), default=0)
        left = min(widest + 10, self.width() // 4) if widest else 0
        return QRectF(left, 0, max(self.width() - left, 1), self._top())

    def _relook(self) -> None:
        self._image = None
        self.update()


def words_of(answer: QueryAnswer) -> str:
    """What was found, from when to when, and how sure that is."""
    name = readable([answer.sentence])[0]
    times = "" if answer.span is None else tr("{start} to {end} s", start=f"{answer.span[0]:.2f}", end=f"{answer.span[1]:.2f}")  # fmt: skip
    sure = "" if answer.score is None else tr("probability {value}", value=f"{answer.score:.2f}")
    return " · ".join(part for part in (name, times, sure) if part)
