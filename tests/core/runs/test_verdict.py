"""The table's statistics against closed forms, and what is said in words."""

from __future__ import annotations

import csv
import io
import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.graph.configurations import Configuration, grid_configurations
from core.graph.sweep import Axis, Sweep
from core.runs import paper, verdict
from core.store.answers import TrialFacts


def trials(configurations: dict[str, list[float]], **figures: float) -> list[TrialFacts]:
    found = []
    for name, values in configurations.items():
        for seed, value in enumerate(values):
            configuration = Configuration(name=name, at={"axis": name}).as_json()
            found.append(
                TrialFacts(
                    number=len(found),
                    configuration=configuration,
                    seed=seed,
                    state="finished",
                    value=value,
                    figures=figures,
                )
            )
    return found


def test_students_t_is_the_closed_form() -> None:
    for t in (-3.0, -0.5, 0.0, 0.7, 2.5):
        assert verdict.student_cdf(t, 1) == pytest.approx(0.5 + math.atan(t) / math.pi)  # Cauchy
        assert verdict.student_cdf(t, 2) == pytest.approx(0.5 + t / (2 * math.sqrt(2 + t * t)))
    table = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 9: 2.262, 30: 2.042, 120: 1.980}
    for freedom, value in table.items():
        assert verdict.student_quantile(0.975, freedom) == pytest.approx(value, abs=6e-4)


def test_an_interval_is_the_textbooks() -> None:
    found = verdict.estimate([1.0, 2.0, 3.0])
    assert found is not None
    half = 4.302653 * 1.0 / math.sqrt(3)
    assert (found.mean, found.low, found.high) == (2.0, pytest.approx(2 - half), pytest.approx(2 + half))
    alone = verdict.estimate([0.5])
    assert alone is not None
    assert math.isnan(alone.low)
    assert verdict.estimate([math.nan]) is None


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    draw = np.random.default_rng(1)
    hits = 0
    for _ in range(2000):
        found = verdict.estimate(draw.normal(3.0, 2.0, 4).tolist())
        assert found is not None
        hits += found.low <= 3.0 <= found.high
    assert 0.935 <= hits / 2000 <= 0.965


def test_sign_flips_count_every_pattern() -> None:
    values = np.array([0.3, -0.1, 0.4, 0.2, 0.25])
    observed = abs(values.mean())
    patterns = itertools.product((-1, 1), repeat=5)
    exact = np.mean([abs((np.array(signs) * values).mean()) >= observed - 1e-12 for signs in patterns])
    assert verdict.sign_flip(values) == pytest.approx(float(exact))
    assert verdict.sign_flip(np.array([1.0, 1.0, 1.0])) == 2 / 8 == verdict.smallest_flip(3)
    many = np.full(20, 1.0)
    assert verdict.sign_flip(many) < 1e-3
    assert verdict.sign_flip(many) == verdict.sign_flip(many)


def test_paired_t_with_two_seeds_is_the_cauchy_tail() -> None:
    differences = np.array([1.0, 3.0])  # mean 2, standard error 1
    assert verdict.paired_t(differences) == pytest.approx(1 - 2 / math.pi * math.atan(2.0))
    assert verdict.paired_t(np.array([1.0, 1.0])) == 0.0
    assert verdict.paired_t(np.array([0.0, 0.0])) == 1.0


def test_holm_is_holm() -> None:
    assert verdict.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert verdict.holm([0.9, 0.5]) == [1.0, 1.0]
    assert verdict.holm([]) == []


@pytest.mark.parametrize(
    ("configurations", "direction", "kind", "said"),
    [
        ({"a": [0.50, 0.52, 0.51], "b": [0.60, 0.62, 0.61]}, "higher", "better", "b is better than a by 10.0 pp"),
        ({"a": [0.50, 0.52, 0.51], "b": [0.60, 0.62, 0.61]}, "lower", "worse", "Nothing is better than a: the next, b, is worse by 10.0 pp"),
        ({"a": [0.50, 0.52, 0.51], "b": [0.40, 0.73, 0.45]}, "higher", "same", "not distinguishable"),
        ({"a": [0.5], "b": [0.6]}, "higher", "few", "one seed"),
        ({"a": [0.5, 0.6]}, "higher", "alone", "Only a has a value"),
        ({}, "higher", "nothing", "No trial is finished"),
    ],
)  # fmt: skip
def test_the_verdict_in_words(configurations: dict[str, list[float]], direction: Any, kind: str, said: str) -> None:
    found = verdict.table(Sweep(metric="retrieval/test/x/R@1", direction=direction), trials(configurations))
    assert found.verdict.kind == kind
    assert said in verdict.sentence(found)


def test_noise_is_rarely_called_better() -> None:
    draw = np.random.default_rng(0)
    wrong = 0
    for _ in range(300):
        configurations = {name: draw.normal(0.5, 0.05, 5).tolist() for name in "abcd"}
        found = verdict.table(Sweep(metric="loss"), trials(configurations))
        wrong += any(one.distinguishable for one in found.comparisons.values())
    assert wrong / 300 <= 0.08  # five of a hundred are allowed


def test_pairing_takes_out_what_seeds_share() -> None:
    seeds = [0.2, 0.5, 0.8, 0.35]
    configurations = {
        "a": seeds,
        "b": [value + 0.01 + noise for value, noise in zip(seeds, (0.001, -0.001, 0.0, 0.0005))],
    }
    found = verdict.table(Sweep(metric="x"), trials(configurations))
    assert found.comparisons["b"].distinguishable
    assert found.rows[0].estimate is not None
    assert found.rows[0].estimate.high > found.comparisons["b"].difference.mean + found.rows[0].estimate.mean


def test_configurations_are_compared_over_the_seeds_that_both_have() -> None:
    some = trials({"a": [1.0, 2.0, 3.0], "b": [2.0, 3.0, 4.0]})
    lost = [*some[:5], TrialFacts(number=5, configuration=some[5].configuration, seed=2, state="failed")]
    found = verdict.table(Sweep(metric="x"), lost)
    assert found.comparisons["b"].difference.seeds == 2
    assert found.comparisons["b"].difference.mean == 1.0
    assert found.rows[1].states == {"finished": 2, "failed": 1}


def test_the_baseline_is_the_named_configuration() -> None:
    found = verdict.table(Sweep(metric="x", baseline="b"), trials({"a": [1.0, 2.0], "b": [2.0, 3.0]}))
    assert found.baseline == "b"
    assert set(found.comparisons) == {"a"}


def test_a_point_of_an_axis_is_the_baseline_of_the_configurations_that_differ_in_it() -> None:
    """Early against late at each length: what length does is not what fusion does."""
    seconds = {"early · 16": [1.0, 1.1], "early · 256": [9.0, 9.3], "late · 16": [0.9, 1.02], "late · 256": [6.0, 6.2]}
    found = verdict.table(Sweep(metric="cost/x", direction="lower", baseline="early"), trials(seconds))
    assert found.baseline == "early"
    assert found.bases["late · 256"] == found.bases["early · 256"] == "early · 256"
    differences = {name: round(one.difference.mean, 3) for name, one in found.comparisons.items()}
    assert differences == {"late · 16": -0.09, "late · 256": -3.05}
    assert verdict.sentence(found).startswith("late · 256 is better than early · 256 by 3.05")
    assert "against early" in paper.as_markdown(found)


def test_what_a_cost_saves_stands_beside_it() -> None:
    rows = [*trials({"plain": [0.5, 0.6]}, **{"memory/x": 4.0, "loss": 2.0}),
            *trials({"lean": [0.5, 0.6]}, **{"memory/x": 1.0, "loss": 1.0})]  # fmt: skip
    found = verdict.table(Sweep(metric="x"), [replace(row, number=place) for place, row in enumerate(rows)])
    assert [verdict.cost(found, row, "memory/x") for row in found.rows] == ["4", "1 (−75 %)"]
    assert verdict.cost(found, found.rows[1], "loss") == "1"  # not a cost
    assert verdict.cost(found, found.rows[1], "seconds") == "–"
    assert "1 (−75 %)" in paper.as_markdown(found)
    assert r"1 (\(-\)75 \%)" in paper.as_latex(found)


def test_what_only_one_configuration_tells_of_stands_in_the_table() -> None:
    """An adaptive weight is told where there is a discriminator, and nowhere else; what has not run yet tells nothing."""
    rows = [
        *trials({"plain": [0.5, 0.6]}, same=1.0),
        *trials({"opposed": [0.5, 0.6]}, **{"same": 1.0, "adaptive weight/gan": 3.0}),
    ]
    found = verdict.table(Sweep(metric="x"), [replace(row, number=place) for place, row in enumerate(rows)])
    assert paper.differing(found) == ["adaptive weight/gan"]
    assert [verdict.cost(found, row, "adaptive weight/gan") for row in found.rows] == ["–", "3"]
    waiting = [replace(row, state="queued", value=None, figures={}) for row in trials({"later": [0.5]})]
    found = verdict.table(
        Sweep(metric="x"), [*trials({"plain": [0.5, 0.6]}, same=1.0), *(replace(row, number=9) for row in waiting)]
    )
    assert paper.differing(found) == []


def test_tables_for_programs_pages_and_papers() -> None:
    hostile = {"=cmd()": [0.5, 0.6], "50 % & more_b": [0.9, 0.95]}
    found = verdict.table(Sweep(metric="retrieval/R@1"), trials(hostile, seconds=3.0))
    rows = list(csv.DictReader(io.StringIO(paper.as_csv(found))))
    assert [row["configuration"] for row in rows] == ["'=cmd()", "50 % & more_b"]
    assert float(rows[1]["mean"]) == pytest.approx(0.925)
    assert float(rows[0]["seconds"]) == 3.0
    markdown = paper.as_markdown(found)
    assert "| 50 % & more_b | 2 | 92.5 % |" in markdown
    assert verdict.sentence(found) in markdown
    latex = paper.as_latex(found)
    assert r"50 \% \& more\_b" in latex
    for word in ("toprule", "midrule", "bottomrule"):
        assert latex.count(word) == 1
    body = latex.split("midrule")[1].split("\\bottomrule")[0].strip().splitlines()
    assert {line.count(" & ") for line in body} == {6}  # seconds are alike, so they are left out


def test_the_verdict_names_the_configuration_whose_digits_matter() -> None:
    sweep = Sweep(axes=(Axis(path="callbacks.ema.decay", values=(0.99, 0.9999, 0.99995, 0.99999)),), metric="R@1")
    truth = {0.99: 0.40, 0.9999: 0.42, 0.99995: 0.60, 0.99999: 0.10}
    some = [
        TrialFacts(number=4 * seed + n, configuration=configuration.as_json(), seed=seed, state="finished",
                   value=truth[float(str(configuration.at["callbacks.ema.decay"]))] + 0.001 * seed)
        for seed in range(3) for n, configuration in enumerate(grid_configurations(sweep))
    ]  # fmt: skip
    found = verdict.table(sweep, some)
    assert found.verdict.first == "callbacks.ema.decay 0.99995"
    assert found.verdict.difference is not None
    assert found.verdict.difference.mean == pytest.approx(0.2)
    assert len(found.comparisons) == 3
    old = [replace(trial, configuration=trial.configuration.replace("decay 0.99995", "decay 1").replace("decay 0.99999", "decay 1"))
           for trial in some]  # fmt: skip
    assert verdict.table(sweep, old).verdict.first.endswith("0.99995"), "as sweeps of an older store were named"


def test_a_trial_whose_value_is_no_number_is_a_failed_one() -> None:
    some = trials({"a": [0.5, 0.6], "b": [math.nan, math.inf], "c": [0.9, math.nan]})
    found = verdict.table(Sweep(metric="x"), some)
    assert [row.estimate is None for row in found.rows] == [False, True, False]
    assert found.verdict.first == "c"
    assert found.failed == ("b", "c (1/2)")
    assert verdict.sentence(found).endswith("Failed, and not compared: b, c (1/2).")


def test_a_failed_configuration_is_named_and_so_is_a_choice_by_the_test_split() -> None:
    some = trials({"a": [0.5, 0.52], "b": [0.6, 0.62], "wide": [0.0, 0.0]})
    lost = [
        replace(t, state="failed", value=None) if Configuration.from_json(t.configuration).name == "wide" else t
        for t in some
    ]
    said = verdict.sentence(verdict.table(Sweep(metric="retrieval/test/x/R@1"), lost))
    assert "b is better than a" in said
    assert "Failed, and not compared: wide." in said
    assert "chosen on the test split" in said
    assert "test split" not in verdict.sentence(verdict.table(Sweep(), lost))
