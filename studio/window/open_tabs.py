"""The tabs of the window: they show what the session has open, and what is done with them is asked of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, QPointF

from studio.open.tabs import Tab
from studio.session import Session
from studio.window.frame import Frame


@dataclass(frozen=True, kw_only=True)
class Looked:
    """From where a document was looked at."""

    scale: float
    centre: QPointF  # scene units
    nodes: tuple[str, ...]


class OpenTabs(QObject):
    """Between the bar and the session."""

    def __init__(self, session: Session, window: Frame, may_close: Callable[[int], bool]) -> None:
        super().__init__(window)
        self._session, self._window, self._bar, self._may_close = session, window, window.tab_bar, may_close
        self._bar.turned.connect(session.turn_to)
        self._bar.closing.connect(self.close_one)
        self._bar.reordered.connect(session.move_tab)
        for signal in (session.tabsChanged, session.stateChanged):
            signal.connect(self.show_tabs)
        session.tabLeft.connect(self._remember)
        session.tabEntered.connect(self._look_again)
        self.show_tabs()

    def show_tabs(self) -> None:
        """Names, and which is not saved."""
        tabs = self._session.tabs
        names = [f"{tab.name} •" if tab.is_changed else tab.name for tab in tabs.all]
        self._bar.set_tabs(names, [str(tab.path or "") for tab in tabs.all], tabs.at)

    def close_one(self, number: int) -> None:
        """Close a tab; of one that is not saved it is asked first."""
        if self._may_close(number):
            self._session.close_tab(number)

    def turn_by(self, by: int) -> None:
        """The next one, or the one before; around the ends."""
        tabs = self._session.tabs
        self._session.turn_to((tabs.at + by) % len(tabs.all))

    def _remember(self, tab: Tab) -> None:
        canvas = self._window.canvas
        tab.view = Looked(scale=canvas.scale_now, centre=canvas.seen().center(), nodes=tuple(canvas.selection()))

    def _look_again(self, tab: Tab) -> None:
        if isinstance(tab.view, Looked):
            self._window.canvas.look_from(tab.view.scale, tab.view.centre)
            self._window.canvas.select(tab.view.nodes)
