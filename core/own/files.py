"""The files of a person's own blocks: each with its place, its SHA-256, and whether these contents are allowed."""

from __future__ import annotations

import hashlib
import keyword
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.own.guards import checked_folder, contents
from core.own.settings import OwnSettings
from core.problems import Refused, refuse

State = Literal["allowed", "new", "changed", "refused"]
PACKAGE = "crossmodal_own"  # what a module of an own block is called under
FAMILY = "own"  # what its key begins with: own.NAME
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_OTHERS = re.compile(r"(test_.*|.*_test|conftest|setup)")


@dataclass(frozen=True, kw_only=True)
class OwnFile:
    """One file as it lies there now."""

    name: str  # without .py
    path: Path
    state: State
    sha256: str = ""
    text: str = ""  # what is in it
    why: str = ""  # it is refused

    @property
    def module(self) -> str:
        """Its name for Python."""
        return f"{PACKAGE}.{self.name}"

    @property
    def key(self) -> str:
        """What its block is called in a document."""
        return f"{FAMILY}.{self.name}"


def why_no_name(name: str) -> str:
    """Why no block's file can be called so; empty where one can."""
    if _NAME.fullmatch(name) and not keyword.iskeyword(name) and not _OTHERS.fullmatch(name):
        return ""
    return f"A block's file cannot be called {name!r}: small letters, digits and underscores, a letter first."


def own_files(settings: OwnSettings) -> tuple[OwnFile, ...]:
    """Every file of the folder that may hold a block, by name; none where the folder is not there.

    Raises Refused where nothing is ever loaded from that folder.
    """
    if not settings.place.expanduser().exists():
        return ()
    folder = checked_folder(settings.place)
    names = sorted(name.removesuffix(".py") for name in os.listdir(folder) if name.endswith(".py"))
    return tuple(_file(settings, folder, name) for name in names if not _is_another(name))


def _is_another(name: str) -> bool:
    """Tests, and what Python or a person hides, hold no block."""
    return name.startswith(("_", ".")) or _OTHERS.fullmatch(name) is not None


def _file(settings: OwnSettings, folder: Path, name: str) -> OwnFile:
    path = folder / f"{name}.py"
    try:
        if why := why_no_name(name):
            raise refuse(why)
        path, data = contents(folder, f"{name}.py")
        text = data.decode("utf-8")
    except Refused as refused:
        return OwnFile(name=name, path=path, state="refused", why=str(refused))
    except UnicodeDecodeError:
        return OwnFile(name=name, path=path, state="refused", why=f"{path} is no text in UTF-8.")
    found = hashlib.sha256(data).hexdigest()
    known = settings.allowed.get(str(path))
    state: State = "allowed" if known == found else "changed" if known else "new"
    return OwnFile(name=name, path=path, state=state, sha256=found, text=text)


def own_file(settings: OwnSettings, name: str) -> OwnFile:
    """One of them. Raises Refused."""
    found = own_files(settings)
    for file in found:
        if file.name == name:
            return file
    known = ", ".join(file.name for file in found) or "none"
    raise refuse(f"There is no file {name}.py in {settings.place}.", hint=f"There: {known}.")


def allow(settings: OwnSettings, name: str, sha256: str) -> OwnSettings:
    """Allow a file with the very contents that were looked at. Raises Refused where it holds others by now."""
    file = own_file(settings, name)
    if file.state == "refused":
        raise refuse(file.why)
    if file.sha256 != sha256:
        raise refuse(f"{file.path} has changed since it was looked at.", hint="Look at it again.")
    return settings.allowing(file.path, sha256)
