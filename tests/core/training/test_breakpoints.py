"""Runs that pause by themselves: planted collapses are caught within a few steps, healthy runs never stop."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from core.graph.document import Document
from core.problems import Refused
from core.telemetry.events import Event, LogLine, StatusChange
from core.training.callback import Callback
from core.training.control import Control
from core.training.trainer import Trainer
from tests.core.training.running import Said, checkpoint, resumed, same, trainer, weights
from tests.documents import tiny_clip

EVERY_STEP = {"similarity": {"every": 1}, "gradients": {"every": 1}, "attention": {"every": 1, "samples": 2}}


class Person(Said):
    """Hears that the run paused, looks, and goes on at once."""

    def __init__(self, control: Control) -> None:
        super().__init__()
        self._control = control

    def say(self, event: Event) -> None:
        super().say(event)
        if isinstance(event, StatusChange) and event.status == "paused":
            assert self._control.is_paused
            self._control.resume()

    def pauses(self) -> list[StatusChange]:
        return [event for event in self.of(StatusChange) if event.status == "paused"]


class Planted(Callback):
    """Spoils the run after a step, behind the optimiser's back."""

    key, order = "planted", 1

    def __init__(self, step: int, spoil: Any) -> None:
        super().__init__(None)
        self._step, self._spoil = step, spoil

    def step_began(self, run: Any) -> None:
        if run.position.step >= self._step:
            with torch.no_grad():
                self._spoil(run.experiment)


def watched(when: str, *, steps: int = 20, **knobs: Any) -> Document:
    return tiny_clip(
        steps=steps, dropout=0.0, diagnostics=EVERY_STEP, callbacks={"breakpoints": {"when": when, **knobs}}
    )


def beside_a_person(document: Document, *planted: Callback) -> Trainer:
    control = Control()
    run = trainer(document, control=control)
    run.listener = Person(control)
    run.callbacks[:0] = planted
    return run


def collapse(experiment: Any) -> None:
    for name in ("projection", "projection_2"):
        for parameter in experiment.node(name).parameters():
            parameter.mul_(0.0)
            parameter[:1] += 1.0  # whatever comes in, much the same comes out


def cool(experiment: Any) -> None:
    experiment.node("info_nce").logit_scale.fill_(4.6)  # a temperature of 0.01, at its bound


def silence(experiment: Any) -> None:
    for parameter in experiment.node("projection_2").parameters():
        parameter.mul_(1e-3).add_(1e-9)
    for parameter in experiment.node("projection").parameters():
        parameter.mul_(1e2)


@pytest.mark.parametrize(
    ("when", "spoil"),
    [("effective rank < 2", collapse), ("temperature < 0.0105", cool), ("gradient share/text > 0.97", silence)],
)
def test_a_planted_collapse_is_caught_within_three_steps(when, spoil):
    run = beside_a_person(watched(when, in_a_row=2), Planted(8, spoil))
    assert run.train() == "finished"
    (pause, *_) = run.listener.pauses()
    assert 9 <= pause.at.step <= 11, pause
    assert when in pause.reason
    assert any("Breakpoint at step" in line.text and line.level == "warning" for line in run.listener.of(LogLine))


def test_a_jump_of_the_loss_is_caught_at_its_step():
    run = beside_a_person(
        watched("loss jumps 8", window=8),
        Planted(15, lambda experiment: experiment.node("info_nce").logit_scale.fill_(4.6)),
    )
    run.train()
    assert [pause.at.step for pause in run.listener.pauses()][:1] == [16]


def test_a_healthy_run_never_pauses():
    when = "effective rank < 2; temperature < 0.0105; loss jumps 8; gradient share > 0.97; attention entropy < 0.05; modality gap > 1.9"
    run = beside_a_person(watched(when, steps=60))
    run.train()
    assert run.listener.pauses() == []
    assert run.listener.scalars("attention entropy/vit/0")
    assert run.listener.scalars("gradient share/text")


def test_a_paused_run_that_goes_on_is_the_run_that_never_paused(tmp_path):
    paused = beside_a_person(watched("loss > 0", in_a_row=3, steps=8))
    paused.train()
    assert [pause.at.step for pause in paused.listener.pauses()] == [3]
    whole = trainer(watched("loss > 1e9", steps=8))
    whole.train()
    assert same(weights(paused), weights(whole))


def test_resumed_behind_a_breakpoint_it_is_not_met_again(tmp_path):
    document = watched("loss > 0", in_a_row=3, steps=8)
    first = beside_a_person(document)
    first.tell("began")
    for _ in range(5):
        first._step()
    assert [pause.at.step for pause in first.listener.pauses()] == [3]
    second = resumed(document, tmp_path / "at", checkpoint(first, tmp_path / "at"))
    second.listener = person = Person(second.control)
    second.train()
    assert person.pauses() == []


def test_it_may_stop_or_only_say_so():
    run = trainer(watched("loss > 0", in_a_row=2, then="stop"))
    assert run.train() == "stopped"
    assert run.position.step == 2
    assert run.reason.startswith("Breakpoint at step 2: loss/info_nce is ")
    assert ";" not in run.reason, "the loss of the one objective is the loss of the run: said once"
    run = trainer(watched("loss > 0", in_a_row=2, then="say it", steps=4))
    assert run.train() == "finished"
    assert sum("Breakpoint at step 2" in line.text for line in run.listener.of(LogLine)) == 1


def test_a_condition_that_cannot_be_read_is_refused_before_the_first_step():
    run = trainer(watched("loss is bad"))
    with pytest.raises(Refused, match="is no condition"):
        run.train()
    assert run.position.step == 0
