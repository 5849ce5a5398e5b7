"""The search over drawings: the best of a planted grid with a third of its trials, the front of score and cost, chance beside both."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.graph.configurations import Configuration, grid_configurations, random_configurations
from core.graph.sweep import Axis, Change, Sweep
from core.runs.front import front
from core.runs.proposing import propose
from core.runs.verdict import sentence, table
from core.store.answers import TrialFacts

KINDS = ("cross-attention", "concatenation", "gated", "FiLM")
WIDTHS, DEPTHS = (32, 48, 64, 96, 128), (1, 2, 3)
THIRD = len(KINDS) * len(WIDTHS) * len(DEPTHS) // 3
DRAWINGS = Sweep(
    axes=(
        Axis(name="fusion", changes=tuple(Change(name=name) for name in KINDS)),
        Axis(path="fusion.width", name="width", values=WIDTHS), Axis(path="fusion.depth", name="depth", values=DEPTHS),
    ), method="bayesian", trials=THIRD,
)  # fmt: skip
Planted = dict[str, tuple[float, float]]


def planted(seed: int) -> Planted:
    """A score that rises towards one kind, width and depth, with noise as seeds have; and what each drawing costs."""
    draw, found = random.Random(seed), {}
    best = draw.choice(KINDS), draw.randrange(len(WIDTHS)), draw.randrange(len(DEPTHS))
    kinds = {kind: 0.0 if kind == best[0] else -draw.uniform(0.05, 0.25) for kind in KINDS}
    for configuration in grid_configurations(DRAWINGS):
        kind, width, depth = (configuration.at[name] for name in ("fusion", "width", "depth"))
        away = (WIDTHS.index(int(width or 0)) - best[1]) ** 2 / 80 + (DEPTHS.index(int(depth or 0)) - best[2]) ** 2 / 16
        found[configuration.as_json()] = (
            0.6 + kinds[str(kind)] - away + draw.gauss(0, 0.01),
            float(width or 0) * int(depth or 0),
        )
    return found


def searched(sweep: Sweep, truth: Planted, seed: int) -> list[tuple[Configuration, tuple[float, ...] | None]]:
    told: list[tuple[Configuration, tuple[float, ...] | None]] = []
    while len(told) < THIRD:
        one = propose(sweep, told, seed)
        assert one.as_json() not in {each.as_json() for each, _ in told}
        metric, cost = truth[one.as_json()]
        told.append((one, (metric, cost) if sweep.against else (metric,)))
    return told


def test_the_best_of_a_planted_grid_is_found_with_a_third_of_its_trials() -> None:
    for seed in range(5):
        truth = planted(seed)
        best = max(truth, key=lambda text: truth[text])
        assert best in {one.as_json() for one, _ in searched(DRAWINGS, truth, 100 * seed)}, seed
    by_chance = 0
    for seed in range(60):
        truth = planted(seed)
        best = max(truth, key=lambda text: truth[text])
        by_chance += best in {one.as_json() for one in random_configurations(DRAWINGS, 7000 + seed)}
    assert by_chance < 0.5 * 60  # a third is expected


def test_a_search_that_weighs_a_cost_finds_more_of_the_front_than_chance() -> None:
    weighing = Sweep(axes=DRAWINGS.axes, method="bayesian", trials=THIRD, against="parameters")
    found, by_chance = 0.0, 0.0
    for seed in range(4):
        truth = planted(seed)
        line = set(front(truth, "higher"))
        told = {one.as_json() for one, _ in searched(weighing, truth, 100 * seed)}
        found += len(line & told) / len(line) / 4
        by_chance += len(line & {one.as_json() for one in random_configurations(DRAWINGS, 7000 + seed)}) / len(line) / 4
    assert found > by_chance + 0.15


@given(
    st.dictionaries(st.text(max_size=3), st.tuples(*[st.integers(-4, 4).map(float)] * 2), max_size=12),
    st.sampled_from(["higher", "lower"]),
)
def test_on_the_front_is_whom_no_other_beats(points: Planted, direction: str) -> None:
    sign = 1 if direction == "higher" else -1

    def beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
        as_good = sign * one[0] >= sign * other[0] and one[1] <= other[1]
        return as_good and one != other

    found = front(points, direction)
    assert set(found) == {name for name, own in points.items() if not any(beats(one, own) for one in points.values())}
    assert [points[name][1] for name in found] == sorted(points[name][1] for name in found)


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_the_verdict_names_the_front(direction: str) -> None:
    plan = Sweep(
        axes=(Axis(path="a.b", name="x", values=(1, 2, 3)),), seeds=1, direction=direction, against="parameters"
    )  # type: ignore[arg-type]
    metrics = {"higher": (0.1, 0.3, 0.2), "lower": (0.3, 0.1, 0.2)}[direction]
    trials = [
        TrialFacts(
            number=number, configuration=one.as_json(), seed=0, state="finished", value=metrics[number], figures={"parameters": 10.0 * number},
        )
        for number, one in enumerate(grid_configurations(plan))
    ]  # fmt: skip
    found = table(plan, trials)
    assert found.front == ("x 1", "x 2")
    assert "No other is better in both selection/validation/R@10 and parameters: x 1, x 2." in sentence(found)
