"""Asking for a file or a folder: one way for the whole window, each kind beginning where it was last found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

_here: dict[str, str] = {}
_kept: list[tuple[Callable[[str], str], Callable[[str, str], None]]] = []


def remember_with(read: Callable[[str], str], write: Callable[[str, str], None]) -> None:
    """Where last folders are kept, by what is asked for; within this process only until somebody gives a place."""
    _kept[:] = [(read, write)]


def last_folder(what: str) -> str:
    """Where a kind of thing was last found, if that is still there."""
    folder = _kept[0][0](what) if _kept else _here.get(what, "")
    return folder if folder and Path(folder).is_dir() else ""


def open_file(parent: QWidget, title: str, kinds: str = "", *, what: str, start: str = "") -> str:
    """A file that is there; empty where none was chosen. ``start`` is a path that goes before the last folder."""
    return _found(what, QFileDialog.getOpenFileName(parent, title, start or last_folder(what), kinds)[0])


def save_file(parent: QWidget, title: str, name: str, kinds: str = "", *, what: str) -> str:
    """A place to write to; ``name`` is proposed, in the last folder unless it says one itself."""
    folder = last_folder(what)
    proposed = name if not folder or Path(name).is_absolute() else str(Path(folder) / name)
    return _found(what, QFileDialog.getSaveFileName(parent, title, proposed, kinds)[0])


def open_folder(parent: QWidget, title: str, *, what: str, start: str = "") -> str:
    """A folder; empty where none was chosen."""
    folder = QFileDialog.getExistingDirectory(parent, title, start or last_folder(what))
    return _found(what, folder, is_folder=True)


def _found(what: str, path: str, *, is_folder: bool = False) -> str:
    if path:
        place = Path(path)
        folder = str(place if is_folder else place.parent)
        if _kept:
            _kept[0][1](what, folder)
        else:
            _here[what] = folder
    return path
