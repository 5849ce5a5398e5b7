"""MLflow's folder ``mlruns``: a folder for each experiment, one for each run, a file for each metric with a line for each value."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from core.records.catalog import readers
from core.records.foreign import ForeignRun, Place
from core.records.formats.yaml_files import mapping_in
from core.records.gathering import Gathering
from core.records.logged_values import plain
from core.records.reader import Reader, Tell
from core.telemetry.events import Status

ABOUT = "meta.yaml"
STATES: dict[object, Status] = {
    3: "finished",
    4: "failed",
    5: "stopped",
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "stopped",
}
MOST_TEXT = 1 << 20
MOST_LISTED = 20_000


@readers.register("mlflow_files")
class MLflowFiles(Reader):
    """A run is a folder whose ``meta.yaml`` names it."""

    title = "MLflow"

    @classmethod
    def places(cls, folder: Path, names: Sequence[str]) -> list[Place]:
        """A run's own folder, or all below an experiment's, which knows its name."""
        if ABOUT not in names:
            return []
        about = mapping_in(folder / ABOUT)
        if _is_run(about):
            return [_place(cls.key, folder, "")] if about.get("lifecycle_stage") != "deleted" else []
        found = []
        if "experiment_id" in about:
            for inside in sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()):
                if (inside / ABOUT).is_file() and not (inside / ABOUT).is_symlink():
                    told = mapping_in(inside / ABOUT)
                    if _is_run(told) and told.get("lifecycle_stage") != "deleted":
                        found.append(_place(cls.key, inside, str(about.get("name", ""))))
        return found

    @classmethod
    def read(cls, place: Place, tell: Tell) -> ForeignRun:
        """Metrics, parameters and tags."""
        about, gathered = mapping_in(place.path / ABOUT), Gathering()

        def full() -> None:
            gathered.remark(f"It has more files than are read: the first {MOST_LISTED:,} of a kind count.")

        for name, file in _files(place.path / "metrics", full):
            _take_metric(gathered, name, file)
            tell(file.stat().st_size)
        tags = {name: _text(file) for name, file in _files(place.path / "tags", full)}
        params = {name: _text(file) for name, file in _files(place.path / "params", full)}
        uid = str(about.get("run_id", about.get("run_uuid")))
        series = gathered.series()
        return ForeignRun(
            place=place, title=cls.title, identity=uid, name=str(about.get("run_name") or tags.get("mlflow.runName") or uid),
            group=place.which or place.path.parent.name, created=seconds_of(about.get("start_time")),
            status=STATES.get(about.get("status"), "interrupted"), settings=settings_of(params, tags), series=series,
            remarks=gathered.remarks(),
        )  # fmt: skip


def seconds_of(milliseconds: object) -> float:
    """Since 1970; NaN where it is no number, which stands for no time that is known."""
    try:
        return float(milliseconds or 0) / 1000  # type: ignore[arg-type]
    except (ValueError, TypeError, OverflowError):
        return math.nan


def settings_of(params: Mapping[str, str], tags: Mapping[str, str]) -> dict[str, object]:
    """Parameters, and the tags that are a person's own."""
    own = {f"tags.{name}": value for name, value in tags.items() if not name.startswith("mlflow.")}
    return {name: plain(value) for name, value in params.items()} | own


def _is_run(about: dict[str, object]) -> bool:
    return "run_id" in about or "run_uuid" in about


def _place(kind: str, folder: Path, group: str) -> Place:
    sizes = sum(file.stat().st_size for _, file in _files(folder / "metrics"))
    return Place(kind=kind, path=folder, which=group, bytes=sizes)


def _files(folder: Path, full: Callable[[], None] = lambda: None) -> Iterator[tuple[str, Path]]:
    """Plain files below a folder; a name with slashes is a folder within. ``full`` hears that there are more than are read."""
    seen = 0
    for where, folders, names in os.walk(folder, followlinks=False):
        folders.sort()
        for name in sorted(names):
            path = Path(where) / name
            if path.is_file() and not path.is_symlink():
                seen += 1
                if seen > MOST_LISTED:
                    full()
                    return
                yield path.relative_to(folder).as_posix(), path


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MOST_TEXT).decode("utf-8", "replace")


def _take_metric(gathered: Gathering, name: str, path: Path) -> None:
    """Lines of milliseconds, value and step; older ones had no step."""
    with path.open("r", encoding="utf-8", errors="replace") as file:
        for line in file:
            parts = line.split()
            try:
                step = int(parts[2]) if len(parts) > 2 else 0
                gathered.figure(name, step, float(parts[1]), int(parts[0]) / 1000)
            except (ValueError, IndexError):
                gathered.leave_out("lines that are not as MLflow writes them")
