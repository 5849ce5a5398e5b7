"""File names from tables and folders: they may not leave the folder they are said to lie in, by any trick."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from core.problems import refuse


def inside(root: Path, name: str) -> Path:
    """The regular file ``name`` below ``root`` (a resolved folder).

    Raises Refused for absolute names, drive letters, ``..``, NUL, and links that lead out, and where nothing is there.
    """
    windows = PureWindowsPath(name)
    if not name or "\0" in name or len(name) > 4096:
        raise refuse(f"{name[:80]!r} is not a file name.")
    if PurePosixPath(name).is_absolute() or windows.drive or windows.root or ".." in windows.parts:
        raise refuse(f"{name[:160]!r} leads out of the folder.", hint="Names must lie below the chosen folder.")
    try:
        file = (root / name).resolve()
        if not file.is_relative_to(root):
            raise refuse(f"{name[:160]!r} is a link that leads out of the folder.")
        if not file.is_file():
            raise refuse(f"{name[:160]!r} is not there.")
    except (OSError, RuntimeError, UnicodeError) as error:  # circles of links, names no file system takes
        raise refuse(f"{name[:160]!r} cannot be opened: {type(error).__name__}.") from error
    return file


def folder(name: str, what: str) -> Path:
    """A chosen folder, resolved. Raises Refused where none is chosen or it is not there."""
    if not name:
        raise refuse(f"No {what} is chosen.", hint="Choose one in the settings panel.")
    try:
        path = Path(name).expanduser().resolve()
        is_folder = path.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        raise refuse(f"The {what} {name[:160]!r} cannot be opened.") from error
    if not is_folder:
        raise refuse(f"The {what} {name[:160]!r} is not there.")
    return path
