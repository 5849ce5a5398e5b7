"""A pretrained network that is frozen and has no weights is told: on Design, by check, in the run's log."""

from __future__ import annotations

import dataclasses

import pytest

from core.blocks.catalog import blocks
from core.compiler.compile import analyse
from core.graph import edits
from core.graph.document import Document
from core.graph.examples import named_example
from core.knobs import configure, knobs_of
from core.problems import Problem

RANDOM = "frozen without pretrained weights"


def example(name: str) -> Document:
    found = named_example(name)
    assert found is not None
    return found


def told(document: Document) -> list[Problem]:
    return [problem for problem in analyse(document).problems if RANDOM in problem.what]


@pytest.mark.parametrize("name", ["whisper_frames_sweep", "words_or_voice", "spoken_digits_sweep"])
def test_examples_that_freeze_whisper_say_that_they_lack_it(name: str) -> None:
    (problem,) = told(example(name))
    assert (problem.node, problem.severity) == ("whisper", "warning")
    assert "studio fetch" in problem.hint
    assert "studio convert-whisper" in problem.hint


def test_what_learns_from_random_weights_or_has_weights_is_not_told() -> None:
    drawn = example("frozen_pair")  # carries its weights in packages
    assert not told(drawn)
    without = edits.set_knob(drawn, "efficientnet_lite", "weights", False)
    (problem,) = told(without)
    assert problem.node == "efficientnet_lite"
    assert problem.fix is not None
    learns = edits.set_rule(without, **problem.fix.arguments)
    assert not told(learns)


def test_frozen_in_the_first_stage_is_told_and_in_a_later_one_alone_is_not() -> None:
    base = edits.set_knob(example("caption_stages"), "efficientnet_lite", "weights", False)
    assert [problem.node for problem in told(base)] == ["efficientnet_lite"]
    first = base.recipe.stages[0]
    rules = {key: rule for key, rule in first.rules.items() if key != "efficientnet_lite"}
    stages = (dataclasses.replace(first, rules=rules), *base.recipe.stages[1:])
    assert not told(dataclasses.replace(base, recipe=dataclasses.replace(base.recipe, stages=stages)))


def test_a_decoder_that_freezes_itself_beside_an_adapter_is_told_without_a_rule() -> None:
    drawn = example("caption_stages")
    (problem,) = told(edits.set_knob(drawn, "language_decoder", "adapter", "LoRA"))
    assert problem.node == "language_decoder"
    assert problem.fix is None


def test_a_decoder_that_learns_before_its_adapter_does_is_not_told() -> None:
    drawn = example("adapters_sweep")  # writes from words alone for half of the run
    assert not told(drawn)
    at_once = edits.set_knob(
        edits.set_knob(drawn, "language_decoder", "adapter", "LoRA"), "language_decoder", "adapter_start", 0.0
    )
    assert [problem.node for problem in told(at_once)] == ["language_decoder"]


def test_every_block_that_takes_weights_says_where_there_are_none() -> None:
    """The catalogue's own words are asked: a knob "Weights from", or one that switches weights off."""
    asked = 0
    for key in sorted(blocks):
        kind = blocks[key]
        knobs = {each.name: each for each in knobs_of(kind.Config)}
        if "source" in knobs and knobs["source"].title == "Weights from":
            empty, full = {"source": ""}, {"source": "somewhere"}
        elif isinstance(getattr(knobs.get("weights"), "default", None), bool):
            empty, full = {"weights": False}, {"weights": True}
        else:
            assert not kind.untrained(configure(kind.Config, {}, key)), key
            continue
        assert kind.untrained(configure(kind.Config, empty, key)), key
        assert not kind.untrained(configure(kind.Config, full, key)), key
        asked += 1
    assert asked > 20
