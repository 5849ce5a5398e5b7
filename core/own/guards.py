"""What keeps a stranger's code out: a file must be the person's own, lie where it says it lies, and be small and regular.

A file is opened once: owner, rights and contents are of that one opening, so nothing can be put in its place between.
"""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from core.problems import Refused, refuse

MOST_BYTES = 1 << 20
INSTALLATION = Path(__file__).resolve().parents[2]
EXPERIMENT = ".cms.json"


def owner_refusal(facts: os.stat_result, place: str) -> Refused | None:
    """Why what lies there may have been written by another person of this machine; None where it cannot."""
    if not hasattr(os, "getuid"):
        return None
    if facts.st_uid not in (os.getuid(), 0):
        return refuse(f"{place} belongs to another person of this machine, so it is not read.")
    if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return refuse(
            f"{place} can be written by others, so it is not read.", hint=f"Run: chmod go-w {shlex.quote(place)}"
        )
    return None


def checked_folder(folder: Path) -> Path:
    """The folder, resolved. Raises Refused where blocks are never loaded from there."""
    try:
        place = folder.expanduser().resolve(strict=True)
        facts = place.stat()
        names = os.listdir(place)
    except OSError as error:
        raise refuse(f"The folder of own blocks, {folder}, cannot be read: {error.strerror or error}.") from error
    if place == INSTALLATION or place.is_relative_to(INSTALLATION / "core"):
        raise refuse(f"{place} belongs to the studio itself.", hint="Choose a folder of your own.")
    if place == working_folder():
        raise refuse(
            f"{place} is the folder this was started in, and no code is loaded from there.",
            hint="Start the studio in another folder.",
        )
    if any(name.endswith(EXPERIMENT) for name in names):
        raise refuse(
            f"Experiments lie in {place}, and no code is loaded from beside an experiment.",
            hint="Put your blocks into a folder of their own.",
        )
    if why := owner_refusal(facts, str(place)):
        raise why
    return place


def working_folder() -> Path | None:
    """Where this process is; None where that is gone."""
    try:
        return Path.cwd().resolve()
    except OSError:
        return None


def contents(folder: Path, name: str) -> tuple[Path, bytes]:
    """A file of a folder (resolved, see :func:`checked_folder`): where it really lies, and what is in it. Raises Refused."""
    try:
        path = (folder / name).resolve(strict=True)
        if path.parent != folder:
            raise refuse(f"{name} leads out of {folder}, to {path}.", hint="Put the file itself there.")
        with os.fdopen(
            os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)), "rb"
        ) as opened:
            facts = os.fstat(opened.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise refuse(f"{path} is no regular file.")
            if why := owner_refusal(facts, str(path)):
                raise why
            data = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise refuse(f"{folder / name} cannot be read: {error.strerror or error}.") from error
    if len(data) > MOST_BYTES:
        raise refuse(f"{path} is larger than 1 MiB, which no block is.")
    return path, data
