"""How much of a held-out score survives without each modality, with each swapped among samples, and with its parts shuffled.

What survives is the share of the score above chance. Where nearly all of it survives without a modality, the answer can be read from
the others alone: a shortcut where both were meant to be needed. Intervals are of the bootstrap over samples, base and changed drawn
together. Axes: N samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.blocks.block import Objective
from core.blocks.values import joined
from core.compiler.answers.subsets import droppers, without
from core.compiler.plan import Plan, Task
from core.graph.document import End
from core.graph.selection import is_lower_better, without_task
from core.inference.answering import Progress, go_on
from core.inference.changes import Change, changed, modality_of
from core.inference.trained import Trained, unit
from core.problems import Problem, refuse

BATCH, DRAWS = 128, 300
SURVIVES = 0.9  # of the score above chance without a modality: from here on it is not needed
ORDER_KEPT = 0.9  # with its parts shuffled: from here on their order is not used
HOWS = ("drop", "swap", "shuffle")
Valued = Callable[[NDArray[np.int64]], float]  # a score of some of the samples


@dataclass(frozen=True, kw_only=True)
class Between:
    """A figure, and where 95 % of its bootstrap lies."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Survival:
    """One change: the score with it, and the share of the score above chance that survives."""

    modality: str
    how: str
    score: Between
    survives: Between


@dataclass(frozen=True, kw_only=True)
class Counterfactuals:
    """All changes of what one objective is told of."""

    objective: str
    metric: str
    split: str
    samples: int
    base: Between
    chance: float
    rows: tuple[Survival, ...]
    flags: tuple[Problem, ...] = ()  # shortcuts
    notes: tuple[Problem, ...] = ()


def counterfactuals(
    trained: Trained, split: str, *, samples: int = 1000, seed: int = 0, progress: Progress | None = None
) -> list[Counterfactuals]:
    """Of every objective that has a held-out score. Raises Refused where none has; Cancelled."""
    task = trained.task(split)
    told = {key: told_of(trained, task, key) for key in task.objectives}
    told = {key: ends for key, ends in told.items() if ends}
    if not told:
        raise refuse(
            "No objective of this run has a held-out score that hangs on a modality.",
            hint="Contrastive objectives, Matching and Classification have one.",
        )
    if trained.splits.get(split, 0) < 2:
        raise refuse(f"The split {split!r} has too few samples to swap anything.", hint="Choose another split.")
    found = []
    steps = sum(1 + len(HOWS) * len(ends) for ends in told.values())
    done = 0
    for key, modalities in told.items():
        measured: dict[tuple[str, str], Measured] = {}
        for modality, how in [("", ""), *((name, how) for name in modalities for how in HOWS)]:
            change = Change(modality=modality, how=how, seed=seed) if how else None  # type: ignore[arg-type]
            measured[modality, how] = measure(trained, task, key, split, change, samples)
            done += 1
            go_on(progress, done, steps, lambda: None)
        if measured["", ""].metric:
            found.append(report(key, split, modalities, measured, seed))
    if not found:
        raise refuse("No held-out score of this run has a chance level to be compared with.")
    return found


def told_of(trained: Trained, task: Task, key: str) -> tuple[str, ...]:
    """Modalities that an objective hangs on; one that is its own target is left out. Empty where it has no held-out score."""
    plan, node = trained.plan, trained.experiment.node(key)
    if not isinstance(node, Objective):
        return ()
    scored = plan.pair(key) is not None or type(node).held_out_scores is not Objective.held_out_scores
    example = trained.feed(task).fixed_examples(2)
    targets = {modality_of(example[end]) for end in plan.inputs[key].values() if end in example}
    behind = _behind(plan, key)
    names = [modality_of(value) for end, value in example.items() if end in behind]
    return tuple(dict.fromkeys(name for name in names if name and name not in targets)) if scored else ()


def _behind(plan: Plan, key: str) -> set[End]:
    found, waiting = set[End](), list(plan.inputs[key].values())
    while waiting:
        end = waiting.pop()
        if end not in found:
            found.add(end)
            waiting += plan.inputs.get(end.node, {}).values()
    return found


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A score of any choice of the samples."""

    metric: str
    chance: float
    samples: int
    of: Valued


@torch.no_grad()
def measure(trained: Trained, task: Task, key: str, split: str, change: Change | None, samples: int) -> Measured:
    """One objective's held-out score with a change, or without any."""
    plan, node = trained.plan, trained.experiment.node(key)
    ends = plan.inputs[key]
    pair = plan.pair(key)
    typical = trained.feed(task).fixed_examples(32)
    has_token = change is not None and change.how == "drop" and _has_dropout(trained, key, change.modality)
    hidden = without(trained.experiment, [change.modality]) if change is not None and has_token else nullcontext()
    left: list[Any] = []
    right: list[Any] = []
    answers: list[Mapping[str, Tensor]] = []
    indices: list[int] = []
    assert isinstance(node, Objective)
    with hidden:
        for batch, chosen in trained.feed(task).split(without_task(split), BATCH, samples):
            if len(chosen) < 2:
                continue
            given = batch if change is None or has_token else changed(batch, change, typical)
            wanted = [end.node for end in (pair or ends.values()) if end.node in plan.batch_nodes]
            values = {**given, **trained.experiment.run(given, wanted)}
            if pair is not None:
                left.append(unit(values[pair[0]]))
                right.append(unit(values[pair[1]]))
            else:
                told = node.answers(**{port: values[end] for port, end in ends.items()})
                answers.append({name: rows.cpu() for name, rows in told.items()})
            indices += chosen
    if pair is not None:
        labels = [trained.feed(task).source.label(index) for index in indices]
        there, back = node.score_tables(joined(left), joined(right))
        return of_tables(there.float().cpu(), back.float().cpu(), labels)
    return of_answers(node, {name: torch.cat([rows[name] for rows in answers]) for name in answers[0]})


def _has_dropout(trained: Trained, key: str, modality: str) -> bool:
    """Whether a learned missing token stands for the modality."""
    plan = trained.plan
    return any(plan.modality(node) == modality for node in droppers(plan, key))


def of_tables(there_NN: Tensor, back_NN: Tensor, labels: Sequence[str]) -> Measured:
    """Recall in both directions; equal captions are equal answers, and ties count against the question."""
    count = len(labels)
    most = 10 if count >= 50 else 1
    number = {label: place for place, label in enumerate(dict.fromkeys(labels))}
    code_N = torch.tensor([number[label] for label in labels])
    right_NN = code_N[:, None] == code_N[None]
    hits = []
    for table in (there_NN, back_NN):
        table = torch.where(table.isfinite(), table, -torch.inf)
        best = table.masked_fill(~right_NN, -torch.inf).amax(1, keepdim=True)
        rank = ((table >= best) & ~right_NN).sum(1)
        hits.append((rank < most) & best[:, 0].isfinite())
    value_N = torch.stack(hits).double().mean(0).numpy()
    wrong_N = (~right_NN).sum(1).double()
    chance = float(1 - _all_missed(wrong_N, right_NN.sum(1).double(), most).mean())
    return Measured(metric=f"R@{most}", chance=chance, samples=count, of=lambda chosen: float(value_N[chosen].mean()))


def _all_missed(wrong_N: Tensor, right_N: Tensor, most: int) -> Tensor:
    """The chance that the first ``most`` of a random order are all wrong."""
    missed = torch.ones_like(wrong_N)
    for taken in range(most):
        missed = missed * ((wrong_N - taken).clamp_min(0) / (wrong_N + right_N - taken).clamp_min(1))
    return missed


def of_answers(node: Objective, answers: Mapping[str, Tensor]) -> Measured:
    """The first score of an objective that has a chance level and of which more is better."""
    scores = node.held_out_scores(answers)
    metric = next((name for name in scores if "chance " + name in scores and not is_lower_better(name)), "")
    counts = {len(rows) for rows in answers.values()}
    samples = max(counts, default=0)

    def of(chosen: NDArray[np.int64]) -> float:
        if len(counts) != 1:
            return scores[metric]
        rows = torch.from_numpy(chosen)
        return node.held_out_scores({name: table[rows] for name, table in answers.items()})[metric]

    return Measured(metric=metric, chance=scores.get("chance " + metric, 0.0), samples=samples, of=of)


def report(
    key: str, split: str, modalities: Sequence[str], measured: Mapping[tuple[str, str], Measured], seed: int
) -> Counterfactuals:
    """What survives, with intervals, and what follows from it."""
    base = measured["", ""]
    everything = np.arange(base.samples)
    drawn = np.random.default_rng(seed).integers(base.samples, size=(DRAWS, base.samples))
    base_D = np.asarray([base.of(chosen) for chosen in drawn])
    whole = base.of(everything)
    rows = []
    for (modality, how), one in measured.items():
        if not how:
            continue
        value, value_D = one.of(everything), np.asarray([one.of(chosen) for chosen in drawn])
        share_D = (value_D - base.chance) / np.maximum(base_D - base.chance, 1e-9)
        share = (value - base.chance) / max(whole - base.chance, 1e-9)
        rows.append(
            Survival(modality=modality, how=how, score=_between(value, value_D), survives=_between(share, share_D))
        )
    found = Counterfactuals(
        objective=key, metric=base.metric, split=split, samples=base.samples, base=_between(whole, base_D), chance=base.chance,
        rows=tuple(rows),
    )  # fmt: skip
    flags, notes = judged(found, modalities)
    return Counterfactuals(**{**vars(found), "flags": flags, "notes": notes})


def _between(value: float, drawn_D: NDArray[np.float64]) -> Between:
    low, high = np.percentile(drawn_D, [2.5, 97.5])
    return Between(value=float(value), low=float(low), high=float(high))


def judged(found: Counterfactuals, modalities: Sequence[str]) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """Shortcuts, and what is worth knowing."""
    if found.base.low <= found.chance:
        told = f"The score of {found.objective} is not above chance, so nothing can be said of what it rests on."
        return (), (Problem(what=told, node=found.objective),)
    flags, notes = [], []
    for row in found.rows:
        share = f"{100 * row.survives.value:.0f} %"
        others = " and ".join(name for name in modalities if name != row.modality)
        if row.how == "drop" and others and row.survives.low >= SURVIVES:
            flags.append(
                Problem(
                    what=f"Shortcut? Without {row.modality} {share} of the score of {found.objective} above chance survive: the answer can be read from {others} alone.",
                    hint="Look for a copy of the answer there, or make both needed.", node=found.objective,
                )
            )  # fmt: skip
        if row.how == "shuffle" and row.survives.low >= ORDER_KEPT:
            notes.append(
                Problem(
                    what=f"With the parts of {row.modality} shuffled {share} of the score of {found.objective} above chance survive: their order is not used.",
                    node=found.objective,
                )
            )  # fmt: skip
    return tuple(flags), tuple(notes)


COLUMNS = (
    "objective", "metric", "split", "samples", "modality", "change", "score", "score low", "score high", "survives", "survives low",
    "survives high", "base", "base low", "base high", "chance",
)  # fmt: skip


def table_rows(found: Sequence[Counterfactuals]) -> list[dict[str, Any]]:
    """One row a change, for CSV."""
    return [
        dict(zip(COLUMNS, (
            one.objective, one.metric, one.split, one.samples, row.modality, row.how, row.score.value, row.score.low, row.score.high,
            row.survives.value, row.survives.low, row.survives.high, one.base.value, one.base.low, one.base.high, one.chance,
        ), strict=True))
        for one in found for row in one.rows
    ]  # fmt: skip
