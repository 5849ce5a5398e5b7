"""Looks at a folder or a file and says which runs of others lie there, how many figures they have, and what cannot be read.

Links are not followed and nothing above the chosen folder is looked at.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from core.problems import Problem, Refused, refuse
from core.records.catalog import readers
from core.records.foreign import LATEST, ForeignRun, Place
from core.records.formats.sqlite_files import is_own_store
from core.records.gathering import MOST_SETTINGS
from core.records.reader import Stopped

DEEPEST, MOST_FILES = 16, 500_000
PASSED_OVER = frozenset({".git", ".trash", "node_modules", "__pycache__", "site-packages"})
READ_ERRORS = (OSError, ValueError, KeyError, TypeError, IndexError, OverflowError, MemoryError, RecursionError)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a look or an import has come."""

    done: int  # bytes
    of: int
    run: str = ""  # what is read now


@dataclass(frozen=True, kw_only=True)
class FoundRun:
    """A run that can be imported, in a line."""

    place: Place
    identity: str
    title: str
    name: str
    group: str
    figures: int
    series: int
    others: int  # images, audio, histograms, texts
    settings: int
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a look found."""

    folder: Path
    runs: tuple[FoundRun, ...]
    problems: tuple[Problem, ...] = ()


Told = Callable[[Progress], None]


class Telling:
    """Counts bytes, tells how far it is, and stops where nobody wants the answer any more."""

    def __init__(self, of: int, told: Told, stops: Callable[[], bool]) -> None:
        self.run = ""
        self._of, self._done, self._told, self._stops = of, 0, told, stops

    def __call__(self, bytes_: int) -> None:
        """So many more were read."""
        if self._stops():
            raise Stopped
        self._done += bytes_
        self._told(Progress(done=min(self._done, self._of), of=self._of, run=self.run))


def look(path: Path, told: Told = lambda progress: None, stops: Callable[[], bool] = lambda: False) -> Found:
    """Every run below a folder. Raises Refused where there is no such folder, Stopped where it is no longer wanted."""
    places, problems = places_in(path, stops)
    telling, found = Telling(sum(place.bytes for place in places), told, stops), []
    for place in places:
        try:
            run = read(place, telling)
        except Refused as refused:
            problems += refused.problems
            continue
        others = len(run.moments)
        found.append(
            FoundRun(
                place=place, identity=run.identity, title=run.title, name=name_in(run, path), group=run.group, figures=run.figures,
                series=len(run.series), others=others, settings=len(run.settings), remarks=run.remarks,
            )
        )  # fmt: skip
    return Found(folder=path, runs=tuple(found), problems=tuple(problems))


def read(place: Place, tell: Callable[[int], None]) -> ForeignRun:
    """One run. Raises Refused with a sentence, whatever is wrong with its files."""
    if isinstance(tell, Telling):
        tell.run = place.path.name
    try:
        return _counted(_dated(readers[place.kind].read(place, tell)))
    except (Refused, Stopped):
        raise
    except READ_ERRORS as error:
        raise unreadable(place.path, error) from error


def _dated(run: ForeignRun) -> ForeignRun:
    """Its beginning; where that is no time there is, the time of its file."""
    if 0 <= run.created < LATEST:
        return run
    remark = "It says no time at which it can have begun: the time of its file counts."
    return replace(run, created=run.place.path.stat().st_mtime, remarks=(*run.remarks, remark))


def _counted(run: ForeignRun) -> ForeignRun:
    """Where its settings were more than are kept, that is said."""
    if len(run.settings) < MOST_SETTINGS:
        return run
    return replace(run, remarks=(*run.remarks, f"Only the first {MOST_SETTINGS:,} of its settings are kept."))


def unreadable(path: Path, error: BaseException) -> Refused:
    """Why a file of others could not be read."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return refuse(f"{path} cannot be read: {reason}.", hint="The other runs are imported without it.")


def name_in(run: ForeignRun, root: Path) -> str:
    """What a run is called: one that is a folder by its way from the folder that was chosen, as TensorBoard does."""
    if run.name != run.place.path.name or run.place.path == root:
        return run.name
    try:
        return run.place.path.relative_to(root).as_posix()
    except ValueError:
        return run.name


def places_in(path: Path, stops: Callable[[], bool] = lambda: False) -> tuple[list[Place], list[Problem]]:
    """Where the runs lie, in the order of their paths, and what could not be looked into."""
    path = path.expanduser()
    if not path.exists():
        raise refuse(f"There is no folder {path}.")
    places: list[Place] = []
    problems: list[Problem] = []
    if not path.is_dir():
        _ask(path.parent, [path.name], places, problems)
    else:
        for folder, names in _walked(path, problems, stops):
            _ask(folder, names, places, problems)
    once = {(place.kind, place.path, place.which if place.path.is_file() else ""): place for place in reversed(places)}
    return list(reversed(once.values())), problems


def _ask(folder: Path, names: list[str], places: list[Place], problems: list[Problem]) -> None:
    own = [name for name in names if is_own_store(folder / name)]
    problems += [
        Problem(
            what=f"{folder / name} is a store of this studio.", severity="warning",
            hint="Bring its runs in on the command line: python -m studio import FILE.",
        )
        for name in own
    ]  # fmt: skip
    names = [name for name in names if name not in own]
    for _, reader in readers.items():
        for some in ([name] for name in names) if reader.by_file else [names]:
            try:
                places += reader.places(folder, some)
            except Refused as refused:
                problems += [problem for problem in refused.problems if problem not in problems]
            except READ_ERRORS as error:
                problems += unreadable(folder, error).problems


def _walked(root: Path, problems: list[Problem], stops: Callable[[], bool]) -> Iterator[tuple[Path, list[str]]]:
    """Folders and the plain files in them."""
    links = seen = too_deep = 0

    def shut(error: OSError) -> None:
        problems.extend(unreadable(Path(error.filename or root), error).problems)

    for where, folders, names in os.walk(root, onerror=shut, followlinks=False):
        if stops():
            raise Stopped
        here = Path(where)
        plain = []
        for name in sorted(names):
            kept = stat.S_ISREG((here / name).lstat().st_mode) if os.path.lexists(here / name) else False
            links += (here / name).is_symlink()
            plain += [name] * kept
        links += sum((here / name).is_symlink() for name in folders)
        deep = len(here.relative_to(root).parts) >= DEEPEST
        too_deep += sum(not (here / name).is_symlink() for name in folders) if deep else 0
        folders[:] = [] if deep else sorted(n for n in folders if n not in PASSED_OVER and not (here / n).is_symlink())
        seen += len(plain)
        if seen > MOST_FILES:
            problems.append(
                Problem(what=f"Only the first {MOST_FILES:,} files of {root} were looked at.", severity="warning")
            )
            break
        yield here, plain
    if too_deep:
        problems.append(
            Problem(
                what=f"{too_deep:,} folders in {root} lie deeper than {DEEPEST} levels and were not looked into.",
                hint="Choose a folder further down.", severity="warning",
            )
        )  # fmt: skip
    if links:
        problems.append(Problem(what=f"{links:,} links in {root} were not followed.", severity="warning"))
