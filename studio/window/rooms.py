"""Pages that are made, and whose code is read, when they are first looked at; each with whoever works on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from studio.session import Session
from studio.window.late import Late
from widgets.top_bar import TopBar

if TYPE_CHECKING:
    from studio.asking.inspecting import Inspecting
    from studio.asking.query import Asking
    from studio.watching.comparing import Comparing
    from studio.watching.device_line import DeviceLine
    from studio.watching.exploring import Exploring
    from studio.watching.reporting import Reporting
    from studio.window.data_page import DataPage
    from studio.window.importing import Importing
    from studio.window.sweep_page import SweepPage
    from widgets.inspection.page import InspectPage
    from widgets.library.library import LibraryView
    from widgets.query.page import QueryPage


@dataclass(frozen=True, kw_only=True)
class QueryRoom:
    """A trained run is asked."""

    page: QueryPage
    asking: Asking

    def close(self) -> None:
        """The window goes."""
        self.asking.close()


@dataclass(frozen=True, kw_only=True)
class InspectRoom:
    """One sample is looked at closely."""

    page: InspectPage
    inspecting: Inspecting

    def close(self) -> None:
        """The window goes."""
        self.inspecting.close()


@dataclass(frozen=True, kw_only=True)
class RunsRoom:
    """All runs, compared, grouped, reported."""

    page: LibraryView
    comparing: Comparing
    exploring: Exploring
    reporting: Reporting

    def close(self) -> None:
        """The window goes."""
        self.comparing.close()
        self.exploring.close()
        self.reporting.close()


class Rooms:
    """All of them, and the line of the machine in the bar at the ``top``; ``reveal`` shows a node, ``show_page`` a page, ``show_beside`` what lies beside the drawing, or its
    settings, ``show_runs`` the library with these selected."""

    def __init__(
        self,
        session: Session,
        reveal: Callable[[str], None],
        show_page: Callable[[str], None],
        show_beside: Callable[[QWidget | None], None],
        show_runs: Callable[[tuple[str, ...]], None],
        top: TopBar,
    ) -> None:
        self.data = Late(partial(_data, session, reveal))
        self.sweeps = Late(partial(_sweeps, session, show_page, show_beside))
        self.query = Late(partial(_query, session))
        self.inspect = Late(partial(_inspect, session))
        self.runs = Late(partial(_runs, session))
        self.device = Late(partial(_device, top))
        self.importing = Late(partial(_importing, session, top.window, show_runs))

    def afoot(self) -> tuple[str, ...]:
        """What goes on in them that would end with the window, a sentence each."""
        found: list[str] = []
        self.query.if_made(lambda room: found.append(room.asking.afoot()))
        self.inspect.if_made(lambda room: found.append(room.inspecting.afoot()))
        self.importing.if_made(lambda importing: found.append(importing.afoot()))
        return tuple(filter(None, found))

    def close(self) -> None:
        """Who works on them stops."""
        self.query.if_made(lambda room: room.close())
        self.inspect.if_made(lambda room: room.close())
        self.runs.if_made(lambda room: room.close())
        self.device.if_made(lambda line: line.close())
        self.importing.if_made(lambda importing: importing.close())


def _data(session: Session, reveal: Callable[[str], None]) -> DataPage:
    from studio.window.data_page import DataPage

    return DataPage(session, reveal)


def _sweeps(
    session: Session, show_page: Callable[[str], None], show_beside: Callable[[QWidget | None], None]
) -> SweepPage:
    from studio.window.sweep_page import SweepPage

    return SweepPage(session, show_page, show_beside)


def _importing(
    session: Session, window: Callable[[], QWidget], show_runs: Callable[[tuple[str, ...]], None]
) -> Importing:
    from studio.window.importing import Importing

    return Importing(session, window(), show_runs)


def _device(top: TopBar) -> DeviceLine:
    from studio.watching.device_line import DeviceLine

    return DeviceLine(top)


def _query(session: Session) -> QueryRoom:
    from studio.asking.query import Asking
    from widgets.query.page import QueryPage

    page = QueryPage()
    return QueryRoom(page=page, asking=Asking(session, page))


def _inspect(session: Session) -> InspectRoom:
    from studio.asking.inspecting import Inspecting
    from widgets.inspection.page import InspectPage

    page = InspectPage()
    return InspectRoom(page=page, inspecting=Inspecting(session, page))


def _runs(session: Session) -> RunsRoom:
    from studio.watching.comparing import Comparing
    from studio.watching.exploring import Exploring
    from studio.watching.reporting import Reporting
    from widgets.library.library import LibraryView

    page = LibraryView()
    return RunsRoom(
        page=page, comparing=Comparing(session, page), exploring=Exploring(session, page),
        reporting=Reporting(session, page),
    )  # fmt: skip
