"""The tray: two to four things side by side, each with its run, step and seed; images at one scale, sounds and films played in step."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QCheckBox, QDialog, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from widgets.look.language import in_a_row, said, tr
from widgets.look.plain import plain_tip
from widgets.look.playing import Player
from widgets.look.sounds import NOTHING
from widgets.look.theme import theme
from widgets.monitors.made.made_sounds import Heard
from widgets.monitors.made.sounds_view import paint_wave
from widgets.monitors.tray.shown import Shown, between

SOUND = QSize(260, 150)  # pixels of a sound at scale 1: its wave over its spectrogram
WAVE = 0.36  # of its height
LEAST_ZOOM, MOST_ZOOM = 1 / 8, 32.0
LEAST_SEEN = 128  # pixels of the widest image, by itself
FRAME_MILLISECONDS = 200  # where the frames of films say no times


class Cell(QWidget):
    """One thing as it is seen."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: Shown | None = None
        self._zoom, self._frame, self._share = 1.0, 0, 1.0

    def show_thing(self, shown: Shown, *, zoom: float, frame: int, share: float) -> None:
        """Paint it at so many pixels for one of its own; ``share``: how long a sound is beside the longest."""
        self._shown, self._zoom, self._frame, self._share = shown, zoom, frame, share
        self.setFixedSize(self.sizeHint())
        self.setAccessibleName(in_a_row(*described(shown)))
        self.update()

    def sizeHint(self) -> QSize:
        shown = self._shown
        if shown is None or shown.problem or not shown.frames:
            return QSize(200, 90)
        if shown.is_sound:
            return SOUND
        wide, high = own_size(shown)
        return QSize(max(round(wide * self._zoom), 1), max(round(high * self._zoom), 1))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, shown = QPainter(self), self._shown
        place = QRectF(self.rect())
        if shown is None or shown.problem or not shown.frames:
            painter.setPen(QColor(theme().bad))
            wrapped = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(place.adjusted(4, 4, -4, -4), wrapped, said(shown.problem) if shown is not None else "")
        elif shown.is_sound:
            self._paint_sound(painter, place, shown)
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._zoom < 1)
            painter.drawImage(place, shown.frames[min(self._frame, len(shown.frames) - 1)])
        painter.end()

    def _paint_sound(self, painter: QPainter, place: QRectF, shown: Shown) -> None:
        """As wide as it is long beside the longest."""
        whole = QRectF(place.left(), place.top(), place.width() * self._share, place.height())
        wave = QRectF(whole.left(), whole.top(), whole.width(), whole.height() * WAVE)
        if shown.outline_2C is not None:
            paint_wave(painter, wave, Heard(name="", outline_2C=shown.outline_2C))
        below = QRectF(whole.left(), wave.bottom(), whole.width(), whole.height() - wave.height())
        painter.fillRect(below, QColor(NOTHING))
        painter.drawImage(below, shown.frames[0])


class Column(QWidget):
    """A thing with what is told of it and what can be done with it."""

    removed, played, moved = Signal(), Signal(), Signal(int)

    def __init__(self, shown: Shown, *, is_difference: bool) -> None:
        super().__init__()
        self.cell, self.words = Cell(), QLabel()
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setWordWrap(True)
        self.words.setProperty("muted", True)
        self.words.setText("\n".join(described(shown)))
        self.words.setMinimumWidth(160)
        buttons = QHBoxLayout()
        self.play = _button(tr("Play"), tr("Play this one; it stops what is played."), self.played.emit)
        self.play.setVisible(shown.is_sound and not shown.problem)
        buttons.addWidget(self.play)
        if not is_difference:
            buttons.addWidget(
                _button(
                    "‹",
                    tr("Further to the left: the first is what others are compared with."),
                    lambda: self.moved.emit(-1),
                )
            )
            buttons.addWidget(_button(tr("Take away"), tr("Take this one from the tray."), self.removed.emit))
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.addWidget(self.cell, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.words)
        column.addLayout(buttons)
        column.addStretch(1)


class TraySheet(QDialog):
    """Announces what is to be taken away or moved; shows what it is given."""

    removed = Signal(int)
    moved = Signal(int, int)
    cleared = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Tray"))
        self._shown: tuple[Shown, ...] = ()
        self._zoom, self._frame = 0.0, 0  # 0: as large as fits
        self.columns: list[Column] = []
        self.player, self.lead = Player(self), QLabel()
        self.lead.setTextFormat(Qt.TextFormat.PlainText)
        self.lead.setWordWrap(True)
        self.differences = QCheckBox(tr("Difference from the first"))
        self.differences.toggled.connect(lambda _: self._draw())
        self._row, self._room, self._inside = QHBoxLayout(), QScrollArea(), QWidget()
        self._inside.setLayout(self._row)
        self._room.setWidget(self._inside)
        self._room.setWidgetResizable(True)
        self._room.setFrameShape(QScrollArea.Shape.NoFrame)
        self._clock = QTimer(self, interval=FRAME_MILLISECONDS)
        self._clock.timeout.connect(self._next_frame)
        self.run_films = _button(
            tr("Play the films"), tr("All films from the start, frame by frame in step."), self._run_films
        )
        self._build()
        self.resize(920, 460)
        if parent is not None:
            parent.installEventFilter(self)

    def _build(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.differences)
        top.addStretch(1)
        for button in (
            self.run_films,
            _button("−", tr("Smaller (-)"), lambda: self.scale_by(0.5)),
            _button("+", tr("Larger (+)"), lambda: self.scale_by(2.0)),
            _button(tr("Clear the tray"), tr("Take everything away."), self.cleared.emit),
        ):
            top.addWidget(button)
        page = QVBoxLayout(self)
        page.addLayout(top)
        page.addWidget(self.lead)
        page.addWidget(self._room, 1)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """It leaves with the window it is of."""
        if watched is self.parent() and event.type() == QEvent.Type.Hide:
            self.close()
        return super().eventFilter(watched, event)

    # What is shown

    def show_things(self, shown: Sequence[Shown]) -> None:
        """These, from left to right."""
        self._shown, self._frame = tuple(shown), 0
        self._clock.stop()
        self.player.stop()
        self._draw()

    def things(self) -> tuple[Shown, ...]:
        """What is seen: what lies there, and differences behind what they are of."""
        if not self.differences.isChecked() or len(self._shown) < 2:
            return self._shown
        first, *others = self._shown
        return (first, *(each for other in others for each in (other, between(first, other))))

    def _draw(self) -> None:
        for column in self.columns:
            self._row.removeWidget(column)
            column.hide()
            column.deleteLater()
        while self._row.count():
            self._row.takeAt(0)
        self.columns = []
        for thing in self.things():
            own = next((n for n, each in enumerate(self._shown) if each is thing), None)
            self.columns.append(self._column(thing, own))
            self._row.addWidget(self.columns[-1], 0, Qt.AlignmentFlag.AlignTop)
        self._row.addStretch(1)
        self._say()
        self._scale()

    def _column(self, thing: Shown, own: int | None) -> Column:
        column = Column(thing, is_difference=own is None)
        if own is not None:
            column.removed.connect(partial(self.removed.emit, own))
            column.moved.connect(partial(self.moved.emit, own))
        column.played.connect(partial(self.play, thing))
        if obstacle := self.player.obstacle() if thing.is_sound else "":
            column.play.setEnabled(False)
            column.play.setToolTip(plain_tip(obstacle))
        return column

    def _say(self) -> None:
        several = len(self._shown) > 1
        self.differences.setEnabled(several)
        self.run_films.setVisible(any(each.is_film for each in self._shown))
        empty = tr(
            "Nothing lies on the tray. Right-click an image, a sound or an attention map of a monitor and choose “Put on the tray”."
        )
        self.lead.setText(
            empty if not self._shown else "" if several else tr("Put a second one beside it, of any run and step.")
        )
        self.lead.setVisible(not several)

    # Scale

    def scale_by(self, times: float) -> None:
        """All images larger or smaller, at one scale."""
        self._zoom = min(max((self._zoom or self.zoom()) * times, LEAST_ZOOM), MOST_ZOOM)
        self._scale()

    def zoom(self) -> float:
        """Screen pixels for one of an image's: one for all, by itself the largest whole one at which all fit."""
        sizes = [own_size(each) for each in self.things() if each.frames and not each.is_sound and not each.problem]
        if self._zoom or not sizes:
            return self._zoom or 1.0
        others = len(self.things()) - len(sizes)
        wide = max(self._room.viewport().width() - 30 * len(sizes) - (SOUND.width() + 30) * others, 100)
        high = max(self._room.viewport().height() - 130, 80)
        widest, highest = max(size[0] for size in sizes), max(size[1] for size in sizes)
        fits = min(wide / max(sum(size[0] for size in sizes), 1), high / highest)
        fits = max(fits, LEAST_SEEN / widest)  # smaller than that nothing is told apart: the row is scrolled
        return min(float(int(fits)), MOST_ZOOM) if fits >= 1 else max(fits, LEAST_ZOOM)

    def _scale(self) -> None:
        zoom, things = self.zoom(), self.things()
        longest = max((each.seconds[0] for each in things if each.is_sound and each.seconds), default=1.0) or 1.0
        for column, thing in zip(self.columns, things, strict=True):
            share = thing.seconds[0] / longest if thing.is_sound and thing.seconds else 1.0
            column.cell.show_thing(thing, zoom=zoom, frame=self._frame, share=share)

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)  # type: ignore[arg-type]
        self._scale()

    # In time

    def play(self, thing: Shown) -> None:
        """A sound, from its start."""
        if thing.sound:
            self.player.play(thing.sound)

    def _run_films(self) -> None:
        self._frame = 0
        self._scale()
        self._clock.start()

    def _next_frame(self) -> None:
        """One further in every film at once; the longest says where the end is."""
        self._frame += 1
        if self._frame >= max((len(each.frames) for each in self._shown), default=0):
            self._frame = max(self._frame - 1, 0)
            self._clock.stop()
        self._scale()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.text() in ("+", "="):
            self.scale_by(2.0)
        elif event.text() == "-":
            self.scale_by(0.5)
        elif event.text().isdigit() and 0 < int(event.text()) <= len(self._shown):
            self.play(self._shown[int(event.text()) - 1])
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: object) -> None:
        super().hideEvent(event)  # type: ignore[arg-type]
        self._clock.stop()
        self.player.stop()


def own_size(shown: Shown) -> tuple[float, float]:
    """Width and height of an image in its own pixels."""
    return shown.frames[0].width() / shown.times, shown.frames[0].height() / shown.times


def described(shown: Shown) -> tuple[str, ...]:
    """Which run, block, step and seed it is, and what it was made from."""
    held = shown.held
    if not shown.run:
        return (shown.caption,) if shown.caption else ()
    seed = tr("seed {seed}", seed=shown.seed) if shown.seed is not None else ""
    role = tr("original") if held.kind.startswith("original") else ""
    place = " · ".join(filter(None, [tr("step {step}", step=f"{held.step:,}"), seed, role]))
    length = tr("{seconds} s", seconds=f"{shown.seconds[0]:.2f}") if shown.is_sound and shown.seconds else ""
    return tuple(filter(None, [f"{shown.run} · {shown.what}", place, shown.caption, length]))


def _button(text: str, tip: str, act: object) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(plain_tip(tip))
    button.setAccessibleName(tip if len(text) == 1 else text)
    button.setAutoDefault(False)
    button.clicked.connect(lambda: act())  # type: ignore[operator]
    return button
