"""Reads a person's own blocks into the catalogues, once; a broken one leaves nothing behind and the others go on."""

from __future__ import annotations

import importlib
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core.catalog import Catalog
from core.own.files import FAMILY, PACKAGE, OwnFile, own_files
from core.own.modules import forget, loaded, why_not
from core.own.settings import read_settings
from core.problems import Problem, Refused, refuse

Check = Callable[[type[Any]], tuple[int, str]]  # line and reason why a class cannot be used; no reason where it can


@dataclass(frozen=True, kw_only=True)
class OwnBlocks:
    """What came of the folder."""

    on: bool = False
    files: tuple[OwnFile, ...] = ()
    broken: tuple[tuple[str, str], ...] = ()  # name of a file, and why nothing of it is used
    refused: str = ""  # why nothing at all is loaded from there

    def problems(self) -> tuple[Problem, ...]:
        """What a person should know at the start: allowed files that do not work, and files that were changed."""
        told = [why for _, why in self.broken]
        told += [why_not(file) for file in self.files if file.state == "changed"]
        told += [self.refused] if self.refused else []
        return tuple(Problem(what=why, severity="warning") for why in told)


_lock = threading.RLock()
_now: OwnBlocks | None = None


def load_own(catalogs: Sequence[Catalog[Any]], check: Check, *, again: bool = False) -> OwnBlocks:
    """Run every allowed file and put its block into its catalogue. ``again``: the folder is looked at anew.

    The catalogues have been walked already: what the studio brings is there first. Never raises for what a person wrote.
    """
    global _now
    with _lock:
        if _now is None or again:
            _drop(catalogs)
            _now = _load(catalogs, check)
        return _now


def read_own() -> OwnBlocks:
    """What came of the folder when it was last looked at."""
    return _now or OwnBlocks()


def _drop(catalogs: Sequence[Catalog[Any]]) -> None:
    for file in loaded().values():
        forget(file.module)
    for catalog in catalogs:
        catalog.drop(f"{PACKAGE}.")


def _load(catalogs: Sequence[Catalog[Any]], check: Check) -> OwnBlocks:
    try:
        settings = read_settings()
        if not settings.on:
            return OwnBlocks()
        files = own_files(settings)
    except Refused as refused:
        return OwnBlocks(refused=str(refused))
    broken = []
    for file in files:
        if file.state == "allowed" and (why := _taken(file, catalogs, check)):
            broken.append((file.name, why))
    return OwnBlocks(on=True, files=files, broken=tuple(broken))


def _taken(file: OwnFile, catalogs: Sequence[Catalog[Any]], check: Check) -> str:
    """Run one file; why it cannot be used, empty where it can. All or nothing of it is in the catalogues afterwards."""
    every = Catalog.every()
    before = [(catalog, catalog.state()) for catalog in every]
    try:
        importlib.import_module(file.module)
        _refuse_strays(file, catalogs, every)
        for cls in _classes(file, catalogs):
            line, why = check(cls)
            if why:
                break
        else:
            return ""
    except Refused as refused:
        line, why = 0, str(refused)
    except (Exception, SystemExit) as error:  # whatever a person's file does
        line, why = _line(file, error), _what(error)
    for catalog, state in before:
        catalog.restore(state, f"{PACKAGE}.")
    forget(file.module)
    return f"{file.path.name}, line {line}: {why}" if line else f"{file.path.name}: {why}"


def _classes(file: OwnFile, catalogs: Sequence[Catalog[Any]]) -> list[type[Any]]:
    return [cls for catalog in catalogs for cls in catalog.known().values() if cls.__module__ == file.module]


def _refuse_strays(file: OwnFile, catalogs: Sequence[Catalog[Any]], every: Sequence[Catalog[Any]]) -> None:
    """Raise Refused where the file holds no block, or one of another name or kind."""
    for catalog in every:
        for key, cls in catalog.known().items():
            if cls.__module__ != file.module:
                continue
            if catalog not in catalogs:
                raise refuse(f"It adds a {catalog.noun}, {key!r}; only blocks, sources and transforms can be added.")
            if key != file.key:
                raise refuse(f"Its {catalog.noun} is called {key!r}; in this file it must be {file.key!r}.")
            if not (isinstance(cls, type) and issubclass(cls, catalog.base)):
                raise refuse(
                    f"{cls.__name__} is no {catalog.noun}: it must be a class derived from {catalog.base.__name__}."
                )
    if not _classes(file, catalogs):
        raise refuse(f"It registers no block. Write @blocks.register({file.key!r}) before the class.")


def _what(error: BaseException) -> str:
    """What a person's file raised."""
    text = error.msg if isinstance(error, SyntaxError) else (str(error).strip().splitlines() or [""])[0][:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _line(file: OwnFile, error: BaseException) -> int:
    """The line of the file at which it broke; 0 where none is known."""
    if isinstance(error, SyntaxError) and error.filename == str(file.path):
        return error.lineno or 0
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 0 for frame in reversed(frames) if frame.filename == str(file.path)), 0)


def why_missing(block: str) -> str:
    """Why an own block that a document uses is not there, as a sentence."""
    now, name = _now or OwnBlocks(), block.partition(".")[2]
    if now.refused:
        return now.refused
    if not now.on:
        return "Own blocks are switched off here."
    if name in dict(now.broken):
        return dict(now.broken)[name]
    file = next((file for file in now.files if file.name == name), None)
    return f"There is no file {name}.py in the folder of own blocks." if file is None else why_not(file)


def is_own(block: str) -> bool:
    """Whether a document's block is one of a person's own, loaded or not."""
    return block.startswith(f"{FAMILY}.")


def edition(block: str) -> str:
    """Which contents of an own block are in use, by its SHA-256; empty for the studio's own and for what is not loaded."""
    file = loaded().get(block) if is_own(block) else None
    return file.sha256 if file else ""
