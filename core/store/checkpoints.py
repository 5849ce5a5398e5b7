"""Checkpoints on disk: each whole or not there at all, every file with its hash, the last few and the best kept.

Who trains writes the tensors (safetensors); here is what makes them safe: a folder beside the others, filled under
another name, flushed to the disk and renamed. A damaged one is passed over for the good one before it, and that is said.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.problems import Problem, Refused, refuse
from core.store.faults import cause_of, is_storage_fault
from core.store.liveness import is_alive, this_process

MANIFEST, STATE = "manifest.json", "state.json"
FORMAT = 1
UNREADABLE = 2**62
ROOM = 2.2  # free space wanted, in sizes of the last checkpoint
PREFIX, UNFINISHED, REPLACED = "step-", ".unfinished-", ".replaced-"


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A checkpoint that was found whole."""

    path: Path
    step: int
    best: bool
    warnings: tuple[Problem, ...] = ()  # the damaged ones that were passed over


class CheckpointFolder:
    """The checkpoints of one run; one process writes, any may read."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.removed: tuple[str, ...] = ()  # what retention removed at the last save

    def save(
        self, step: int, write: Callable[[Path], None], state: Mapping[str, Any], *, best: bool = False,
        keep_last: int = 2, keep_best: bool = True,
    ) -> Path:  # fmt: skip
        """Write one and remove what need not be kept. ``write`` puts files into the folder that it is given.

        ``best`` says that none was better; the one that was best before is then kept only as one of the last.
        Raises Refused where the disk is full or cannot be written; the others are then as they were.
        """
        final = self.path / f"{PREFIX}{step:09d}"
        unfinished = self.path / f"{UNFINISHED}{_owner()}-{step:09d}"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._tidy()
            self._want_room()
            unfinished.mkdir()
            write(unfinished)
            (unfinished / STATE).write_text(json.dumps(dict(state), default=_plain), encoding="utf-8")
            _write_manifest(unfinished, step, best or self._is_best(final))
            self._put(unfinished, final)
        except Refused:
            raise
        except BaseException as error:
            shutil.rmtree(unfinished, ignore_errors=True)
            if is_storage_fault(error) or (isinstance(error, Exception) and self._free() < self._last_size()):
                raise self._sentence(error) from error
            raise
        self.removed = self._retain(max(1, keep_last), keep_best)
        return final

    def all(self) -> list[Path]:
        """Every checkpoint, the one written first first; those whose manifest cannot be read come last.

        One that had stepped aside for its like when the process died still counts, under the name it has then.
        """
        with suppress(OSError):
            found = [path for path in self.path.iterdir() if _step_of(path) is not None]
            names = {path.name.removeprefix(REPLACED) for path in found if not path.name.startswith(REPLACED)}
            found = [path for path in found if path.name in names or path.name.removeprefix(REPLACED) not in names]
            return sorted(found, key=lambda path: (_written(path), _step_of(path) or 0))
        return []

    def has_one(self, upto: int) -> bool:
        """Whether there is one at or before a step, whole or not. Cheap: only names are read."""
        with suppress(OSError):
            return any((_step_of(path) or 0) <= upto for path in self.path.iterdir() if _step_of(path) is not None)
        return False

    def newest(self, upto: int | None = None) -> Saved | None:
        """The newest that is whole (at or before a step); None where there is none. Damaged ones are named."""
        return self._first_whole([p for p in reversed(self.all()) if upto is None or (_step_of(p) or 0) <= upto])

    def best(self) -> Saved | None:
        """The best that is whole; the newest where the best is damaged or none is marked."""
        marked = [path for path in reversed(self.all()) if _is_marked(path)]
        return self._first_whole([*marked, *(path for path in reversed(self.all()) if path not in marked)])

    def _first_whole(self, candidates: list[Path]) -> Saved | None:
        warnings: list[Problem] = []
        for path in candidates:
            try:
                about = verify(path)
            except Refused as refused:
                warnings.extend(refused.problems)
                continue
            return Saved(path=path, step=about["step"], best=about["best"], warnings=tuple(warnings))
        if warnings:
            raise Refused(*warnings, Problem(what=f"No checkpoint in {self.path} can be used."))
        return None

    def _put(self, unfinished: Path, final: Path) -> None:
        """Under its name at once; one that has that name already steps aside first."""
        if final.exists():
            replaced = self.path / f"{REPLACED}{final.name}"
            shutil.rmtree(replaced, ignore_errors=True)
            os.replace(final, replaced)
        os.replace(unfinished, final)
        _flush_folder(self.path)
        shutil.rmtree(self.path / f"{REPLACED}{final.name}", ignore_errors=True)

    def _tidy(self) -> None:
        """After a crash: take back what had stepped aside, remove what was not finished; a living process's is left."""
        for path in list(self.path.iterdir()):
            if path.name.startswith(REPLACED):
                final = self.path / path.name.removeprefix(REPLACED)
                if not final.exists():
                    os.replace(path, final)
                else:
                    shutil.rmtree(path, ignore_errors=True)
            elif path.name.startswith(UNFINISHED) and not _is_written(path):
                shutil.rmtree(path, ignore_errors=True)

    def _retain(self, keep_last: int, keep_best: bool) -> tuple[str, ...]:
        paths = self.all()
        readable = [path for path in paths if _manifest(path)]
        kept = set(readable[-keep_last:])
        marked = [path for path in readable if _is_marked(path)]
        if keep_best and marked:
            kept.add(marked[-1])
        removed = [path for path in paths if path not in kept]
        for path in removed:
            shutil.rmtree(path, ignore_errors=True)
        return tuple(str(path) for path in removed)

    def _is_best(self, final: Path) -> bool:
        """A best that is saved again at the same step stays the best."""
        return final.exists() and _is_marked(final)

    def _last_size(self) -> int:
        paths = self.all()
        return _size(paths[-1]) if paths else 0

    def _free(self) -> int:
        place = next(place for place in (self.path, *self.path.absolute().parents) if place.exists())
        return shutil.disk_usage(place).free

    def _want_room(self) -> None:
        wanted, free = math.ceil(ROOM * self._last_size()), self._free()
        if free < wanted:
            raise refuse(
                f"There is no room for a checkpoint: {_mebibytes(free)} free, {_mebibytes(wanted)} wanted.",
                hint=f"Free some space on the disk of {self.path}.",
            )

    def _sentence(self, error: BaseException) -> Refused:
        cause = cause_of(error)
        if "disk is full" in cause or not is_storage_fault(error):
            free = _mebibytes(self._free())
            return refuse(f"The disk is full: the checkpoint was not written ({free} free).", hint="Free some space.")
        return refuse(f"The checkpoint was not written to {self.path}: {cause}.")


def verify(path: Path) -> dict[str, Any]:
    """Check every file of a checkpoint against its hash; gives the manifest. Raises Refused naming what is damaged."""
    about = _manifest(path)
    if about.get("format") != FORMAT or about.get("checksum") != _checksum(about):
        raise _damaged(path, MANIFEST)
    for name, facts in about["files"].items():
        file = path / name
        try:
            whole = file.stat().st_size == facts["bytes"] and _hash(file) == facts["sha256"]
        except OSError:
            whole = False
        if not whole:
            raise _damaged(path, name)
    return about


def _damaged(path: Path, name: str) -> Refused:
    return refuse(
        f"The checkpoint {path.name} is damaged ({name} is not as it was written).", hint="It is passed over."
    )


def _write_manifest(folder: Path, step: int, best: bool) -> None:
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            _flush(path)
            files[path.relative_to(folder).as_posix()] = {"sha256": _hash(path), "bytes": path.stat().st_size}
    about: dict[str, Any] = {"format": FORMAT, "step": step, "best": best, "written": _now(folder), "files": files}
    about["checksum"] = _checksum(about)
    (folder / MANIFEST).write_text(json.dumps(about, indent=1), encoding="utf-8")
    _flush(folder / MANIFEST)
    _flush_folder(folder)


def _now(folder: Path) -> int:
    """A number that grows with each checkpoint, whatever the clock does."""
    others = [_written(path) for path in folder.parent.iterdir() if _step_of(path) is not None]
    return max((number for number in others if number != UNREADABLE), default=0) + 1


def _manifest(path: Path) -> dict[str, Any]:
    try:
        data = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) and isinstance(data.get("files"), dict) else {}


def _written(path: Path) -> int:
    number = _manifest(path).get("written")
    return number if isinstance(number, int) else UNREADABLE


def _checksum(about: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in about.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _is_marked(path: Path) -> bool:
    return bool(_manifest(path).get("best"))


def _step_of(path: Path) -> int | None:
    name = path.name.removeprefix(REPLACED)
    number = name.removeprefix(PREFIX)
    return int(number) if name.startswith(PREFIX) and number.isdecimal() else None


def _owner() -> str:
    number, started = this_process()
    return f"{number}.{started:.0f}"


def _is_written(unfinished: Path) -> bool:
    """Whether another process that lives is writing it."""
    number, _, started = unfinished.name.removeprefix(UNFINISHED).partition("-")[0].partition(".")
    if not (number.isdecimal() and started.isdecimal()) or int(number) == os.getpid():
        return False
    return is_alive(int(number), float(started))


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(path: Path) -> int:
    return sum(facts.get("bytes", 0) for facts in _manifest(path).get("files", {}).values())


def _flush(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _mebibytes(size: float) -> str:
    return f"{size / 2**20:,.0f} MiB"


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} does not belong in a checkpoint's state")
