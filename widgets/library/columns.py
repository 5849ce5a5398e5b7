"""What the table of runs shows: one column, one place."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.store.answers import RunFacts
from widgets.look.language import tr

STATUS_WORDS = {
    "queued": "queued", "running": "running", "paused": "paused", "finished": "finished", "stopped": "stopped",
    "failed": "failed", "diverged": "diverged", "interrupted": "interrupted",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Column:
    """How one fact about a run is written, sorted and, where a person may, changed."""

    key: str
    title: str
    text: Callable[[RunFacts], str]
    rank: Callable[[RunFacts], object]  # what sorting goes by
    editable: bool = False
    right: bool = False
    width: int = 90
    tip: str = ""


def columns_for(metrics: Sequence[str]) -> tuple[Column, ...]:
    """The fixed columns, with the best value of each metric among them."""
    return (
        Column(key="name", title=tr("Name"), text=lambda r: r.name, rank=lambda r: r.name.lower(), editable=True, width=190),
        Column(key="status", title=tr("Status"), text=status_text, rank=status_text, width=104),
        Column(key="loss", title=tr("Loss"), text=lambda r: figure(r.last.get("loss")), rank=lambda r: number(r.last.get("loss")),
               right=True, width=70, tip=tr("last value")),
        *(metric_column(name) for name in metrics),
        Column(key="step", title=tr("Steps"), text=steps_text, rank=lambda r: r.step, right=True, width=104),
        Column(key="duration", title=tr("Duration"), text=lambda r: duration(r.seconds), rank=lambda r: r.seconds, right=True, width=80),
        Column(key="created", title=tr("Started"), text=lambda r: moment(r.created), rank=lambda r: r.created, width=124),
        Column(key="seed", title=tr("Seed"), text=lambda r: str(r.seed), rank=lambda r: r.seed, right=True, width=50),
        Column(key="tags", title=tr("Tags"), text=lambda r: ", ".join(r.tags), rank=lambda r: ", ".join(r.tags).lower(),
               editable=True, width=110),
        Column(key="notes", title=tr("Notes"), text=lambda r: " ".join(r.notes.split()), rank=lambda r: r.notes.lower(), editable=True, width=180),
        Column(key="document", title=tr("Experiment"), text=lambda r: r.document_name, rank=lambda r: r.document_name.lower(), width=130),
    )  # fmt: skip


def metric_column(name: str) -> Column:
    """Best value of a series so far."""
    return Column(
        key=f"best:{name}", title=metric_title(name), text=lambda r: figure(r.best.get(name), share="R@" in name),
        rank=lambda r: number(r.best.get(name)), right=True, width=80,
        tip=tr("best value of {name}", name=metric_words(name)),
    )  # fmt: skip


def metric_title(series: str) -> str:
    """Short enough for a column's head: ``R@10 unseen concepts``."""
    parts = series.split("/")
    return f"{parts[-1]} {split_name(parts[1])}" if len(parts) == 4 else parts[-1].replace("_", " ")


def metric_words(series: str) -> str:
    """A series in full: ``unseen concepts · image to text · R@10``."""
    parts = series.split("/")
    if parts[0] == "retrieval" and len(parts) == 4:
        return " · ".join((split_name(parts[1]), tr(parts[2].replace("_", " ")), parts[3]))
    return " · ".join(tr(part.replace("_", " ")) for part in parts)


def split_name(split: str) -> str:
    """A split as a person says it: ``test`` holds concepts that were never trained on."""
    known = {"test": tr("unseen concepts"), "style": tr("unseen style"), "train": tr("training data (seen)")}
    return known.get(split) or tr(split.replace("_", " "))


def metrics_of(runs: Sequence[RunFacts], most: int = 2) -> tuple[str, ...]:
    """The metrics most worth a column: R@10 from picture to text on the splits that were not trained on."""
    names = {name for run in runs for name in run.best if name.endswith("image_to_text/R@10") and "chance" not in name}
    honest = sorted(names, key=lambda name: (name.split("/")[1] in ("train", "seen", "validation"), name))
    return tuple(honest[:most])


def every_metric(runs: Sequence[RunFacts]) -> list[str]:
    """All whose best value says something: losses, and figures of which more is better; chance is no achievement."""
    families = ("loss", "retrieval/", "throughput", "similarity/")
    names = {name for run in runs for name in run.best if name.startswith(families)}
    return sorted(name for name in names if "chance" not in name and "mean rank" not in name)


def status_text(run: RunFacts) -> str:
    """The status as a person says it."""
    return tr(STATUS_WORDS.get(run.status, run.status))


def steps_text(run: RunFacts) -> str:
    """Done of planned."""
    return f"{run.step:,} / {run.steps:,}" if run.steps and run.step != run.steps else f"{run.step:,}"


def figure(value: float | None, *, share: bool = False) -> str:
    """A metric; nothing where there is none."""
    if value is None:
        return ""
    if math.isnan(value):
        return "NaN"
    return f"{100 * value:.1f} %" if share else f"{value:.4g}"


def number(value: float | None) -> float:
    """For sorting: what is missing or broken comes last either way."""
    return math.nan if value is None else value


def duration(seconds: float) -> str:
    """3 s, 2 min 5 s, 1 h 12 min."""
    whole = round(seconds)
    if whole < 60:
        return tr("{s} s", s=whole)
    if whole < 3600:
        return tr("{m} min {s} s", m=whole // 60, s=whole % 60)
    return tr("{h} h {m} min", h=whole // 3600, m=whole // 60 % 60)


def moment(seconds: float) -> str:
    """A local date and time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else ""
