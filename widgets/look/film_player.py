"""A film that is played, paused and stepped through frame by frame, in slow motion too, with the true time of each frame.

It decodes nothing: it asks for blocks of neighbouring frames and for sound, and holds the picture until they are there. Where there is
sound, the picture follows the sound's own clock.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QImage, QKeyEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from core.graph.reel import Reel, ReelFrames, ReelSound
from widgets.look.film_bar import FilmBar
from widgets.look.frames import FilmPicture
from widgets.look.icons import icon
from widgets.look.language import said, tr
from widgets.look.pictures import image_of
from widgets.look.plain import plain_tip
from widgets.look.playing import Player
from widgets.look.theme import look

BLOCK, KEPT = 24, 8  # frames that are asked for at once, and blocks that are kept
TICK_MILLISECONDS = 10
SPEEDS = ((1.0, "1×"), (0.5, "1/2×"), (0.25, "1/4×"), (0.125, "1/8×"))
Answer = Sequence[NDArray[np.uint8]] | bytes  # frames [H, W, 3], or a file of sound
HEIGHT = 220  # pixels of the picture
BRIEF = 2e-6  # seconds: before the end of a half-open span
STEPS = {Qt.Key.Key_Comma: -1, Qt.Key.Key_Left: -1, Qt.Key.Key_Period: 1, Qt.Key.Key_Right: 1, Qt.Key.Key_Home: -(10**9), Qt.Key.Key_End: 10**9}  # fmt: skip


class FilmPlayer(QWidget):
    """Picture, time, and the buttons of a player."""

    wanted = Signal(object)  # ReelFrames or ReelSound
    secondsChanged = Signal(float)  # at which it looks

    def __init__(
        self, parent: QWidget | None = None, *, height: int = HEIGHT, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(parent)
        self._clock = clock
        self._reel: Reel | None = None
        self._blocks: OrderedDict[int, tuple[QImage, ...]] = OrderedDict()
        self._asked: ReelFrames | None = None
        self._asked_sound: ReelSound | None = None
        self._place, self._now = 0, 0.0  # the frame that is shown, and the moment that was due
        self._part: tuple[float, float] | None = None  # what is played
        self._from, self._since = 0.0, 0.0  # seconds of the film at a moment of the clock
        self._held: float | None = None  # the moment at which it waits for frames or for sound
        self._hears, self._silent_from = False, math.inf
        self._refusal = ""
        self.sound = Player(self)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MILLISECONDS)
        self._timer.timeout.connect(self.tick)
        self.picture, self.bar, self.words = FilmPicture(height), FilmBar(), QLabel()
        self.back_button, self.play_button, self.forth_button = QToolButton(), QToolButton(), QToolButton()
        self.speeds = QComboBox()
        self._lay_out()
        self._connect()
        self._restyle()
        self.show_reel(None)

    # Values

    def show_reel(self, reel: Reel | None, seconds: float | None = None) -> None:
        """Another film, at a moment; None forgets it."""
        self.pause()
        self._reel, self._part, self._place = reel, None, 0
        self._blocks.clear()
        self._asked = self._asked_sound = None
        self._refusal, self._silent_from = "", math.inf
        self.picture.show_image(None)
        self.bar.show_reel(reel)
        self._enable()
        if reel is not None:
            self._show(reel.at(reel.begin if seconds is None else seconds))
        else:
            self.words.setText("")

    @property
    def reel(self) -> Reel | None:
        """The film that is shown."""
        return self._reel

    @property
    def place(self) -> int:
        """The number of the frame that is shown, from 0."""
        return self._place

    @property
    def seconds(self) -> float:
        """When that frame begins."""
        return float(self._reel.starts_T[self._place]) if self._reel is not None else 0.0

    @property
    def is_playing(self) -> bool:
        """Whether it runs."""
        return self._timer.isActive()

    @property
    def speed(self) -> float:
        """Seconds of the film in a second."""
        return float(self.speeds.currentData())

    def take(self, wish: ReelFrames | ReelSound, answer: Answer, refusal: str = "") -> None:
        """The answer to ``wanted``; of another film, or one that came late, it is dropped."""
        if wish is self._asked and isinstance(wish, ReelFrames):
            self._take_frames(wish, () if isinstance(answer, bytes) else answer, refusal)
        elif wish is self._asked_sound and isinstance(wish, ReelSound):
            self._take_sound(wish, answer if isinstance(answer, bytes) else b"")

    # Wishes of a person

    def seek(self, seconds: float) -> None:
        """Look at a moment; what runs goes on from there."""
        if self._reel is None:
            return
        was_playing = self.is_playing
        self.pause()
        self._show(self._reel.at(seconds))
        if was_playing:
            self.play()

    def show_part(self, part: tuple[float, float] | None) -> None:
        """Look at the beginning of a part, which is what is played then; None: all of it."""
        self._part = part
        self.bar.show_part(part)
        if part is not None:
            self.seek(part[0])

    def step_by(self, frames: int) -> None:
        """Pause, and look at a frame before or behind."""
        self.pause()
        if self._reel is not None:
            self._show(min(max(self._place + frames, 0), self._reel.frames - 1))

    def toggle(self) -> None:
        """Play or pause."""
        if self.is_playing:
            self.pause()
        else:
            self.play()

    def play(self) -> None:
        """From where one looks; from the beginning where that is the end."""
        reel = self._reel
        if reel is None or self._refusal:
            return
        begin, end = self._ends(reel)
        if self._place >= reel.at(end - BRIEF):
            self._show(reel.at(begin))
        self._now, self._held = float(reel.starts_T[self._place]), None
        self._begin_at(self._now)
        self._timer.start()
        self._want_sound(reel)
        self._relabel()

    def pause(self) -> None:
        """Stay at this frame."""
        was_playing, self._hears, self._asked_sound = self.is_playing, False, None
        self._timer.stop()
        self.sound.stop()
        if was_playing:
            self._relabel()

    def tick(self) -> None:
        """Show the frame that is due; one that is not decoded yet is waited for, and so is the sound."""
        reel = self._reel
        if reel is None or not self.is_playing:
            return
        now, (_, end) = self._seconds(), self._ends(reel)
        due = reel.at(min(now, end - BRIEF))
        if self._asked_sound is not None or not self._is_there(due):
            self._want(due)
            self._held = now if self._held is None else self._held
            if not self._hears:
                self._begin_at(self._held)
            return
        self._now, self._held = now, None
        if due != self._place:
            self._show(due)
        if now >= end:
            self.pause()

    # Inside

    def _take_frames(self, wish: ReelFrames, frames: Sequence[NDArray[np.uint8]], refusal: str) -> None:
        self._asked, self._refusal = None, refusal
        if refusal:
            self.pause()
        else:
            self._blocks[wish.first // BLOCK] = tuple(map(image_of, frames))
            while len(self._blocks) > KEPT:
                self._blocks.popitem(last=False)
        self._show(self._place)

    def _take_sound(self, wish: ReelSound, data: bytes) -> None:
        """A file that begins there; empty where nothing is heard from there on."""
        self._asked_sound = None
        if not data:
            self._silent_from = min(self._silent_from, wish.start)
        elif self.is_playing and self.speed == 1:
            self._held = None
            self._begin_at(wish.start)
            self.sound.play(data)
            self._hears = True

    def _seconds(self) -> float:
        """What is due, in seconds of the film: by the sound's clock where one plays."""
        if self._hears:
            return self._from + self.sound.seconds()
        return self._from + (self._clock() - self._since) * self.speed

    def _begin_at(self, seconds: float) -> None:
        self._from, self._since = seconds, self._clock()

    def _ends(self, reel: Reel) -> tuple[float, float]:
        """From when to when is played from here: the chosen part where one looks into it, else everything."""
        if self._part is not None and reel.at(self._part[0]) <= self._place <= reel.at(self._part[1] - BRIEF):
            return self._part
        return reel.begin, reel.end

    def _is_there(self, place: int) -> bool:
        return place // BLOCK in self._blocks

    def _want(self, place: int) -> None:
        """Ask for the block of a frame, or for the next one while it plays; one at a time."""
        if self._reel is None or self._asked is not None or self._refusal:
            return
        here = place // BLOCK
        last = (self._reel.frames - 1) // BLOCK
        ahead = (here, min(here + 1, last)) if self.is_playing else (here,)
        block = next((one for one in ahead if one not in self._blocks), None)
        if block is not None:
            count = min(BLOCK, self._reel.frames - block * BLOCK)
            self._asked = ReelFrames(reel=self._reel, first=block * BLOCK, count=count)
            self.wanted.emit(self._asked)

    def _want_sound(self, reel: Reel) -> None:
        if self.speed == 1 and self._now < min(self._silent_from, reel.end - BRIEF) and not self.sound.obstacle():
            self._asked_sound = ReelSound(reel=reel, start=self._now)
            self.wanted.emit(self._asked_sound)

    def _sound_ended(self) -> None:
        """It was a piece of the film's, or shorter than the film."""
        if self._hears and self._reel is not None:
            self._hears = False
            self._begin_at(self._now)
            self._want_sound(self._reel)

    def _show(self, place: int) -> None:
        assert self._reel is not None
        self._place = place
        if self._is_there(place):
            self._blocks.move_to_end(place // BLOCK)
            self.picture.show_image(self._blocks[place // BLOCK][place % BLOCK])
        self._want(place)
        seconds = float(self._reel.starts_T[place])
        self.bar.show_seconds(seconds)
        told = tr("frame {n} of {all} · {seconds} s", n=f"{place + 1:,}", all=f"{self._reel.frames:,}", seconds=f"{seconds:.3f}")  # fmt: skip
        waits = "" if self._is_there(place) else said(self._refusal) or tr("decoding…")
        self.words.setText(" · ".join(part for part in (told, waits) if part))
        self.secondsChanged.emit(seconds)

    def _lay_out(self) -> None:
        for speed, words in SPEEDS:
            self.speeds.addItem(words, speed)
        self.speeds.setAccessibleName(tr("Speed of playing"))
        self.speeds.setToolTip(plain_tip(tr("Speed of playing; audio is heard at 1×")))
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setWordWrap(True)
        self.words.setProperty("muted", True)
        row = QHBoxLayout()
        row.setSpacing(4)
        for part in (self.back_button, self.play_button, self.forth_button, self.speeds):
            row.addWidget(part)
        row.addWidget(self.words, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.picture)
        column.addWidget(self.bar)
        column.addLayout(row)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Video"))

    def _connect(self) -> None:
        self.back_button.clicked.connect(lambda: self.step_by(-1))
        self.forth_button.clicked.connect(lambda: self.step_by(1))
        self.play_button.clicked.connect(self.toggle)
        self.picture.clicked.connect(self._picture_clicked)
        self.bar.secondsWanted.connect(self.seek)
        self.speeds.currentIndexChanged.connect(self._change_speed)
        self.sound.stopped.connect(self._sound_ended)
        look.changed.connect(self._restyle)

    def _picture_clicked(self) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.toggle()

    def _change_speed(self) -> None:
        if self.is_playing:
            self.pause()
            self.play()

    def _restyle(self) -> None:
        self.back_button.setIcon(icon("step_back"))
        self.forth_button.setIcon(icon("step_forward"))
        self._relabel()

    def _relabel(self) -> None:
        words = tr("Pause the video (Space)") if self.is_playing else tr("Play the video (Space)")
        self.play_button.setIcon(icon("pause" if self.is_playing else "run"))
        for button, text in (
            (self.play_button, words), (self.back_button, tr("One frame back (,)")), (self.forth_button, tr("One frame forth (.)")),
        ):  # fmt: skip
            button.setToolTip(plain_tip(text))
            button.setAccessibleName(text)

    def _enable(self) -> None:
        for part in (self.back_button, self.play_button, self.forth_button, self.speeds, self.bar):
            part.setEnabled(self._reel is not None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = STEPS.get(Qt.Key(event.key()))
        if steps is not None:
            self.step_by(steps)
        elif event.key() == Qt.Key.Key_Space:
            self.toggle()
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self.pause()
        super().hideEvent(event)
