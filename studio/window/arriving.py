"""Files that are dropped anywhere on the window: an experiment is opened, an exported image leads to its run, another program's
records become runs, data goes to a source."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QUrl

from core.data.readers.media_formats import AUDIO, VIDEOS
from core.data.readers.picture_formats import ENDINGS as PICTURES
from core.data.tables import ENDINGS as TABLES
from core.problems import Refused
from core.records.telling import holds_records, is_record
from studio.session import Session
from studio.watching.result_cards import KINDS, ResultCards, read_card
from studio.window.dropping import source_for
from studio.window.frame import Frame
from widgets.look.language import tr

EXPERIMENTS = (".json",)
DATA = frozenset({*PICTURES, *AUDIO.endings, *VIDEOS.endings, *TABLES})


class Arriving:
    """Says what it would take, and takes it."""

    def __init__(self, session: Session, window: Frame, cards: ResultCards) -> None:
        self._session, self._window, self._cards = session, window, cards

    def takes(self, urls: Sequence[QUrl]) -> bool:
        """Whether something that is dragged would be taken."""
        return any(_takes(path) for path in _paths(urls))

    def take(self, urls: Sequence[QUrl]) -> None:
        """Experiments each in a tab; of all else the first."""
        paths = [path for path in _paths(urls) if _takes(path)]
        experiments = [path for path in paths if path.suffix.lower() in EXPERIMENTS and not path.is_dir()]
        for path in experiments:
            self._session.attempt(partial(self._session.open, path))
        if experiments:
            self._window.show_page("design")
        elif paths:
            self._take_one(paths[0])

    def _take_one(self, path: Path) -> None:
        if is_record(path) or (path.is_dir() and holds_records(path)):
            self._window.rooms.importing().open(path)
        elif path.is_dir():
            self._as_data(path)
        elif path.suffix.lower() in KINDS and _has_card(path):
            self._cards.open(path)
        else:
            self._offer(path)

    def _offer(self, path: Path) -> None:
        """One file is not a set of data; its folder may be one."""
        table = path.name if path.suffix.lower() in TABLES else ""
        self._window.messages.show_message(
            tr("“{name}” can be read as data, with what lies beside it in “{folder}”.", name=path.name, folder=path.parent.name),
            "hint",
            ((tr("Use its folder as data"), lambda: self._as_data(path.parent, table)),),
        )  # fmt: skip

    def _as_data(self, folder: Path, table: str = "") -> None:
        if not source_for(folder):
            self._session.say(tr("There are no images, audio or videos in that folder."), "warning")
            return
        self._window.show_page("data")
        self._window.rooms.data().take_folder(str(folder), table)


def _paths(urls: Sequence[QUrl]) -> list[Path]:
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]


def _takes(path: Path) -> bool:
    ending = path.suffix.lower()
    return path.is_dir() or ending in EXPERIMENTS or ending in KINDS or ending in DATA or is_record(path)


def _has_card(path: Path) -> bool:
    try:
        read_card(path)
    except Refused:
        return path.suffix.lower() not in DATA  # it is said what is wrong with it
    return True
