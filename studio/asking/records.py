"""Runs leave the library as records of other programs: asked behind the window, told in the message bar."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from core.problems import refuse
from core.store.library import Library
from widgets.look.language import tr

if TYPE_CHECKING:
    from studio.session import Session

MOST_BYTES = 160  # of a run's name in a folder's: a file system takes 255, and a Chinese character is three


def write_tensorboard(
    library: Library, uid: str, folder: Path, stops: Callable[[], bool] = lambda: False
) -> tuple[int, int]:
    """Write a run into a folder of its own; gives how many values, and how many steps with something else."""
    from core.records.writers.tensorboard import export_tensorboard  # soundfile, when an event file is written

    written = export_tensorboard(library, uid, folder, stops)
    return written.values, written.others


def export_to_tensorboard(session: Session, uids: tuple[str, ...], folder: str) -> None:
    """Each run into a folder of its own below one that was chosen."""

    def write() -> int:
        library, values = session.library, 0
        for uid in uids:
            place = Path(folder) / folder_name(library.facts(uid).name, uid)
            try:
                values += write_tensorboard(library, uid, place, lambda: session.engine.is_closed)[0]
            except OSError as error:
                raise refuse(f"{place} cannot be written: {error.strerror or error}.") from error
        return values

    def said(values: int | None, why: str) -> None:
        words = tr(
            "{n} runs with {values} values were written to {path}.", n=len(uids), values=f"{values or 0:,}", path=folder
        )
        session.say(why or words, "error" if why else "hint")

    session.engine.look_inside(write, said)


def folder_name(name: str, uid: str) -> str:
    """A run's name as a folder's, told apart by its uid."""
    plain = re.sub(r"[^\w.-]+", "_", name).strip("._")[:80].encode()[:MOST_BYTES].decode(errors="ignore")
    return f"{plain}-{uid}" if plain else uid
