"""A stop changes nothing but when the run goes on: same evaluations, same patience, same best, same end, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.graph.document import Document
from core.telemetry.events import Mark, Scalars
from core.training.control import Control
from core.training.trainer import Trainer
from tests.core.training.running import Said, checkpoint, resumed, same, trainer, weights
from tests.documents import tiny_clip

HABITS: dict[str, Any] = {
    "evaluation": {"every": 2, "most": 20, "train": False},
    "early_stopping": {"patience": 2, "least_gain": 0.9},  # no gain is ever enough: the end is known
    "checkpointing": {"every": 1000},
    "ema": {"decay": 0.5},
}


def drawn() -> Document:
    return tiny_clip(steps=40, habits=HABITS)


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
