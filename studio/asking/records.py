"""Runs leave the library as records of other programs: asked behind the window, told in the message bar."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from core.problems import refuse
from widgets.look.language import tr

if TYPE_CHECKING:  # SQLAlchemy, which the window's first picture does not wait for
    from core.store.library import Library

if TYPE_CHECKING:
    from studio.session import Session

MOST_BYTES = 160  # of a run's name in a folder's: a file system takes 255, and a Chinese character is three


def write_tensorboard(
    library: Library, uid: str, folder: Path, stops: Callable[[], bool] = lambda: False
) -> tuple[int, int, int]:
    """Write a run into a folder of its own; gives how many values, how many steps with something else, and how many values 32 bits do not hold."""
    from core.records.writers.tensorboard import export_tensorboard  # soundfile, when an event file is written

    written = export_tensorboard(library, uid, folder, stops)
    return written.values, written.others, written.beyond


def export_to_tensorboard(session: Session, uids: tuple[str, ...], folder: str) -> None:
    """Each run into a folder of its own below one that was chosen."""

    def write() -> tuple[int, int]:
        library, values, beyond = session.library, 0, 0
        for uid in uids:
            place = Path(folder) / folder_name(library.facts(uid).name, uid)
            try:
                more, _, lost = write_tensorboard(library, uid, place, lambda: session.engine.is_closed)
            except OSError as error:
                raise refuse(f"{place} cannot be written: {error.strerror or error}.") from error
            values, beyond = values + more, beyond + lost
        return values, beyond

    def said(written: tuple[int, int] | None, why: str) -> None:
        values, beyond = written or (0, 0)
        words = tr(
            "{n} runs with {values} values were written to {path}.", n=len(uids), values=f"{values:,}", path=folder
        )
        lost = [beyond_words(beyond)] if beyond else []
        session.say(why or " ".join([words, *lost]), "error" if why else "warning" if lost else "hint")

    session.engine.look_inside(write, said)


def beyond_words(count: int) -> str:
    """What became of values that the format does not hold."""
    return tr(
        "{n} values are larger or smaller than its 32 bits hold: they were written as infinite or as 0.", n=f"{count:,}"
    )


def folder_name(name: str, uid: str) -> str:
    """A run's name as a folder's, told apart by its uid."""
    plain = re.sub(r"[^\w.-]+", "_", name).strip("._")[:80].encode()[:MOST_BYTES].decode(errors="ignore")
    return f"{plain}-{uid}" if plain else uid
