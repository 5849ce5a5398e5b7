"""Where a run's checkpoints, and the pictures and sounds of all runs, lie: in the store's folder of files, wherever that is now.

The one lookup of everyone who reads a checkpoint. The store keeps paths that are relative to its folder, so store and
checkpoints may be moved together; an absolute path, as older versions kept it, is looked for beside the store first.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.store.database import Store

CHECKPOINTS = "checkpoints"


def checkpoint_folder(store: Store, uid: str) -> Path:
    """The folder of a run's checkpoints."""
    return store.files / CHECKPOINTS / uid


def kept_path(store: Store, path: Path) -> str:
    """How a checkpoint is written into the store: relative to it, where it lies beside it."""
    home = store.files
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)


def located(home: Path, kept: str) -> Path:
    """Where a checkpoint that the store knows as ``kept`` lies now; ``home`` is the store's folder.

    The path that is given back need not exist: whoever reads it says so.
    """
    beside = home / _tail(kept)
    written = Path(kept)
    return written if written.is_absolute() and written.exists() and not beside.exists() else beside


def found_elsewhere(place: Path, homes: list[Path]) -> Path:
    """A run's folder, or one of its checkpoints, that another document names: beside one of these stores, or as named."""
    for home in homes if CHECKPOINTS in place.parts else ():
        beside = home / _tail(str(place))
        if beside.exists():
            return beside
    return place


def _tail(kept: str) -> Path:
    """What follows the folder of all checkpoints, with it; whole where there is no such folder in it."""
    pure = PureWindowsPath(kept) if "\\" in kept else PurePosixPath(kept)
    parts = pure.parts
    if CHECKPOINTS in parts:
        return Path(*parts[len(parts) - 1 - parts[::-1].index(CHECKPOINTS) :])
    return Path(*parts) if not pure.is_absolute() else Path(CHECKPOINTS, *parts[-2:])
