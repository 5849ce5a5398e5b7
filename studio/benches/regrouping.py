"""Regrouping many runs by other settings, as the page of runs does where a person picks them, beside a tenth of the runs.

10,000 runs of 50 groups with 20 seeds and ten repeats each, by two settings, with two scores each: values are known by then, so
what is measured is the grouping with its means and intervals. Turn by turn, processor time. Wanted: a run costs at most twice as
much among ten times as many, that is, the time grows as the runs do.
"""

from __future__ import annotations

import statistics
import time

from core.exploring.fields import Field, Value
from core.exploring.groups import Group, grouped
from core.store.answers import RunFacts
from studio.benches.figure import Figure

title = "Regrouping runs"
RUNS, FEW = 10_000, 1_000
ROUNDS = 7
BY = (Field(kind="setting", name="vit.width"), Field(kind="setting", name="recipe.batch_size"))
SCORES = (Field(kind="score", name="selection/validation/R@10"), Field(kind="score", name="loss"))


def measure() -> list[Figure]:
    """How much more a run costs among many than among few, and both in milliseconds."""
    runs = made(RUNS)
    times: dict[int, list[float]] = {FEW: [], RUNS: []}
    groups = 0
    for _ in range(ROUNDS):
        for count in times:
            started = time.process_time()
            groups = len(_regrouped(runs[:count]))
            times[count].append(1000 * (time.process_time() - started))
    few, many = (statistics.median(times[count]) for count in (FEW, RUNS))
    return [
        Figure(name=f"a run among {RUNS:,} / among {FEW:,}", value=(many / RUNS) / (few / FEW), most=2.0),
        Figure(name=f"{RUNS:,} runs regrouped", value=many, unit="ms of the processor"),
        Figure(name=f"{FEW:,} runs regrouped", value=few, unit="ms of the processor"),
        Figure(name="groups", value=float(groups), least=50),
    ]


def made(count: int) -> list[RunFacts]:
    """Runs of ten widths, five batch sizes and twenty seeds, again and again."""
    return [
        RunFacts(
            id=n, uid=str(n), name=f"run {n}", status="finished", created=float(n), seed=n // 50 % 20,
            last={"selection/validation/R@10": (n * 7919 % 1000) / 1000, "loss": (n * 104729 % 977) / 300},
        )
        for n in range(count)
    ]  # fmt: skip


def _regrouped(runs: list[RunFacts]) -> list[Group]:
    return grouped(runs, BY, SCORES, _read)


def _read(field: Field, run: RunFacts) -> Value:
    if field.kind == "score":
        return run.last[field.name]
    return 16 * (1 + run.id % 10) if field.name == "vit.width" else 32 * (1 + run.id // 10 % 5)
