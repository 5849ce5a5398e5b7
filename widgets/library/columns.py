"""What the table of runs shows: one column, one place."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core.store.answers import RunFacts
from widgets.look.language import tr
from widgets.look.sides import SEEN, by_honesty, metric_words, split_name, way_name

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
        Column(key="name", title=tr("Name"), text=lambda r: r.name, rank=lambda r: r.name.lower(), editable=True, width=210),
        Column(key="status", title=tr("Status"), text=status_text, rank=status_text, width=104),
        Column(key="loss", title=tr("Loss"), text=lambda r: figure(r.last.get("loss")), rank=lambda r: number(r.last.get("loss")),
               right=True, width=70, tip=tr("last value")),
        *(metric_column(name) for name in metrics),
        Column(key="step", title=tr("Steps"), text=steps_text, rank=lambda r: r.step, right=True, width=90),
        Column(key="duration", title=tr("Duration"), text=lambda r: duration(r.seconds), rank=lambda r: r.seconds, right=True, width=100),
        Column(key="created", title=tr("Started"), text=lambda r: moment(r.created), rank=lambda r: r.created, width=144),
        Column(key="seed", title=tr("Seed"), text=lambda r: str(r.seed), rank=lambda r: r.seed, right=True, width=50),
        Column(key="tags", title=tr("Tags"), text=lambda r: ", ".join(r.tags), rank=lambda r: ", ".join(r.tags).lower(),
               editable=True, width=80),
        Column(key="notes", title=tr("Notes"), text=lambda r: " ".join(r.notes.split()), rank=lambda r: r.notes.lower(), editable=True, width=100),
        Column(key="document", title=tr("Experiment"), text=lambda r: r.document_name, rank=lambda r: r.document_name.lower(), width=130),
    )  # fmt: skip


BETTER = "*"  # for a direction: the better one


def metric_column(name: str) -> Column:
    """The last value of a series beside its best so far."""
    share = name.rsplit("/", 1)[-1] in SHARES
    return Column(
        key=f"best:{name}", title=metric_title(name), text=lambda r: last_and_best(r, name, share=share),
        rank=lambda r: number(value_of(r.best, name)), right=True, width=116 if share else 90,
        tip=tr("last / best value of {name}", name=metric_words(name)),
    )  # fmt: skip


def last_and_best(run: RunFacts, name: str, *, share: bool) -> str:
    """``43.6 / 47.5 %``; one figure where the last is the best."""
    last, best = value_of(run.last, name), value_of(run.best, name)
    if last is None or best is None or last == best:
        return figure(best, share=share)
    text = figure(last, share=share)
    return f"{text.removesuffix(' %')} / {figure(best, share=share)}"


def value_of(values: Mapping[str, float], name: str) -> float | None:
    """A series' value; of the better direction where the name leaves it open."""
    if BETTER not in name:
        return values.get(name)
    start, end = name.split(BETTER)
    found = [
        value
        for each, value in values.items()
        if each.startswith(start) and each.endswith(end) and "chance" not in each and f"/{CHOICE}/" not in each
    ]
    return max((value for value in found if not math.isnan(value)), default=found[0] if found else None)


def metric_title(series: str) -> str:
    """Short enough for a column's head: ``R@10 unseen concepts``, ``R@1 phrase → box``."""
    parts = series.split("/")
    if len(parts) != 4:
        return parts[-1].replace("_", " ")
    return f"{tr(parts[3])} {way_name(parts[2])}" if parts[2] == CHOICE else f"{tr(parts[3])} {split_name(parts[1])}"


SHARES = ("R@1", "R@5", "R@10", "accuracy")
CHOICE = "phrase_to_box"  # asked among few answers, where R@10 says nothing


def metrics_of(runs: Sequence[RunFacts], most: int = 3) -> tuple[str, ...]:
    """The metrics most worth a column: held-out scores, unseen concepts first."""
    names = {name for run in runs for name in run.best if name.count("/") == 3 and "chance" not in name}
    splits = sorted({name.split("/")[1] for name in names if name.startswith(("retrieval/", "score/"))}, key=by_honesty)
    found = []
    for split in (split for split in splits if split not in SEEN):
        ways = {tuple(name.split("/")[2:]) for name in names if name.startswith(f"retrieval/{split}/")}
        if any(way != CHOICE and metric == "R@10" for way, metric in ways):
            found.append(f"retrieval/{split}/{BETTER}/R@10")
        if (CHOICE, "R@1") in ways:
            found.append(f"retrieval/{split}/{CHOICE}/R@1")
        if any(name.startswith(f"score/{split}/") and name.endswith("/accuracy") for name in names):
            found.append(f"score/{split}/{BETTER}/accuracy")
    return tuple(found[:most])


def every_metric(runs: Sequence[RunFacts]) -> list[str]:
    """All whose best value says something: losses, and figures of which more is better; chance is no achievement."""
    families = ("loss", "retrieval/", "score/", "throughput", "similarity/")
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
