"""A stop changes nothing but when the run goes on: same evaluations, same patience, same best, same end, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.graph.document import Document
from core.telemetry.events import LogLine, Mark, PhaseChange, Scalars
from core.training.control import Control
from core.training.trainer import Trainer
from tests.core.training.running import Said, checkpoint, resumed, same, trainer, weights
from tests.documents import tiny_clip

CALLBACKS: dict[str, Any] = {
    "evaluation": {"every": 2, "most": 20, "train": False},
    "early_stopping": {"patience": 2, "least_gain": 0.9},  # no gain is ever enough: the end is known
    "checkpointing": {"every": 1000},
    "ema": {"decay": 0.5},
}


def drawn() -> Document:
    return tiny_clip(steps=40, callbacks=CALLBACKS)


def stopping_at(run: Trainer, control: Control, step: int) -> None:
    """Ask for a stop while the step is taken."""
    take = run.groups.optimizer.step

    def watched(*args: Any, **kwargs: Any) -> Any:
        if run.position.step == step - 1:
            control.stop()
        return take(*args, **kwargs)

    run.groups.optimizer.step = watched  # type: ignore[method-assign]


def stopping_inside_the_evaluation(run: Trainer, control: Control, step: int) -> None:
    """Ask for a stop when an evaluation reads its first batch."""
    split = run.feed.split

    def watched(*args: Any, **kwargs: Any) -> Iterator[Any]:
        for batch in split(*args, **kwargs):
            if run.position.step == step and run.position.step % 2 == 0:
                control.stop()
            yield batch

    run.feed.split = watched  # type: ignore[method-assign]


def evaluations(said: Said) -> list[tuple[int, dict[str, float]]]:
    """What evaluations said, in order."""
    return [
        (event.at.step, dict(event.values))
        for event in said.of(Scalars)
        if any("retrieval/" in n for n in event.values)
    ]


@pytest.mark.parametrize("how", [stopping_at, stopping_inside_the_evaluation])
def test_stops_and_resumes_are_one_run(how: Any, tmp_path: Path) -> None:
    whole = trainer(drawn())
    whole.train()
    assert isinstance(whole.listener, Said)
    assert whole.status == "finished"
    assert whole.position.step == 6, "two evaluations in vain after the first"

    said = Said()
    state: dict[str, Any] | None = None
    for number, step in enumerate((1, 2, 4, None)):
        folder = tmp_path / str(number - 1)
        run = trainer(drawn()) if state is None else resumed(drawn(), folder, state)
        run.listener, run.control = said, Control()
        if step is not None:
            how(run, run.control, step)
        run.train()
        if run.status == "finished":
            break
        assert run.status == "stopped"
        state = checkpoint(run, tmp_path / str(number))
        if how is stopping_inside_the_evaluation and step is not None and step % 2 == 0:
            assert all(at < run.position.step for at, _ in evaluations(said)), "nothing half measured is said"
    assert run.status == "finished"
    assert run.position.step == whole.position.step
    assert evaluations(said) == evaluations(whole.listener)
    bests = [[mark.at.step for mark in events.of(Mark) if mark.kind == "best"] for events in (said, whole.listener)]
    assert bests[0] == bests[1]
    assert same(weights(run), weights(whole))


class Counted:
    """A keeper that writes nothing and remembers what the run had done by then."""

    def __init__(self) -> None:
        self.saved: list[int] = []

    def save(self, step: int, *_: Any, **__: Any) -> str:
        self.saved.append(step)
        return f"step {step}"

    def settle(self) -> None:
        """Nothing is kept anywhere."""


def test_after_the_step_of_a_stop_there_is_a_checkpoint_and_nothing_else() -> None:
    control, keeper = Control(), Counted()
    run = trainer(drawn(), control=control)
    run.keeper = keeper  # type: ignore[assignment]
    stopping_at(run, control, 4)  # a step that would be evaluated
    forward, forwards = run.forward, []

    def watched(*args: Any, **kwargs: Any) -> Any:
        forwards.append(run.position.step)
        return forward(*args, **kwargs)

    run.forward = watched  # type: ignore[method-assign]
    run.train()
    assert (run.status, run.position.step, keeper.saved[-1]) == ("stopped", 4, 4)
    assert 4 not in forwards, "nothing is computed once the step is done"
    assert [step for step, _ in evaluations(run.listener)] == [2]  # type: ignore[arg-type]


def test_a_stop_before_the_first_step_takes_no_step() -> None:
    control, keeper = Control(), Counted()
    control.stop()
    run = trainer(drawn(), control=control)
    run.keeper = keeper  # type: ignore[assignment]
    run.train()
    assert (run.status, run.position.step, keeper.saved) == ("stopped", 0, [])


def phases(run: Trainer) -> list[str]:
    """What the run said it was about, each change once."""
    said = [event.phase for event in run.listener.of(PhaseChange)]  # type: ignore[attr-defined]
    return [phase for number, phase in enumerate(said) if number == 0 or phase != said[number - 1]]


def test_a_run_says_what_it_is_about_and_how_far_it_is() -> None:
    run = trainer(
        tiny_clip(steps=2, callbacks={"evaluation": {"every": 2, "most": 300, "train": False}, "checkpointing": {}})
    )
    run.keeper = Counted()  # type: ignore[assignment]
    run.train()
    assert phases(run)[:4] == ["training", "evaluating", "training", "saving"]
    counts = [event for event in run.listener.of(PhaseChange) if event.phase == "evaluating"]  # type: ignore[attr-defined]
    held_out = sum(min(300, len(indices)) for split, indices in run.feed.splits.items() if split != "train")
    assert {event.of for event in counts} == {held_out}
    assert [event.done for event in counts] == sorted(event.done for event in counts)
    assert (counts[0].done, counts[-1].done) == (0, held_out)


def test_once_a_stop_is_asked_for_a_run_is_about_nothing_else() -> None:
    control = Control()
    run = trainer(drawn(), control=control)
    stopping_inside_the_evaluation(run, control, 4)
    run.train()
    assert run.status == "stopped"
    assert phases(run)[-2:] == ["evaluating", "stopping"]


def stopping_with_an_evaluation_at(run: Trainer, control: Control, step: int) -> None:
    """Ask for a stop that evaluates while the step is taken."""
    take = run.groups.optimizer.step

    def watched(*args: Any, **kwargs: Any) -> Any:
        if run.position.step == step - 1:
            control.stop(evaluate=True)
        return take(*args, **kwargs)

    run.groups.optimizer.step = watched  # type: ignore[method-assign]


def test_a_stop_that_evaluates_saves_first_and_takes_no_further_step() -> None:
    control, keeper = Control(), Counted()
    run = trainer(drawn(), control=control)
    run.keeper = keeper  # type: ignore[assignment]
    stopping_with_an_evaluation_at(run, control, 3)  # a step that would not be evaluated
    said, order = run.listener, list[str]()
    say, save = said.say, keeper.save
    said.say = lambda event: (order.append(type(event).__name__), say(event))[1]  # type: ignore[method-assign]
    keeper.save = lambda *args, **more: (order.append("saved"), save(*args, **more))[1]  # type: ignore[method-assign]
    run.train()
    assert (run.status, run.position.step, keeper.saved[-1:]) == ("stopped", 3, [3])
    assert [step for step, _ in evaluations(said)] == [2, 3]  # type: ignore[arg-type]
    assert order.index("saved", order.index("saved") + 1) < len(order) - 1 - order[::-1].index("Scalars")
    assert "evaluating" in phases(run)[-3:]


def test_a_plain_stop_cuts_that_evaluation_short() -> None:
    control = Control()
    run = trainer(drawn(), control=control)
    stopping_with_an_evaluation_at(run, control, 3)
    split = run.feed.split

    def watched(*args: Any, **kwargs: Any) -> Iterator[Any]:
        for batch in split(*args, **kwargs):
            if run.position.step == 3:
                control.stop()
                control.stop(evaluate=True)  # too late
            yield batch

    run.feed.split = watched  # type: ignore[method-assign]
    run.train()
    assert run.status == "stopped"
    assert [step for step, _ in evaluations(run.listener)] == [2]  # type: ignore[arg-type]


def test_stops_that_evaluate_use_up_no_patience_and_mark_no_best(tmp_path: Path) -> None:
    whole = trainer(drawn())
    whole.train()
    said, state = Said(), None
    for number, step in enumerate((1, 2, 3, 5, None)):
        run = trainer(drawn()) if state is None else resumed(drawn(), tmp_path / str(number - 1), state)
        run.listener, run.control = said, Control()
        if step is not None:
            stopping_with_an_evaluation_at(run, run.control, step)
        run.train()
        if run.status == "finished":
            break
        state = checkpoint(run, tmp_path / str(number))
    assert (run.status, run.position.step) == ("finished", whole.position.step)
    assert [step for step, _ in evaluations(said)] == [1, 2, 3, 4, 5, 6]
    bests = [[mark.at.step for mark in events.of(Mark) if mark.kind == "best"] for events in (said, whole.listener)]  # type: ignore[attr-defined]
    assert bests[0] == bests[1]
    assert same(weights(run), weights(whole))


def test_without_an_evaluation_a_stop_that_evaluates_says_so() -> None:
    control = Control()
    run = trainer(tiny_clip(steps=9), control=control)
    stopping_with_an_evaluation_at(run, control, 3)
    run.train()
    assert (run.status, run.position.step) == ("stopped", 3)
    assert any("the training option Evaluation is off" in mark.text for mark in run.listener.of(Mark))  # type: ignore[attr-defined]


def skipping_inside_the_evaluation(run: Trainer, control: Control, step: int) -> None:
    """Ask to leave it when an evaluation has read its first batch; before, and after, the same wish is about none."""
    split = run.feed.split

    def watched(*args: Any, **kwargs: Any) -> Iterator[Any]:
        for batch in split(*args, **kwargs):
            if run.position.step == step:
                control.skip_evaluation()
            yield batch

    run.feed.split = watched  # type: ignore[method-assign]


@pytest.mark.parametrize("last", [False, True])
def test_an_evaluation_that_is_skipped_has_no_scores_and_costs_nobody_patience(last: bool, tmp_path: Path) -> None:
    callbacks = {**CALLBACKS, "early_stopping": {"patience": 2, "least_gain": 0.9}}
    steps = 4 if last else 40
    whole, control = trainer(tiny_clip(steps=steps, callbacks=callbacks)), Control()
    whole.train()
    run = trainer(tiny_clip(steps=steps, callbacks=callbacks), control=control)
    run.keeper = Counted()  # type: ignore[assignment]
    control.skip_evaluation()  # while nothing is evaluated: the first one is not meant
    skipping_inside_the_evaluation(run, control, 4)
    run.train()
    said = run.listener
    assert isinstance(said, Said)
    assert isinstance(whole.listener, Said)
    assert run.status == "finished"
    assert [step for step, _ in evaluations(said)] == ([2] if last else [2, 6, 8])
    assert [(mark.at.step, mark.text) for mark in said.of(Mark) if mark.kind == "note"] == [(4, "evaluation skipped")]
    assert any("was skipped by hand" in line.text for line in said.of(LogLine))
    both = [dict(evaluations(each)) for each in (said, whole.listener)]
    assert all(both[0][step] == both[1][step] for step in both[0].keys() & both[1].keys())
    losses = [[one for one in each.scalars("loss") if one[0] <= 4] for each in (said, whole.listener)]
    assert losses[0] == losses[1]
    again = resumed(run.plan.document, tmp_path, checkpoint(run, tmp_path))
    assert again.callback("evaluation").state()["last"] == (4 if last else 8)  # it is not made up for
