"""What the table of runs shows: one column, one place."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.exploring.fields import Field, Value, field_in, is_share
from core.exploring.scores import BOTH, may_choose, pair_of, value_of
from core.graph.selection import STEM
from core.store.answers import RunFacts
from widgets.library.setting_names import CHOICE, NO_TITLES, Titles, long_title, metric_title, short_title
from widgets.look.language import tr
from widgets.look.sides import by_honesty, is_seen, metric_words
from widgets.look.states import STATUS_WORDS


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


def fixed_columns() -> tuple[Column, ...]:
    """What every run has."""
    return (
        Column(key="name", title=tr("Name"), text=lambda r: r.name, rank=lambda r: r.name.lower(), editable=True, width=210),
        Column(key="status", title=tr("Status"), text=status_text, rank=status_text, width=104),
        Column(key="loss", title=tr("Loss"), text=lambda r: figure(r.last.get("loss")), rank=lambda r: number(r.last.get("loss")),
               right=True, width=70, tip=tr("last value")),
        Column(key="step", title=tr("Steps"), text=steps_text, rank=lambda r: r.step, right=True, width=90),
        Column(key="duration", title=tr("Duration"), text=lambda r: duration(r.seconds), rank=lambda r: r.seconds, right=True, width=100),
        Column(key="created", title=tr("Started"), text=lambda r: moment(r.created), rank=lambda r: r.created, width=144),
        Column(key="seed", title=tr("Seed"), text=lambda r: str(r.seed), rank=lambda r: r.seed, right=True, width=50),
        Column(key="tags", title=tr("Tags"), text=lambda r: ", ".join(r.tags), rank=lambda r: ", ".join(r.tags).lower(),
               editable=True, width=80),
        Column(key="notes", title=tr("Notes"), text=lambda r: " ".join(r.notes.split()), rank=lambda r: r.notes.lower(), editable=True, width=100),
        Column(key="document", title=tr("Experiment"), text=lambda r: r.document_name, rank=lambda r: r.document_name.lower(), width=130),
    )  # fmt: skip


FIXED = ("name", "status", "loss", "step", "duration", "created", "seed", "tags", "notes", "document")
BEFORE_SCORES = 3  # of the fixed columns
BEST = "best:"  # begins the key of a figure's usual column


def usual_columns(metrics: Sequence[str]) -> tuple[str, ...]:
    """Keys of the columns before anybody chose: the fixed ones, with the figures most worth one among them."""
    return (*FIXED[:BEFORE_SCORES], *(f"{BEST}{name}" for name in metrics), *FIXED[BEFORE_SCORES:])


def columns_for(
    keys: Sequence[str], value: Callable[[Field, RunFacts], Value], titles: Titles = NO_TITLES
) -> tuple[Column, ...]:  # fmt: skip
    """The columns of these keys; a key that nobody knows any more is left out."""
    fixed = {column.key: column for column in fixed_columns()}
    found = []
    for key in keys:
        if key in fixed:
            found.append(fixed[key])
        elif key.startswith(BEST):
            found.append(metric_column(key.removeprefix(BEST)))
        elif (field := field_in(key)) is not None:
            found.append(field_column(field, value, titles))
    return tuple(found)


def field_column(field: Field, value: Callable[[Field, RunFacts], Value], titles: Titles) -> Column:
    """Any setting or figure."""
    is_score = field.kind == "score"
    return Column(
        key=field.key, title=short_title(field, titles), text=lambda run: value_text(field, value(field, run)),
        rank=lambda run: value_rank(value(field, run)), right=is_score, width=96, tip=long_title(field, titles),
    )  # fmt: skip


def value_text(field: Field, value: Value) -> str:
    """A setting or a figure as a cell shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return tr("on") if value else tr("off")
    if isinstance(value, float):
        return figure(value, share=is_share(field)) if field.kind == "score" else f"{value:.10g}"
    return ", ".join(value) if isinstance(value, tuple) else value


def value_rank(value: Value) -> object:
    """For sorting: numbers before texts, what is missing last."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return math.nan
    return (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value).casefold())


def metric_column(name: str) -> Column:
    """A held-out figure: of the split that selects the last value beside the best so far, of others the last alone.

    The best of many looks at a test split would be chosen by it.
    """
    share = name.rsplit("/", 1)[-1] in SHARES
    if may_choose(name):
        return Column(
            key=f"{BEST}{name}", title=metric_title(name), text=lambda r: last_and_best(r, name, share=share),
            rank=lambda r: number(value_of(r.best, name)), right=True, width=116 if share else 90,
            tip=tr("last / best value of {name}", name=metric_words(name)),
        )  # fmt: skip
    return Column(
        key=f"{BEST}{name}", title=metric_title(name), text=lambda r: figure(value_of(r.last, name), share=share),
        rank=lambda r: number(value_of(r.last, name)), right=True, width=96 if share else 90,
        tip=tr("last value of {name}", name=metric_words(name)),
    )  # fmt: skip


def last_and_best(run: RunFacts, name: str, *, share: bool) -> str:
    """``43.6 / 47.5 %``; one figure where the last is the best."""
    last, best = value_of(run.last, name), value_of(run.best, name)
    if last is None or best is None or last == best:
        return figure(best, share=share)
    text = figure(last, share=share)
    return f"{text.removesuffix(' %')} / {figure(best, share=share)}"


SHARES = ("R@1", "R@5", "R@10", "accuracy")


def metrics_of(runs: Sequence[RunFacts], most: int = 3) -> tuple[str, ...]:
    """The metrics most worth a column: what runs are chosen by, then scores on other held-out data, the test split first."""
    every = set().union(*(run.last for run in runs))
    names = {name for name in every if name.count("/") == 3 and "chance" not in name}
    splits = sorted({name.split("/")[1] for name in names if name.startswith(("retrieval/", "score/"))}, key=by_honesty)
    chosen = sorted((name for name in every if name.startswith(STEM)), reverse=True)
    found = list(chosen[:1])
    for split in (split for split in splits if not is_seen(split) and f"{STEM}{split}/R@10" not in chosen):
        ways = {tuple(name.split("/")[2:]) for name in names if name.startswith(f"retrieval/{split}/")}
        if any(metric == "R@10" and pair_of([way]) for way, metric in ways):
            found.append(f"retrieval/{split}/{BOTH}/R@10")
        if (CHOICE, "R@1") in ways:
            found.append(f"retrieval/{split}/{CHOICE}/R@1")
        found += sorted(name for name in names if name.startswith(f"score/{split}/") and name.endswith("/accuracy"))[:1]
    return tuple(found[:most])


def every_metric(runs: Sequence[RunFacts]) -> list[str]:
    """All whose best value says something: losses, and figures of which more is better; chance is no achievement."""
    families = ("loss", "selection/", "retrieval/", "score/", "throughput", "similarity/")
    names = set().union(*(run.best for run in runs))
    said = sorted(
        name for name in names if name.startswith(families) and "chance" not in name and "mean rank" not in name
    )
    return sorted(said, key=lambda name: not name.startswith(STEM))


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
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    return f"{100 * value:.1f} %" if share else f"{value:.4g}"


def number(value: float | None) -> float:
    """For sorting: what is missing or broken comes last either way."""
    return math.nan if value is None or not math.isfinite(value) else value


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
