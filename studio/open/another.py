"""Another store: looked at behind this window, then opened by a window in a process of its own, so that no run is disturbed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import TYPE_CHECKING

from core.problems import Refused
from studio.open.host import Host
from studio.telling.sentences import refusal
from widgets.look.language import tr
from widgets.store_sheet import StoreSheet, WantedStore

if TYPE_CHECKING:  # SQLAlchemy, which the window's first picture does not wait for
    from core.store.database import Store

ROOT = Path(__file__).resolve().parents[2]


def ask_for_store(host: Host, sheet: StoreSheet) -> None:
    """Open what the sheet wants; it stays, and says why, where that cannot be."""

    def answer(found: tuple[str, str, str] | None, why: str) -> None:
        if found is None:
            sheet.show_problem(why)
            return
        place, files, password = found
        if keep[0]:
            host.preferences.keep_store(place, files)
        begin_window(place, files, password)
        host.say(tr("{place} opens in a window of its own.", place=place))
        sheet.accept()

    keep = [False]

    def look(wanted: WantedStore) -> None:
        keep[0] = wanted.keep
        host.engine.ask(lambda: looked_at(wanted), answer)

    sheet.wanted.connect(look)


def looked_at(wanted: WantedStore) -> tuple[str, str, str]:
    """Place, folder and password by which another process opens it. Raises Refused."""
    from core.store.database import Store

    with Store.open(with_password(wanted), files=wanted.files or None) as store:
        files = "" if store.is_file or not wanted.files else str(store.files)
        return store.url, files, str(store.environment.get("PGPASSWORD", ""))


def with_password(wanted: WantedStore) -> str:
    """The URL as it is opened in this process; nobody else sees it."""
    if not wanted.password:
        return wanted.place
    from core.store.engines.postgresql import address_of  # only for a store by URL

    return address_of(wanted.place).set(password=wanted.password).render_as_string(hide_password=False)


def begin_window(place: str, files: str, password: str) -> None:
    """A window of its own; the password is neither an argument nor kept."""
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    given = ["--files", files] if files else []
    Popen(
        [sys.executable, "-m", "studio", "open", "--store", place, *given], cwd=ROOT, env=environment,
        stdin=DEVNULL, start_new_session=True,
    )  # fmt: skip


def store_at(place: str, files: str | None) -> Store:
    """The one that was asked for. Raises Refused."""
    from core.store.database import Store

    return Store.open(place, files=files)


def usual_store(place: str, files: str) -> tuple[Store, str]:
    """The store that a person wants at every start, or, and why, that of this machine where it cannot be opened."""
    from core.store.database import Store

    try:
        return Store.open(place or None, files=files or None), ""
    except Refused as refused:
        if not place:
            raise
        why = tr("{why} The runs of this machine are shown instead.", why=refusal(refused))
        return Store.open(None), why
