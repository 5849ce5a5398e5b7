"""The one timeline under every picture: play, step, jump, loop, drag; live is its right end.

It knows no run and no store: it is told how far the head has come and where the marks are, and asks for another step.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QFocusEvent, QIcon, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QWidget

from core.store.answers import Axis, Head, MarkFacts
from core.telemetry.events import ENDED
from widgets.look.icons import icon
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.popup import popup
from widgets.look.theme import look, theme
from widgets.timeline_bar import Bar

SPEEDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
FRAME_MILLISECONDS = 33
STEPS_A_SECOND = 10.0  # where a run's own pace is not known


class Timeline(QWidget):
    """Transport buttons, the bar, figures and the way back to live."""

    cursorMoved = Signal(int)  # a step
    liveRequested = Signal()
    axisChanged = Signal(str)
    playingChanged = Signal(bool)
    forkRequested = Signal(int)  # the step of a kept checkpoint
    besideChosen = Signal(str)  # the uid of a run to be locked to this one; empty: none
    openRequested = Signal()  # the run's graph on the canvas, to be changed before a fork

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bar = Bar()
        self._is_live = True
        self._wants_play = False
        self._axis: Axis = "step"
        self._exact = 0.0
        self._before = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(FRAME_MILLISECONDS)
        self._timer.timeout.connect(self._play_on)
        self._place = 0.0
        self._kept: tuple[int, ...] = ()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Timeline"))
        self._lay_out()
        self.bar.stepRequested.connect(self._person_moved)
        look.changed.connect(self._relook)
        self.set_head(Head())

    # Values

    def set_head(self, head: Head) -> None:
        """How far the run has come."""
        self.bar.set_head(head)
        if self._is_live:
            self.bar.set_cursor(head.step)
        self._refresh()
        if self._wants_play and head.step > 0:
            self.play()

    def set_cursor(self, step: int, follows_head: bool) -> None:
        """Where the pictures stand now."""
        self._is_live = follows_head
        self.bar.set_cursor(step)
        if not self.is_playing or abs(step - self._exact) > 1:
            self._exact = float(step)
        self._refresh()

    def set_place(self, place: float) -> None:
        """The cursor on the chosen axis."""
        if place != self._place:
            self._place = place
            self._refresh()

    def set_marks(self, marks: Sequence[MarkFacts]) -> None:
        """Moments worth jumping to."""
        self.bar.set_marks(tuple(marks))

    def set_kept(self, steps: Sequence[int]) -> None:
        """The checkpoints that a fork can begin at."""
        self._kept = tuple(sorted(steps))

    def offer_beside(self, runs: Sequence[tuple[str, str]], chosen: str) -> None:
        """Names and uids of runs that can be put beside; says nothing."""
        wanted = [(tr("one run"), ""), *runs]
        if wanted != [
            (self._beside.itemText(place), self._beside.itemData(place)) for place in range(self._beside.count())
        ]:
            self._beside.clear()
            for name, uid in wanted:
                self._beside.addItem(name, uid)
        self._beside.setVisible(len(wanted) > 1)
        self.set_beside(chosen)

    def set_beside(self, uid: str) -> None:
        """Which one is beside; says nothing."""
        self._beside.setCurrentIndex(max(0, self._beside.findData(uid)))

    def set_axis(self, axis: Axis) -> None:
        """Show time by step, epoch, seconds or samples; says nothing."""
        self._axis = axis
        self._axes.blockSignals(True)
        self._axes.setCurrentIndex(max(0, self._axes.findData(axis)))
        self._axes.blockSignals(False)
        self._refresh()

    @property
    def step(self) -> int:
        """The step under the handle."""
        return self.bar.cursor_step

    @property
    def is_live(self) -> bool:
        """Whether the cursor follows the head."""
        return self._is_live

    @property
    def is_playing(self) -> bool:
        """Whether the past is being played."""
        return self._timer.isActive()

    @property
    def speed(self) -> float:
        """Times the pace at which the run was trained."""
        return float(self._speeds.currentData())

    def set_speed(self, speed: float) -> None:
        """The nearest speed there is."""
        nearest = min(range(len(SPEEDS)), key=lambda index: abs(SPEEDS[index] - speed))
        self._speeds.setCurrentIndex(nearest)

    @property
    def loop(self) -> tuple[int, int] | None:
        """First and last step of the range that is repeated."""
        return self.bar.loop

    def set_loop(self, loop: tuple[int, int] | None) -> None:
        """Repeat a range; None plays on."""
        self.bar.set_loop(loop)
        self._loop.setVisible(loop is not None)

    # Wishes

    def play(self) -> None:
        """Play from the cursor; from the beginning where it stands at the end; as soon as there is something to play."""
        first, last = self._span()
        self._wants_play = last <= first and not self.bar.head.step
        if last <= first:
            return
        start = self.step if first <= self.step < last else first
        self._exact, self._before = float(start), time.perf_counter()
        self._timer.start()
        self._move(start)
        self._refresh()
        self.playingChanged.emit(True)

    def pause(self) -> None:
        """Stay where the cursor is."""
        self._wants_play = False
        if self.is_playing:
            self._timer.stop()
            self._refresh()
            self.playingChanged.emit(False)

    def toggle(self) -> None:
        """Play or pause."""
        if self.is_playing:
            self.pause()
        else:
            self.play()

    def step_by(self, steps: int) -> None:
        """A few steps back or forward."""
        self.pause()
        self._move(self.step + steps)

    def jump(self, direction: int) -> None:
        """To the next mark in a direction."""
        steps = sorted({mark.step for mark in self.bar.marks})
        ahead = [step for step in steps if (step > self.step if direction > 0 else step < self.step)]
        if ahead:
            self.pause()
            self._move(ahead[0] if direction > 0 else ahead[-1])

    def go_live(self) -> None:
        """Back to the head."""
        self.pause()
        self.liveRequested.emit()

    # A right click, or the menu key

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Fork from the checkpoint at hand: the mark under the pointer, else the newest at or before the place; by key, the cursor's."""
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        if not by_key and not self.bar.geometry().contains(event.pos()):
            return
        place = self.bar.mapFromGlobal(event.globalPos())
        menu = popup(self)
        self._fill_menu(menu, self.step if by_key else self.bar.marked_at(QPointF(place), self._kept))
        menu.popup(self.bar.mapToGlobal(self.bar.rect().center()) if by_key else event.globalPos())

    def _fill_menu(self, menu: QMenu, step: int) -> None:
        found = [each for each in self._kept if each <= step]
        if found:
            words = tr("Fork from the checkpoint at step {step}…", step=f"{found[-1]:,}")
            menu.addAction(icon("fork"), words, lambda: self.forkRequested.emit(found[-1]))
            menu.addAction(tr("Show step {step}", step=f"{found[-1]:,}"), lambda: self._person_moved(found[-1]))
        else:
            entry = menu.addAction(icon("fork"), tr("Fork from a checkpoint…"))
            entry.setEnabled(False)
            entry.setToolTip(plain_tip(tr("There is no kept checkpoint at or before this step.")))
        opens = menu.addAction(icon("open"), tr("Open experiment"), self.openRequested.emit)
        opens.setEnabled(self.bar.head.revision > 0)
        opens.setToolTip(plain_tip(tr("Its graph on the canvas: what you change there is what a fork trains.")))

    # Keys

    def take_key(self, event: QKeyEvent) -> bool:
        """Do what a key stands for; False where it stands for nothing here. The window passes on what nobody used."""
        key, modifiers = event.key(), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        shift = modifiers == Qt.KeyboardModifier.ShiftModifier
        acts = {
            Qt.Key.Key_Space: self.toggle,
            Qt.Key.Key_Left: lambda: self.step_by(-10 if shift else -1),
            Qt.Key.Key_Right: lambda: self.step_by(10 if shift else 1),
            Qt.Key.Key_Home: lambda: self.step_by(-self.step),
            Qt.Key.Key_End: self.go_live,
            Qt.Key.Key_L: self.go_live,
            Qt.Key.Key_BracketLeft: lambda: self.jump(-1),
            Qt.Key.Key_BracketRight: lambda: self.jump(1),
        }
        act = acts.get(Qt.Key(key))
        if act is None or (modifiers and not shift):
            return False
        act()
        event.accept()
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.loop is not None:
            self.set_loop(None)
            event.accept()
        elif not self.take_key(event):
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.bar.set_focused(True)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.bar.set_focused(False)
        super().focusOutEvent(event)

    def sizeHint(self) -> QSize:
        return QSize(800, 44)

    # Inside

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 2, 10, 2)
        row.setSpacing(4)
        self._back = self._button(row, tr("One step back (←)"), self._step_back)
        self._play = self._button(row, tr("Play or pause (Space)"), self.toggle)
        self._forward = self._button(row, tr("One step forward (→)"), self._step_forward)
        self._speeds = self._choice(row, tr("Speed: 1× is the pace of the training"))
        for speed in SPEEDS:
            self._speeds.addItem(f"{speed:g}×", speed)
        self._speeds.setCurrentIndex(SPEEDS.index(8.0))
        self._axes = self._choice(row, tr("What the time axes count"))
        axes = ((tr("step"), "step"), (tr("epoch"), "epoch"), (tr("time"), "seconds"), (tr("samples"), "samples"))
        for text, axis in axes:
            self._axes.addItem(text, axis)
        self._axes.currentIndexChanged.connect(self._axis_chosen)
        self._beside = self._choice(row, tr("A second run on the same timeline, locked by what the axes count"))
        self._beside.setMaximumWidth(150)
        self._beside.activated.connect(lambda _: self.besideChosen.emit(self._beside.currentData()))
        self.offer_beside((), "")
        row.addWidget(self.bar, 1)
        self._loop = self._button(row, tr("Stop repeating the range (Esc)"), self._drop_loop)
        self._loop.setVisible(False)
        self._figures = QLabel()
        self._figures.setTextFormat(Qt.TextFormat.PlainText)
        self._figures.setProperty("muted", True)
        self._figures.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._figures)
        self._live = LiveButton()
        self._live.clicked.connect(self.go_live)
        row.addWidget(self._live)
        self._relook()

    def _button(self, row: QHBoxLayout, tip: str, act: object) -> QToolButton:
        button = QToolButton()
        button.setToolTip(plain_tip(tip))
        button.setAccessibleName(tip)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(act)
        row.addWidget(button)
        return button

    def _choice(self, row: QHBoxLayout, tip: str) -> QComboBox:
        box = QComboBox()
        box.setToolTip(plain_tip(tip))
        box.setAccessibleName(tip)
        box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row.addWidget(box)
        return box

    def _step_back(self) -> None:
        self.step_by(-1)

    def _step_forward(self) -> None:
        self.step_by(1)

    def _drop_loop(self) -> None:
        self.set_loop(None)

    def _axis_chosen(self) -> None:
        self._axis = self._axes.currentData()
        self._refresh()
        self.axisChanged.emit(self._axis)

    def _person_moved(self, step: int) -> None:
        self.pause()
        self._loop.setVisible(self.bar.loop is not None)
        self._move(step)

    def _span(self) -> tuple[int, int]:
        return self.bar.loop or (0, self.bar.head.step)

    def _move(self, step: int) -> None:
        """Show the wish at once; whoever owns the cursor answers with :meth:`set_cursor`."""
        step = min(max(0, step), self.bar.head.step)
        if not self.is_playing:
            self._exact = float(step)
        if step != self.step or self._is_live:
            self._is_live = False
            self.bar.set_cursor(step)
            self._refresh()
            self.cursorMoved.emit(step)

    def _play_on(self) -> None:
        now = time.perf_counter()
        elapsed, self._before = now - self._before, now
        self.advance(elapsed)

    def advance(self, seconds: float) -> None:
        """Play on by some seconds of the person's time."""
        first, last = self._span()
        self._exact += seconds * self.speed * self._pace()
        if self._exact < last:
            self._move(int(self._exact))
        elif self.bar.loop is not None:
            self._exact = float(first)
            self._move(first)
        else:
            self._move(last)
            self._arrive()

    def _arrive(self) -> None:
        """The end of what there is: a run that still trains is followed, a past one rests there."""
        self.pause()
        if self.bar.head.status not in ENDED:
            self.liveRequested.emit()

    def _pace(self) -> float:
        head = self.bar.head
        return head.step / head.seconds if head.seconds > 0 and head.step > 0 else STEPS_A_SECOND

    def _refresh(self) -> None:
        head, running = self.bar.head, self.bar.head.is_live
        planned = max(head.steps, head.step)
        texts = {
            "step": f"{self.step:,} / {planned:,}",
            "epoch": tr("epoch {value}", value=f"{self._place:.2f}") + f" · {self.step:,}",
            "seconds": f"{clock(self._place)} / {clock(head.seconds)}",
            "samples": tr("{n} samples", n=f"{self._place:,.0f}"),
        }
        self._figures.setText(texts[self._axis])
        self._figures.setMinimumWidth(max(self._figures.minimumWidth(), self._figures.sizeHint().width()))
        self._live.set_state(live=self._is_live and running, running=running)
        usable = head.step > 0
        for button in (self._back, self._play, self._forward):
            button.setEnabled(usable)
        self._play.setIcon(self._pause_icon if self.is_playing else self._play_icon)

    def _relook(self) -> None:
        self._back.setIcon(icon("step_back"))
        self._forward.setIcon(icon("step_forward"))
        self._loop.setIcon(icon("loop", theme().accent))
        self._play_icon: QIcon = icon("run")
        self._pause_icon: QIcon = icon("pause")
        if hasattr(self, "_live"):
            self._live.update()
            self._refresh()
        self.bar.update()


class LiveButton(QToolButton):
    """The way back to the head; lit while the pictures are live."""

    def __init__(self) -> None:
        super().__init__()
        self._is_live = False
        self.setText(tr("LIVE"))
        self.setToolTip(tr("Follow the training again (L or End)"))
        self.setAccessibleName(self.toolTip())
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._wide = self.fontMetrics().horizontalAdvance(tr("LIVE") + tr("END")) // 2 + 44

    def set_state(self, *, live: bool, running: bool) -> None:
        """Lit while live; of a run that has ended it leads to its end."""
        self.setText(tr("LIVE") if running else tr("END"))
        if live != self._is_live:
            self._is_live = live
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._wide, 24)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = theme()
        behind = QColor(colours.bad if self._is_live else colours.raised)
        behind.setAlpha(45 if self._is_live else 255)
        painter.setBrush(behind)
        painter.setPen(QPen(QColor(colours.accent if self.underMouse() else colours.edge), 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.bad if self._is_live else colours.muted))
        middle = self.height() / 2
        painter.drawEllipse(QPointF(13, middle), 4, 4)
        painter.setPen(QColor(colours.bad if self._is_live else colours.text))
        painter.drawText(self.rect().adjusted(22, 0, -4, 0), Qt.AlignmentFlag.AlignVCenter, self.text())
        painter.end()


def clock(seconds: float) -> str:
    """1:02:03 or 2:03."""
    whole = int(max(seconds, 0))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
