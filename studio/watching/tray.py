"""The tray: filled from the menus of monitors, kept with the person's preferences, shown on a sheet of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from core.exploring.tray import MOST_HELD, Held, dumped, loaded, put
from studio.session import Session
from studio.window.frame import Frame
from widgets.look.language import tr
from widgets.look.theme import look

if TYPE_CHECKING:
    from widgets.monitors.tray.sheet import TraySheet
    from widgets.monitors.tray.shown import Shown


class Tray(QObject):
    """Belongs to the window."""

    def __init__(self, session: Session, window: Frame) -> None:
        super().__init__(window)
        self._session, self._window = session, window
        self.held: tuple[Held, ...] = loaded(session.preferences.tray)
        self.sheet: TraySheet | None = None
        self._turn = 0
        look.changed.connect(self._read)
        window.pump.mediaPicked.connect(self.put)

    def put(self, held: Held) -> None:
        """One more; of five the oldest goes, which is said."""
        is_full = len(self.held) == MOST_HELD and held not in self.held
        self._keep(put(self.held, held))
        self.show()
        if is_full:
            self._session.say(tr("The tray holds {most}: the first was taken away.", most=MOST_HELD))

    def show(self) -> None:
        """The sheet, with what lies on the tray."""
        from widgets.monitors.tray.sheet import TraySheet

        if self.sheet is None:
            self.sheet = TraySheet(self._window)
            self.sheet.removed.connect(self.take)
            self.sheet.moved.connect(self.move)
            self.sheet.cleared.connect(lambda: self._keep(()))
        self.sheet.show()
        self.sheet.raise_()
        self._read()

    def take(self, number: int) -> None:
        """One away."""
        self._keep((*self.held[:number], *self.held[number + 1 :]))

    def move(self, number: int, by: int) -> None:
        """One further to the left or to the right."""
        held, place = list(self.held), number + by
        if 0 <= place < len(held):
            held[number], held[place] = held[place], held[number]
            self._keep(tuple(held))

    def _keep(self, held: Sequence[Held]) -> None:
        self.held = tuple(held)
        self._session.preferences.tray = dumped(self.held)
        self._read()

    def _read(self) -> None:
        """What is painted is read behind the window; an answer to an older question is dropped."""
        if self.sheet is None or not self.sheet.isVisible():
            return
        from widgets.monitors.tray.shown import read_shown

        self._turn += 1
        turn, held, library = self._turn, self.held, self._session.library

        def answered(found: tuple[Shown, ...] | None, sentence: str) -> None:
            if turn == self._turn and self.sheet is not None and found is not None:
                self.sheet.show_things(found)
            elif sentence:
                self._session.say(sentence, "warning")

        self._session.engine.glance(lambda: tuple(read_shown(each, library.reader) for each in held), answered)
