"""A prediction is a sum that can be done by hand; what runs showed puts the next one right."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from core.graph.budget.learning import DISK, FEWEST, MEMORY, MOST, PROCESSOR, SECONDS, Ratios, audit, corrected, told
from core.graph.budget.measured import Cost, Measured, budget_key
from core.graph.budget.predicting import BETTER, predict
from core.graph.document import Document
from core.graph.edits import set_knob, set_recipe
from core.graph.recipe import Choice, Mix
from core.knobs import Value
from core.problems import Refused
from tests.budgets import MEASURED, RECIPE
from tests.documents import tiny_clip


def test_the_whole_is_the_sum_of_its_parts() -> None:
    """1000 steps: a quarter meet their samples first. 10 evaluations, 21 looks at attention (the first step is one more), 200 at gradients; the
    diagnostic that is off costs nothing. Regular checkpoints at 300, 600, 900 and the end, and a new best now and then."""
    budget = predict(MEASURED, RECIPE)
    step = 0.75 * 0.1 + 0.25 * 0.2 + 0.25 * 0.04 + 0.75 * 0.01
    saves = 4 + BETTER * 10
    assert budget.step.seconds == pytest.approx(step)
    expected = 5 + 1000 * step + 10 * 3 + 21 * 0.2 + 200 * 0.01 + saves * 0.5
    assert budget.whole.seconds == pytest.approx(expected)
    processor = 0.75 * 0.2 + 0.25 * 0.4 + 0.25 * 0.04 + 0.75 * 0.01
    assert budget.whole.processor == pytest.approx(4 + 1000 * processor + 10 * 2 + 21 * 0.1 + 2 + saves * 0.25)
    assert budget.mebibytes == 700.0
    assert budget.checkpoint_mebibytes == pytest.approx(30)  # the last two and the best
    assert budget.record_mebibytes * 2**20 == pytest.approx(500 + 1000 * 100 + 10 * 1000 + 21 * 4000)


def test_data_made_on_another_core_is_waited_for_only_where_it_takes_longer() -> None:
    slow = replace(MEASURED.steps[0], weight=1.0, data=Cost(seconds=0.4, processor=0.4))
    budget = predict(replace(MEASURED, steps=(slow,), overlaps=True), replace(RECIPE, steps=500))
    assert budget.step.seconds == pytest.approx(0.5 * 0.4 + 0.5 * 0.1)
    assert budget.step.processor == pytest.approx(0.2 + 0.5 * 0.4 + 0.5 * 0.01)


def test_a_task_is_weighed_by_its_share_and_by_its_own_epoch() -> None:
    one = replace(MEASURED.steps[0], sources=("a",), weight=0.8)
    other = replace(MEASURED.steps[1], sources=("b",), weight=0.2)
    budget = predict(replace(MEASURED, steps=(one, other), batches={"a": 80, "b": 1000}), replace(RECIPE, steps=1000))
    first = 80 / 800
    assert budget.step.seconds == pytest.approx(0.8 * (0.1 + first * 0.04 + (1 - first) * 0.01) + 0.2 * (0.2 + 0.04))


def test_nothing_is_counted_that_the_recipe_does_not_do() -> None:
    budget = predict(MEASURED, replace(RECIPE, callbacks={}, diagnostics={}, steps=10))
    assert [part.what for part in budget.parts] == ["preparation", "steps"]
    assert budget.checkpoint_mebibytes == 0
    alone = predict(MEASURED, replace(RECIPE, callbacks={"checkpointing": {}}, steps=10))
    assert alone.checkpoint_mebibytes == pytest.approx(10)  # one was written, and there is no best without evaluation


def test_it_is_kept_as_json() -> None:
    assert Measured.from_json(json.loads(json.dumps(MEASURED.as_json()))) == MEASURED
    for broken in ({}, {**MEASURED.as_json(), "format": 99}, {**MEASURED.as_json(), "steps": 3}):
        with pytest.raises(Refused, match="cannot be read"):
            Measured.from_json(broken)


def _with(document: Document, **callbacks: dict[str, Value]) -> Document:
    return set_recipe(document, callbacks=callbacks)


def test_what_is_only_counted_does_not_make_it_another_drawing() -> None:
    drawn = tiny_clip()
    key = budget_key(drawn)
    looked = _with(drawn, evaluation={"every": 7}, checkpointing={"last": 5})
    assert budget_key(set_recipe(looked, steps=12_345, seed=3)) == budget_key(
        _with(drawn, evaluation={"every": 9}, checkpointing={})
    )
    others = (
        set_knob(drawn, "vit", "depth", 3), set_recipe(drawn, batch_size=5), set_recipe(drawn, batching=Choice(key="packed")),
        _with(drawn, gradient_cache={}), set_recipe(drawn, mix=Mix(turns="all tasks every step")),
    )  # fmt: skip
    assert len({key, *map(budget_key, others)}) == len(others) + 1


def test_the_next_prediction_is_put_right_by_the_median() -> None:
    budget, learned = predict(MEASURED, RECIPE), Ratios()
    foretold = told(budget)
    for ratio in (1.1, 1.3, 1.2):
        assert corrected(budget, learned) == foretold  # of fewer than three runs nothing is believed
        learned = learned.learned(foretold, {SECONDS: ratio * foretold[SECONDS], MEMORY: 0.9 * foretold[MEMORY]})
    right = corrected(budget, learned)
    assert right[SECONDS] == pytest.approx(1.2 * foretold[SECONDS])
    assert right[MEMORY] == pytest.approx(0.9 * foretold[MEMORY])
    assert (right[PROCESSOR], right[DISK]) == (foretold[PROCESSOR], foretold[DISK])
    assert learned.count(SECONDS) == FEWEST
    assert Ratios.from_json(json.loads(json.dumps(learned.as_json()))).factor(SECONDS) == pytest.approx(1.2)


def test_old_runs_and_nonsense_are_not_learned_from() -> None:
    learned = Ratios()
    for number in range(3 * MOST):
        learned = learned.learned({SECONDS: 1.0}, {SECONDS: 1.0 if number < 2 * MOST else 2.0})
    assert learned.count(SECONDS) == MOST
    assert learned.factor(SECONDS) == 2.0
    for before, after in ((0.0, 1.0), (1.0, float("nan")), (1.0, float("inf")), (1.0, 1e9), (1.0, 0.0)):
        assert learned.learned({SECONDS: before}, {SECONDS: after}) == learned
    assert Ratios.from_json([1]) == Ratios()
    assert Ratios.from_json({"seconds": "x", "mebibytes": [1, "y", -2]}).by_kind == {MEMORY: (1.0,)}


def test_a_run_tells_both() -> None:
    last = {"budget/predicted/seconds": 10.0, "budget/measured/seconds": 12.0, "budget/predicted/mebibytes": 5.0}
    assert audit(last) == {SECONDS: (10.0, 12.0)}
