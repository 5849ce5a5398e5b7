"""A step by hand is the trainer's own, bit for bit, and what is told of it is what happened."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from core.blocks.catalog import blocks
from core.compiler.describe import vocabulary
from core.graph import edits
from core.graph.document import Document
from core.graph.inside import Weights, Wish
from core.inference.inside import Insides
from core.problems import Refused
from core.telemetry.events import Scalars
from core.training.by_hand import StepsByHand
from studio.open.documents import find_document
from tests.core.training.running import trainer, weights
from tests.documents import tiny_clip

WORDS = vocabulary()


def document(**recipe: Any) -> Document:
    callbacks: dict[str, Any] = {"ema": {"decay": 0.9}, "clipping": {"norm": 0.5}, "evaluation": {"every": 1}}
    return tiny_clip(**{"steps": 8, "batch_size": 32, "callbacks": callbacks, **recipe})


@pytest.fixture(scope="module")
def by_hand() -> StepsByHand:
    """Two steps."""
    return StepsByHand(document(), WORDS)


@pytest.fixture(scope="module")
def told(by_hand: StepsByHand) -> list[Any]:
    return [by_hand.step(), by_hand.step()]


@pytest.fixture(scope="module")
def in_a_run(by_hand: StepsByHand) -> Any:
    """The trainer's own two steps, with everything that a run has on."""
    run = trainer(document())
    run.tell("began")
    for _ in range(2):
        run._step()
    run.feed.close()
    return run


def test_two_steps_by_hand_are_the_first_two_of_a_run(by_hand: StepsByHand, told: list[Any], in_a_run: Any):
    theirs = weights(in_a_run)
    ours = weights(by_hand.trainer)
    assert set(ours) == set(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert all(
        torch.equal(tensor, in_a_run.groups.tensors()[name])
        for name, tensor in by_hand.trainer.groups.tensors().items()
    )
    said = in_a_run.listener.scalars("loss/info_nce")
    assert [each.before["info_nce"] for each in told] == [value for _, value in said]


def test_the_same_batch_is_better_explained_behind_a_step_and_looking_moves_nothing(
    by_hand: StepsByHand, told: list[Any]
):
    assert told[1].after["info_nce"] < told[1].before["info_nce"]
    before = weights(by_hand.trainer)
    again = by_hand.trainer.losses_again()
    assert again == told[1].after
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(by_hand.trainer).items())


def test_gradients_and_updates_are_told_of_every_block_that_learns(told: list[Any], in_a_run: Any):
    trained = set(in_a_run.groups.trained())
    assert set(told[0].gradients) == set(told[0].ratios) == trained
    last = in_a_run.listener.of(Scalars)[-1]
    assert told[1].step == last.at.step == 2
    for node in ("vit", "projection"):
        assert told[1].gradients[node] > 0
        assert 0 < told[1].ratios[node] < 1


def test_what_does_not_change_training_is_left_out_and_said(told: list[Any]):
    assert told[0].left_out == ("Evaluation",)


def test_the_drawing_can_be_looked_into_with_the_weights_behind_a_step(by_hand: StepsByHand, told: list[Any]):
    insides, wish = Insides(), Wish(node="vit", split="validation")
    fresh = insides.look(document(), wish, WORDS)
    moved = insides.look(document(), replace(wish, weights=Weights(by_hand=True, step=2)), WORDS, state=by_hand.state())
    assert fresh.flows[0].numbers != moved.flows[0].numbers


def test_behind_the_last_step_there_is_a_sentence():
    steps = StepsByHand(document(steps=1, batch_size=8), WORDS)
    steps.step()
    with pytest.raises(Refused, match="no further step"):
        steps.step()
    steps.forget()


@pytest.mark.parametrize(
    ("error", "words"),
    [(torch.OutOfMemoryError("CUDA out of memory"), "memory"), (ValueError("a bad day"), "a bad day")],
)
def test_a_block_that_fails_in_a_step_is_named(monkeypatch: pytest.MonkeyPatch, error: Exception, words: str):
    steps = StepsByHand(document(batch_size=8), WORDS)

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(blocks["connectors.projection"], "forward", fail)
    with pytest.raises(Refused) as refused:
        steps.step()
    assert refused.value.problems[0].node.startswith("projection")
    assert words in refused.value.problems[0].what
    steps.forget()


def test_a_source_that_is_not_ready_is_told_at_its_node():
    with pytest.raises(Refused) as refused:
        StepsByHand(edits.set_recipe(find_document("own_pictures"), steps=2), WORDS)
    assert refused.value.problems[0].node == "caption_table"
