"""A second run on the same timeline: a wall of its own beside the first, at the same step, samples, seconds or epochs.

Every monitor takes part, for each is there twice. The second wall has a pump of its own, which finds the same place on its
reader's thread; a person who points at its curves moves the one timeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from core.exploring.places import same_place
from core.problems import Refused
from core.store.answers import Axis, RunFacts
from studio.session import Session
from studio.watching.pump import Pump
from studio.watching.wall import COLUMNS, MonitorWall
from studio.window.bindings import diagnostics_of
from studio.window.frame import Frame
from widgets.look.icons import icon
from widgets.look.labels import LooseLabel
from widgets.look.language import tr
from widgets.look.plain import plain_tip

MOST_OFFERED = 60
NARROW_COLUMNS = 2  # of each wall, while there are two
AXES: dict[str, str] = {"step": "step", "samples": "samples", "seconds": "time", "epoch": "epoch"}


class FollowingPump(Pump):
    """Stands where another run's cursor is; what its monitors ask for is asked of that one."""

    stepWanted = Signal(int)  # of the run that is followed

    def follow(self, uid: str, step: int, axis: Axis) -> None:
        """Stand at the same place as another run at a step."""
        own = self.cursor.runs[0] if self.cursor.runs else ""
        self._followed = (uid, step, axis, own)
        if not own:
            return

        def job() -> None:
            try:
                place = same_place(self._reader(uid), step, self._reader(own), axis)
            except Refused:
                return
            self._arrived.append(lambda: self._stand(place, (uid, step, axis, own)))

        self._thread.submit(job)
        self._hurry(True)

    def _stand(self, place: int, asked: tuple[str, int, Axis, str]) -> None:
        if asked == self._followed:
            self.set_cursor(replace(self.cursor, step=place, follows_head=False, axis=asked[2]))

    def set_step(self, step: int) -> None:
        """A person pointed at a curve of this run."""
        uid, _, axis, own = self._followed
        if own:
            self.stepWanted.emit(same_place(self._factory(own), step, self._factory(uid), axis))

    _followed: tuple[str, int, Axis, str] = ("", 0, "step", "")


class Beside(QObject):
    """Belongs to the window; the second wall is made when a second run is first chosen."""

    def __init__(self, session: Session, window: Frame) -> None:
        super().__init__(window)
        self._session, self._window = session, window
        self.uid = ""
        self._made: tuple[FollowingPump, MonitorWall, QWidget] | None = None
        self._name, self._close = LooseLabel(), QToolButton()
        window.timeline.besideChosen.connect(self.choose)
        window.pump.placed.connect(lambda _: self._follow())
        window.pump.cursorMoved.connect(lambda _: self._follow())
        window.pageShown.connect(lambda _: self._show())
        session.runsChanged.connect(self._offer)
        session.watchedChanged.connect(lambda *_: self._watched())
        self._offer(session.runs)

    @property
    def pump(self) -> FollowingPump | None:
        """That of the second run; None before there was one."""
        return self._made[0] if self._made is not None else None

    @property
    def wall(self) -> MonitorWall | None:
        """The second run's monitors."""
        return self._made[1] if self._made is not None else None

    def choose(self, uid: str) -> None:
        """Put a run beside the watched one; empty: none."""
        self.uid = uid if uid != self._session.watched else ""
        self._window.timeline.set_beside(self.uid)
        if self.uid and self._made is None:
            self._made = self._make()
        if self._made is not None:
            pump, wall, _ = self._made
            pump.set_runs(*([self.uid] if self.uid else []), step=0)
            if self.uid:
                wall.show_diagnostics(diagnostics_of(self._session, self.uid))
        self._show()
        self._follow()

    def is_idle(self) -> bool:
        """Whether the second wall shows its place."""
        return self._made is None or not self.uid or self._made[0].is_idle()

    def close(self) -> None:
        """End the reader's thread."""
        if self._made is not None:
            self._made[0].close()

    def _make(self) -> tuple[FollowingPump, MonitorWall, QWidget]:
        pump = FollowingPump(self._session.library.reader, self)
        pump.stepWanted.connect(self._window.pump.set_step)
        pump.cursorMoved.connect(lambda _: self._tell())
        pump.mediaPicked.connect(self._window.pump.mediaPicked)
        wall = MonitorWall(pump, self._window)
        panel = QWidget()
        self._close.setToolTip(plain_tip(tr("Take the second run away")))
        self._close.setAccessibleName(tr("Take the second run away"))
        self._close.setIcon(icon("close"))
        self._close.clicked.connect(lambda: self.choose(""))
        head = QHBoxLayout()
        head.setContentsMargins(10, 4, 8, 0)
        head.addWidget(self._name, 1)
        head.addWidget(self._close)
        column = QVBoxLayout(panel)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(head)
        column.addWidget(wall.page, 1)
        self._window.walls.addWidget(panel)
        return pump, wall, panel

    def _show(self) -> None:
        if self._made is None:
            return
        _, wall, panel = self._made
        on_wall = self._window.pages.current == "train"
        panel.setVisible(bool(self.uid))
        for each in (self._window.wall, wall):
            each.set_columns(NARROW_COLUMNS if self.uid else COLUMNS)
        wall.place(in_row=False, all_of_them=on_wall and bool(self.uid))
        if self.uid:
            wall.fill()
            self._window.walls.setSizes([1000, 1000])

    def _follow(self) -> None:
        if self._made is not None and self.uid and self._session.watched:
            cursor = self._window.pump.cursor
            self._made[0].follow(self._session.watched, cursor.step, cursor.axis)
            self._tell()

    def _tell(self) -> None:
        facts = self._session.facts(self.uid)
        if facts is None or self._made is None:
            return
        cursor = self._made[0].cursor
        locked = tr("beside, locked by {axis}", axis=tr(AXES[cursor.axis]))
        step = tr("step {step}", step=f"{cursor.step:,}")
        self._name.setText(f"{facts.name} · {step} · {locked}")

    def _watched(self) -> None:
        if self.uid and self.uid == self._session.watched:
            self.choose("")
        self._offer(self._session.runs)
        self._follow()

    def _offer(self, runs: Sequence[RunFacts]) -> None:
        found = [(facts.name, facts.uid) for facts in runs if facts.uid != self._session.watched and facts.step]
        if self.uid and self.uid not in {uid for _, uid in found[:MOST_OFFERED]}:
            found = [each for each in found if each[1] == self.uid] + found
        self._window.timeline.offer_beside(found[:MOST_OFFERED], self.uid)
