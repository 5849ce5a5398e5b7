"""Pages that are made, and whose code is read, when they are first looked at; each with whoever works on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from studio.session import Session
from studio.window.late import Late

if TYPE_CHECKING:
    from studio.asking.inspecting import Inspecting
    from studio.asking.query import Asking
    from studio.watching.comparing import Comparing
    from studio.watching.exploring import Exploring
    from studio.watching.reporting import Reporting
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
    """The three of them."""

    def __init__(self, session: Session) -> None:
        self.query = Late(partial(_query, session))
        self.inspect = Late(partial(_inspect, session))
        self.runs = Late(partial(_runs, session))

    def close(self) -> None:
        """Who works on them stops."""
        self.query.if_made(lambda room: room.close())
        self.inspect.if_made(lambda room: room.close())
        self.runs.if_made(lambda room: room.close())


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
