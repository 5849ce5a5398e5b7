"""Sweeps whose configurations cannot run: found before anything is trained, with the settings that must go along."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.graph import edits
from core.graph.configurations import grid_configurations
from core.graph.document import Document
from core.graph.sweep import Axis, Change, Sweep
from core.problems import Refused
from core.runs.declared import declared_vocabulary
from core.runs.planning import metric_problem, plan_problems, refused_configurations
from core.runs.proposing import propose
from core.runs.sweeping import begin_sweep
from core.store.database import Store
from core.store.sweeps import Sweeps
from tests.documents import tiny_clip

WORDS = declared_vocabulary()


def swept(*axes: Axis, **plan: str) -> Document:
    return replace(tiny_clip(), sweep=Sweep(axes=axes, seeds=2, **{"metric": "loss", **plan}))  # type: ignore[arg-type]


WIDTHS = Axis(path="projection.width", name="width", values=(16, 24))


def test_a_width_whose_partner_stays_is_found_with_the_setting_that_must_go_along() -> None:
    document = swept(WIDTHS)
    (problem,) = plan_problems(document, WORDS)
    assert "'width 24' cannot run" in problem.what
    assert problem.severity == "warning"
    assert problem.fix is not None
    assert "projection_2.width" in problem.fix.text
    mended = getattr(edits, problem.fix.edit)(document, **problem.fix.arguments)
    assert plan_problems(mended, WORDS) == []
    assert [configuration.name for configuration in grid_configurations(mended.sweep)] == ["width 16", "width 24"]
    assert grid_configurations(mended.sweep)[1].values == {"projection.width": 24, "projection_2.width": 24}


def test_configurations_that_cannot_run_are_failed_when_the_sweep_begins(store: Store) -> None:
    facts = begin_sweep(store, swept(WIDTHS), WORDS)
    trials = Sweeps(store).trials(facts.uid)
    assert [trial.state for trial in trials] == ["queued", "queued", "failed", "failed"]
    assert "width" in trials[2].reason
    with pytest.raises(Refused, match="width"):
        begin_sweep(store, swept(replace(WIDTHS, values=(24, 32))), WORDS)


def test_configurations_that_run_have_no_problem() -> None:
    assert plan_problems(swept(Axis(path="vit.depth", values=(1, 2))), WORDS) == []
    assert plan_problems(tiny_clip(), WORDS) == []
    configurations = grid_configurations(
        Sweep(axes=(Axis(name="x", changes=(Change(name="off", muted=("info_nce",)),)),))
    )
    assert list(refused_configurations(tiny_clip(), configurations, WORDS)) == [configurations[0].as_json()]


def test_a_sweep_is_judged_on_validation_unless_it_says_otherwise() -> None:
    assert Sweep().metric == "selection/validation/R@10"
    assert metric_problem(swept(WIDTHS, metric=Sweep().metric), WORDS) is None
    found = metric_problem(swept(WIDTHS, metric="retrieval/style/image_to_text/R@1"), WORDS)
    assert found is not None
    assert "the split 'style', which this data does not have" in found.what
    assert "train, validation, test" in found.hint


def test_a_search_takes_nan_for_a_failure_and_tells_values_apart_by_their_kind() -> None:
    sweep = Sweep(axes=(Axis(path="a.b", name="x", values=(1, True, 1.0)),), method="bayesian", trials=3)
    told = [
        (configuration, (value,))
        for configuration, value in zip(grid_configurations(sweep), (float("nan"), 0.5, float("inf")))
    ]
    assert propose(sweep, told, 0).at["x"] == 1
    assert len({configuration.as_json() for configuration, _ in told}) == 3
