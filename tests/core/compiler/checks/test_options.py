"""Settings of the recipe's options are told on the drawing, before anything runs: unknown options, ranges, text that is read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.compiler.compile import analyse
from core.graph import edits
from core.graph.recipe import Choice
from core.graph.sweep import Axis, Sweep
from core.problems import Problem
from core.runs.declared import declared_vocabulary
from core.runs.planning import plan_problems
from tests.documents import tiny_clip


@pytest.fixture(scope="module")
def words():
    return declared_vocabulary()


def told(document, words) -> list[Problem]:
    return [problem for problem in analyse(document, words).problems if problem.severity == "error"]


@pytest.mark.parametrize(
    ("option", "knobs", "what"),
    [
        ("breakpoints", {"when": "loss is bad"}, "“loss is bad” is no condition."),
        ("breakpoints", {"when": " ; "}, "There is no condition to pause at."),
        ("breakpoints", {"when": "loss < 3; gap drops -1"}, "“-1” in “gap drops -1” is no number to compare with."),
        ("breakpoints", {"in_a_row": 0}, "Option Breakpoints: In a row is 0; it must lie between 1 and 1000."),
        ("breakpoints", {"wen": "loss > 3"}, "Option Breakpoints: There is no setting called 'wen'."),
        ("image_sizes", {"sizes": "big"}, "The image sizes cannot be read: “big” is no number."),
        ("image_curriculum", {"shares": "1"}, "The shares of image sizes cannot be read: There are 2 image sizes"),
        ("gradient_checkpointing", {"nodes": "vit, none"}, "Gradient checkpointing names the block 'none'"),
        ("brakepoints", {}, "This studio has no training option called 'brakepoints'."),
    ],
)
def test_an_option_that_cannot_be_used_is_told_before_the_run(words, option, knobs, what):
    (problem,) = told(tiny_clip(steps=4, callbacks={option: knobs}), words)
    assert problem.what.startswith(what)
    assert problem.node == "recipe"


def test_an_option_that_is_not_here_is_switched_off_by_a_click(words):
    document = tiny_clip(steps=4, diagnostics={"auras": {}})
    (problem,) = told(document, words)
    assert problem.fix is not None
    assert problem.fix.edit == "switch"
    assert (
        told(edits.switch(document, on=False, **{k: problem.fix.arguments[k] for k in ("family", "key")}), words) == []
    )


@pytest.mark.parametrize("family", ["optimizer", "schedule"])
def test_a_choice_that_is_not_here_is_told(words, family):
    document = tiny_clip(steps=4)
    changed = replace(document, recipe=replace(document.recipe, **{family: Choice(key="none")}))
    (problem,) = told(changed, words)
    assert "called 'none'" in problem.what


def test_every_option_as_it_comes_can_be_used(words):
    for family in ("callback", "diagnostic"):
        entries = {option.key: {} for option in words.options if option.family == family}
        assert told(tiny_clip(steps=4, **{f"{family}s": entries}), words) == []


def test_a_condition_that_a_sweep_makes_unreadable_is_told_of_its_configuration(words):
    document = tiny_clip(steps=4, callbacks={"breakpoints": {}})
    axis = Axis(path="callbacks.breakpoints.when", values=("loss > 9", "loss is bad"))
    found = plan_problems(replace(document, sweep=Sweep(axes=(axis,), metric="loss")), words)
    assert any("cannot run: “loss is bad” is no condition." in problem.what for problem in found)
