"""A short film of the timeline: every visible monitor at one step after the other, encoded behind the window, with a result card."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from core.problems import refuse
from studio.session import Session
from studio.watching.card_contents import card_at
from studio.window.frame import Frame as WindowFrame
from widgets.look.language import tr
from widgets.message_bar import Choices

if TYPE_CHECKING:
    from core.exploring.films import Frame

FRAMES, A_SECOND = 60, 10
LOOK_MILLISECONDS, WAITING = 15, 4  # frames that may wait to be encoded
LONGEST_LOOKS = 400  # at one step, before the frame is taken as it is
END = None


@dataclass
class Take:
    """One film that is being made."""

    path: Path
    steps: list[int]
    widget: QWidget
    back: tuple[int, bool]  # where the cursor stood, and whether it followed the head
    frames: queue.Queue[Frame | None] = field(default_factory=lambda: queue.Queue(WAITING))
    stopped: Event = field(default_factory=Event)
    done: int = 0
    looks: int = 0
    asked: bool = False  # whether the cursor was put at the next step


class Filming(QObject):
    """Belongs to the window; one film at a time."""

    def __init__(self, session: Session, window: WindowFrame) -> None:
        super().__init__(window)
        self._session, self._window = session, window
        self._take: Take | None = None
        self._timer = QTimer(self, interval=LOOK_MILLISECONDS)
        self._timer.timeout.connect(self._look)

    def why_not(self) -> str:
        """Why no film can be begun now; empty where one can."""
        if self._take is not None:
            return tr("A film is being made.")
        facts = self._session.facts(self._session.watched)
        if facts is None:
            return tr("No run is on the monitors.")
        return "" if facts.step > 1 else tr("The run has only just begun.")

    def afoot(self) -> str:
        """What would end with the window."""
        return tr("A film is being made.") if self._take is not None else ""

    def start(self, path: Path) -> None:
        """Film the monitors of the watched run into a file, by whose ending its kind is chosen."""
        facts = self._session.facts(self._session.watched)
        if self.why_not() or facts is None:
            return
        self._window.show_page("train")
        cursor, last = self._window.pump.cursor, facts.step
        steps = sorted({max(1, round(last * (number + 1) / FRAMES)) for number in range(FRAMES)})
        take = self._take = Take(
            path=path, steps=steps, widget=self._window.wall.page, back=(cursor.step, cursor.follows_head)
        )
        uid, ending = self._session.watched, path.suffix.lower()

        def encode() -> int:
            from core.exploring.films import film_of  # PyAV

            card = card_at(self._session.library, uid, last)
            going = lambda: not take.stopped.is_set()  # noqa: E731
            film = film_of(_frames(take), ending, text=card.as_text(), a_second=A_SECOND, goes_on=going)
            if film is None or take.stopped.is_set():
                return 0
            take.path.write_bytes(film)
            return len(take.steps)

        self._session.engine.glance(_refused(encode), lambda made, why: self._ended(take, made, why))
        self._tell(take)
        self._timer.start()

    def stop(self) -> None:
        """Leave it; nothing is written."""
        if self._take is not None:
            self._take.stopped.set()

    def _look(self) -> None:
        take = self._take
        if take is None or take.stopped.is_set() or take.done >= len(take.steps):
            self._timer.stop()
            return
        if not take.asked:
            self._window.pump.set_step(take.steps[take.done])
            take.asked, take.looks = True, 0
            return
        take.looks += 1
        if not self._window.pump.is_idle() and take.looks < LONGEST_LOOKS:
            return
        try:
            take.frames.put_nowait(pixels(take.widget))
        except queue.Full:
            return  # the encoder is behind; the frame is taken at the next look
        take.done, take.asked = take.done + 1, False
        if take.done % 5 == 0:
            self._tell(take)
        if take.done == len(take.steps):
            self._finish(take)

    def _finish(self, take: Take) -> None:
        """The last frame is taken: the end is said as soon as there is room for it."""
        try:
            take.frames.put_nowait(END)
        except queue.Full:
            QTimer.singleShot(LOOK_MILLISECONDS, self, lambda: self._finish(take))

    def _tell(self, take: Take) -> None:
        words = tr("Filming the timeline: {done} of {all} steps.", done=take.done, all=len(take.steps))
        self._window.messages.show_message(words, "hint", self._choices())

    def _choices(self) -> Choices:
        return ((tr("Cancel"), self.stop),)

    def _ended(self, take: Take, made: int | None, why: str) -> None:
        take.stopped.set()
        self._take = None
        self._timer.stop()
        self._window.messages.take_back(self._choices())
        step, follows = take.back
        if follows:
            self._window.pump.go_live()
        else:
            self._window.pump.set_step(step)
        if why:
            self._session.say(why, "error")
        elif not made:
            self._session.say(tr("The film was cancelled; nothing was written."))
        else:
            self._session.say(tr("A film of {n} steps was written to {path}.", n=made, path=str(take.path)))


def _frames(take: Take) -> Iterator[Frame]:
    """As they come from the window; ends where the window says so, or stops."""
    while not take.stopped.is_set():
        try:
            frame = take.frames.get(timeout=0.2)
        except queue.Empty:
            continue
        if frame is END:
            return
        yield frame


def _refused(act: Callable[[], int]) -> Callable[[], int]:
    """What the disk says is for a person, too."""

    def work() -> int:
        try:
            return act()
        except OSError as error:
            raise refuse(f"The film cannot be written: {error.strerror or error}.") from error

    return work


def pixels(widget: QWidget) -> Frame:
    """What a widget shows, [H, W, 3] of uint8."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), dtype=np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()
