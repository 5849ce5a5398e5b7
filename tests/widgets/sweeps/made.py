"""Sweeps as values for widgets."""

from __future__ import annotations

from core.graph.configurations import Configuration, grid_configurations
from core.graph.sweep import Axis, Sweep
from core.runs.verdict import Table, table
from core.store.answers import SweepFacts, TrialFacts

METRIC = "retrieval/test/image_to_text/R@10"
ONE = Sweep(axes=(Axis(path="info_nce.temperature", name="τ", values=(0.01, 0.1, 1.0)),), seeds=3, metric=METRIC)
TWO = Sweep(
    axes=(
        Axis(path="vit.width", values=(32, 64, 128)), Axis(path="pool.how", values=("mean", "attention")),
    ), seeds=2, metric=METRIC,
)  # fmt: skip


def value_of(configuration: Configuration, seed: int) -> float:
    numbers = [float(value) for value in configuration.at.values() if isinstance(value, (int, float))]
    return 0.2 + 0.1 * (numbers[0] in (0.1, 64)) + 0.05 * ("attention" in configuration.at.values()) + 0.004 * seed


def trials(sweep: Sweep, done: int | None = None) -> list[TrialFacts]:
    found: list[TrialFacts] = []
    for configuration in grid_configurations(sweep):
        for seed in range(sweep.seeds):
            number = len(found)
            finished = done is None or number < done
            now = "finished" if finished else "running" if number == done else "queued"
            found.append(TrialFacts(
                number=number, configuration=configuration.as_json(), seed=seed, state=now, run=f"run-{number}" if now != "queued" else "",
                value=value_of(configuration, seed) if finished else None, figures={"seconds": 3.0 + number} if finished else {},
                step=30, steps=100,
            ))  # fmt: skip
    return found


def facts(uid: str, found: list[TrialFacts], state: str = "running", alive: bool = True) -> SweepFacts:
    counts: dict[str, int] = {}
    for trial in found:
        counts[trial.state] = counts.get(trial.state, 0) + 1
    return SweepFacts(id=1, uid=uid, name=f"sweep {uid}", created=0.0, state=state, alive=alive, counts=counts)


def result(sweep: Sweep, done: int | None = None) -> tuple[Sweep, list[TrialFacts], Table]:
    found = trials(sweep, done)
    return sweep, found, table(sweep, found)
