"""Sweeps as values: configurations, paths, the file, what is said of plans that no longer fit."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from core.graph import edits, file
from core.graph.configurations import (
    Configuration,
    applied,
    grid_configurations,
    grid_points,
    held_equal,
    named,
    random_configurations,
    seeds_of,
    sweep_problems,
    trial_count,
)
from core.graph.document import Document
from core.graph.paths import knob_at, placed, value_at
from core.graph.sweep import Axis, Change, Sweep
from core.problems import Refused
from core.runs.declared import declared_vocabulary
from tests.documents import tiny_clip

WORDS = declared_vocabulary()
SWEEP = Sweep(
    axes=(
        Axis(path="info_nce.temperature", name="τ", low=0.01, high=1.0, count=3, logarithmic=True),
        Axis(name="tower", changes=(
            Change(name="as drawn"),
            Change(name="deep, no dropout", values={"vit.depth": 2, "vit.dropout": 0.0}, bypassed=("augment",)),
        )),
    ),
    seeds=2, metric="loss", direction="lower", equal="samples", baseline="as drawn", costs=("throughput",),
)  # fmt: skip


def swept(sweep: Sweep = SWEEP) -> Document:
    return replace(tiny_clip(), sweep=sweep)


def test_a_sweep_is_written_and_read_and_a_document_without_one_has_no_key() -> None:
    document = swept(replace(SWEEP, extra={"mood": "calm"}))
    assert file.loads(file.dumps(document)) == document
    assert "sweep" not in file.to_data(tiny_clip())
    assert file.loads(file.dumps(tiny_clip())).sweep is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"axes": "all"}, "list of at most 16"),
        ({"axes": [{}] * 17}, "list of at most 16"),
        ({"axes": [{"path": 3}]}, "is not valid"),
        ({"axes": [{"path": "vit.width", "values": [[1]]}]}, "is not valid"),
        ({"axes": [{"path": "vit.width", "count": 0}]}, "is not valid"),
        ({"axes": [{"path": "vit.width"}, {"path": "vit.width"}]}, "same name"),
        ({"axes": [{"name": "a", "changes": [{"values": {}}]}]}, "with a name"),
        ({"axes": [{"name": "a", "changes": [{"name": "b", "values": {"vit.width": {}}}]}]}, "plain values"),
        ({"axes": [{"name": "a", "changes": [{"name": "b", "muted": "vit"}]}]}, "in lists"),
        ({"trials": 10_001}, "is not valid"),
        ({"seeds": 0}, "is not valid"),
        ({"method": "magic"}, "is not valid"),
        ({"direction": []}, "is not valid"),
        ([], "must be an object"),
    ],
)
def test_a_hostile_sweep_is_refused_in_a_sentence(change: Any, sentence: str) -> None:
    data = file.to_data(swept())
    data["sweep"] = {**data["sweep"], **change} if isinstance(change, dict) else change
    with pytest.raises(Refused, match=sentence):
        file.loads(json.dumps(data))


def test_a_grid_takes_every_combination_in_order() -> None:
    configurations = grid_configurations(SWEEP)
    assert [configuration.name for configuration in configurations] == [
        "τ 0.01 · as drawn", "τ 0.01 · deep, no dropout", "τ 0.1 · as drawn", "τ 0.1 · deep, no dropout", "τ 1 · as drawn",
        "τ 1 · deep, no dropout",
    ]  # fmt: skip
    assert trial_count(SWEEP) == (6, 12)
    assert Configuration.from_json(configurations[1].as_json()) == configurations[1]


def test_a_trial_is_the_document_with_its_changes_and_seed() -> None:
    configuration = grid_configurations(SWEEP)[3]
    trial = applied(swept(), configuration, 7, WORDS)
    assert trial.sweep is None
    assert trial.recipe.seed == 7
    assert trial.nodes["info_nce"].knobs["temperature"] == pytest.approx(0.1)
    assert trial.nodes["vit"].knobs["depth"] == 2
    assert trial.nodes["augment"].bypassed
    assert seeds_of(swept()) == [0, 1]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("vit.width", 48), ("vit.repeat", 2), ("recipe.steps", 9), ("recipe.learning_rate", 1), ("recipe.optimizer", "sgd"),
        ("callbacks.ema.decay", 0.5), ("callbacks.ema.on", True), ("diagnostics.attention.every", 3), ("rules.vit.frozen", True),
        ("rules.vit.learning_rate", 0.25),
    ],
)  # fmt: skip
def test_a_value_is_found_where_it_was_put(path: str, value: Any) -> None:
    document = placed(tiny_clip(), path, value, WORDS)
    assert value_at(document, path, WORDS) == value
    assert value_at(tiny_clip(), path, WORDS) != value
    assert file.loads(file.dumps(document)) == document


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("width", "not the path"), ("vot.width", "no block called 'vot'"), ("vit.widht", "Did you mean width"),
        ("recipe.stepz", "Did you mean steps"), ("callbacks.emma.decay", "no callback called"), ("rules.vit.colour", "no setting"),
    ],
)  # fmt: skip
def test_a_path_that_leads_nowhere_is_refused(path: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        knob_at(tiny_clip(), path, WORDS)


def test_random_configurations_are_different_and_come_again_for_the_same_seed() -> None:
    sweep = replace(SWEEP, method="random", trials=40)
    configurations = random_configurations(sweep, 3)
    assert len({configuration.as_json() for configuration in configurations}) == 40
    assert random_configurations(sweep, 3) == configurations != random_configurations(sweep, 4)
    rates = [configuration.values["info_nce.temperature"] for configuration in configurations]
    assert all(0.01 <= float(rate or 0) <= 1.0 for rate in rates)
    below = sum(float(rate or 0) < 0.1 for rate in rates)
    assert 10 <= below <= 30  # half of the decades lie below 0.1
    few = replace(sweep, axes=(Axis(path="vit.depth", values=(1, 2)),))
    assert len(random_configurations(few, 0)) == 2 == trial_count(few)[0]


def test_too_many_trials_are_refused() -> None:
    many = Sweep(
        axes=(
            Axis(path="recipe.seed", values=tuple(range(101))),
            Axis(path="recipe.batch_size", values=tuple(range(1, 101))),
        ),
        seeds=1,
    )
    with pytest.raises(Refused, match="10,000"):
        grid_configurations(many)
    assert any("10,100" in problem.what for problem in sweep_problems(swept(many), WORDS))


def test_what_is_gone_is_said_with_a_remedy_and_does_not_stop_a_single_run() -> None:
    document = edits.remove_nodes(swept(), ["info_nce"], WORDS)
    found = sweep_problems(document, WORDS)
    assert len(found) == 1
    assert "which is gone" in found[0].what
    assert found[0].severity == "warning"
    assert found[0].fix is not None
    mended = getattr(edits, found[0].fix.edit)(document, **found[0].fix.arguments)
    assert [axis.title for axis in mended.sweep.axes] == ["tower"]
    assert sweep_problems(mended, WORDS) == []
    assert edits.drop_axis(mended, "tower").sweep is None


@pytest.mark.parametrize(
    ("axis", "sentence"),
    [
        (Axis(path="vit.depth"), "no values"),
        (Axis(path="vit.depth", values=(65,)), "Depth is 65"),
        (Axis(path="vit.depth", low=1, high=4), "whole numbers"),
        (Axis(path="vit.dropout", low=0.5, high=0.1), "runs from 0.5 to 0.1"),
        (Axis(path="vit.dropout", low=0.0, high=0.5, logarithmic=True), "runs from 0 to 0.5"),
        (Axis(path="pool.how", low=0.0, high=1.0), "no range"),
        (Axis(name="a", changes=(Change(name="b", muted=("gone",)),)), "not in the document"),
        (Axis(name="a", changes=(Change(name="b"), Change(name="b"))), "same name"),
    ],
)
def test_values_that_cannot_be_are_said(axis: Axis, sentence: str) -> None:
    found = sweep_problems(swept(Sweep(axes=(axis,))), WORDS)
    assert any(sentence in problem.what for problem in found), found


def test_equal_samples_and_equal_compute_set_the_steps() -> None:
    base = edits.set_recipe(swept(), steps=100, batch_size=32)
    larger = edits.set_recipe(base, batch_size=128)
    assert held_equal(larger, base, 0, 0).recipe.steps == 25
    by_compute = replace(base, sweep=replace(SWEEP, equal="compute"))
    assert held_equal(base, by_compute, 200.0, 100.0).recipe.steps == 50
    assert held_equal(larger, replace(base, sweep=replace(SWEEP, equal="steps")), 0, 0).recipe.steps == 100
    assert any(
        "sets the steps" in p.what
        for p in sweep_problems(swept(Sweep(axes=(Axis(path="recipe.steps", values=(1, 2)),), equal="samples")), WORDS)
    )


def names_of(*values: Any, path: str = "callbacks.ema.decay") -> list[str]:
    return [
        configuration.name
        for configuration in grid_configurations(Sweep(axes=(Axis(path=path, name="a", values=values),)))
    ]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ((0.99, 0.9999, 0.99995, 0.99999), ["a 0.99", "a 0.9999", "a 0.99995", "a 0.99999"]),
        ((0.9999999, 1.0), ["a 0.9999999", "a 1"]),
        ((1 / 3, 0.333333), ["a 0.3333333333333333", "a 0.333333"]),
        ((0.1 + 0.2,), ["a 0.3"]),
        ((1, 1.0, True, None, "auto", "on"), ["a 1", "a 1.0", "a on", "a auto", "a 'auto'", "a 'on'"]),
        ((0.5, 0.5), ["a 0.5"]),
    ],
)
def test_configurations_are_told_apart_by_their_values_and_names_have_the_digits_for_it(
    values: Any, names: list[str]
) -> None:
    assert names_of(*values) == names
    configurations = grid_configurations(Sweep(axes=(Axis(path="vit.width", values=values),)))
    assert len({configuration.as_json() for configuration in configurations}) == len(names)


def test_a_narrow_range_keeps_its_ends() -> None:
    axis = Axis(path="callbacks.ema.decay", low=0.9999901, high=0.9999909, count=3)
    assert grid_points(axis)[0] == 0.9999901
    assert grid_points(axis)[-1] == 0.9999909
    assert len(set(names_of(*grid_points(axis)))) == 3


def test_configurations_that_were_queued_under_one_name_get_names_of_their_own() -> None:
    texts = [Configuration(name="decay 1", at={"decay": value}).as_json() for value in (0.99995, 0.99999)]
    assert [configuration.name for configuration in named(texts).values()] == ["decay 0.99995", "decay 0.99999"]
    assert [configuration.name for configuration in named([Configuration(name="x").as_json()]).values()] == ["x"]


def test_configurations_that_differ_only_in_blanks_are_named_apart() -> None:
    sweep = Sweep(axes=(Axis(path="tokenizer.method", values=("a", "a ", "b")),))
    assert [configuration.name for configuration in grid_configurations(sweep)] == [
        "tokenizer.method 'a'", "tokenizer.method 'a '", "tokenizer.method b",
    ]  # fmt: skip
