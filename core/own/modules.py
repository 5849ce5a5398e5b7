"""The one gate through which a person's own block becomes code: ``import crossmodal_own.NAME``.

Importing this module lets Python ask here for such names, in every process of a run: in a loader process that meets the class
in what it is told, in an exported script. A name is found only where own blocks are switched on and the file's contents, as
they are now, are allowed; those very bytes are run. Python's bytecode cache is neither read nor written there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType

from core.own.files import PACKAGE, OwnFile, own_file
from core.own.settings import read_settings
from core.problems import Refused, refuse

_loaded: dict[str, OwnFile] = {}  # module -> what it was made of


class OwnLoader(SourceLoader):
    """Runs the contents that were looked at, whatever lies there by now."""

    def __init__(self, file: OwnFile) -> None:
        self._file = file

    def get_filename(self, fullname: str) -> str:
        """Where it came from, for tracebacks."""
        return str(self._file.path)

    def get_data(self, path: str | bytes) -> bytes:
        """The source; never a cache beside it."""
        if str(path) != str(self._file.path):
            raise OSError("only the block's own file is read")
        return self._file.text.encode("utf-8")

    def exec_module(self, module: ModuleType) -> None:
        """Run it, and remember what it was."""
        super().exec_module(module)
        _loaded[module.__name__] = self._file


class OwnFinder(MetaPathFinder):
    """Finds ``crossmodal_own`` and what is allowed in it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's spec; None for any other name. Raises ImportError with the reason where it is not allowed."""
        if fullname == PACKAGE:
            spec = ModuleSpec(PACKAGE, None, is_package=True)
            spec.submodule_search_locations = []
            return spec
        package, _, name = fullname.rpartition(".")
        if package != PACKAGE:
            return None
        try:
            file = allowed_file(name)
        except Refused as refused:
            raise ModuleNotFoundError(str(refused), name=fullname) from refused
        return spec_from_file_location(fullname, file.path, loader=OwnLoader(file))


def allowed_file(name: str) -> OwnFile:
    """A file that may be run as it is now. Raises Refused with the reason why not."""
    settings = read_settings()
    if not settings.on:
        raise refuse("Blocks of your own are switched off.", hint="Switch them on: python -m studio blocks on")
    file = own_file(settings, name)
    if file.state != "allowed":
        raise refuse(why_not(file), hint=f"Look at it, then allow it: python -m studio blocks allow {name}")
    return file


def why_not(file: OwnFile) -> str:
    """Why a file is not loaded, as a sentence; empty where it may be."""
    if file.state == "refused":
        return file.why
    if file.state == "new":
        return f"{file.path} has not been allowed yet."
    if file.state == "changed":
        return f"{file.path} has changed since it was allowed."
    return ""


def loaded() -> dict[str, OwnFile]:
    """What was run in this process: key of the block (``own.NAME``) -> its file as it was then."""
    return {file.key: file for file in _loaded.values()}


def forget(module: str) -> None:
    """Let a module be found anew."""
    _loaded.pop(module, None)
    sys.modules.pop(module, None)


if not any(isinstance(finder, OwnFinder) for finder in sys.meta_path):
    sys.meta_path.insert(0, OwnFinder())  # first: a folder on the path that is called so is never asked
