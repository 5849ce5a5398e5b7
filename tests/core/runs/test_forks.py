"""A fork with a changed drawing, from the store: its steps go on, what became of the rest is said, nothing is said twice."""

from __future__ import annotations

import pytest

from core.graph import edits
from core.graph.recipe import Choice
from core.runs.execute import execute
from core.store.database import Store
from core.store.library import Library
from core.training.control import Control, Rate
from core.training.trainer import Trainer
from tests.core.runs.running import assert_time_goes_on, losses, queued
from tests.documents import tiny_clip


@pytest.fixture
def parent(store: Store) -> str:
    uid = queued(store, tiny_clip(steps=8, callbacks={"checkpointing": {"every": 4, "last": 9}}))
    assert execute(store, uid) == "finished"
    return uid


def test_a_changed_drawing_goes_on_where_the_run_was(store: Store, library: Library, parent: str) -> None:
    wider = tiny_clip(steps=10, callbacks={"checkpointing": {"every": 1000}})
    for key in ("projection", "projection_2"):
        wider = edits.set_knob(wider, key, "width", 32)
    uid = queued(store, wider, parent=parent, parent_step=5)
    said_at = Trainer._say_step

    def fails(self: Trainer, seconds: float) -> None:
        said_at(self, seconds)
        if self.position.step == 7:
            raise RuntimeError("power")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "_say_step", fails)
        assert execute(store, uid) == "failed"
    assert execute(store, uid) == "finished"
    reader = library.reader(uid)
    assert [step for step, _ in losses(reader)] == list(range(5, 11))
    assert_time_goes_on(reader)
    told = "Forked at step 4. Carried in part: Optimiser. Begun anew: Projection, Projection 2, Best score."
    assert any(line.text == told for line in reader.log())


class Asking(Control):
    """A person asks for another rate before the first step."""

    def take_rates(self) -> list[Rate]:
        return [Rate(node="", learning_rate=0.5)]


@pytest.mark.parametrize(("drawn", "rate"), [(0.001, 0.5), (0.002, 0.002)])
def test_a_rate_that_was_asked_for_holds_in_a_fork_until_another_is_drawn(
    store: Store, library: Library, drawn: float, rate: float
) -> None:
    document = tiny_clip(
        steps=6, learning_rate=0.001, schedule=Choice(key="constant", knobs={"warm_up": 0.0}), callbacks={"checkpointing": {"every": 4}}
    )  # fmt: skip
    uid = queued(store, document)
    assert execute(store, uid, Asking()) == "finished"
    fork = queued(store, edits.set_recipe(document, learning_rate=drawn), parent=uid, parent_step=4)
    assert execute(store, fork) == "finished"
    assert library.reader(fork).points("rate/vit")[1].tolist() == [rate, rate]


def test_larger_batches_go_on_in_what_is_left_of_the_epoch(store: Store, library: Library, parent: str) -> None:
    uid = queued(store, tiny_clip(steps=10, batch_size=800), parent=parent, parent_step=8)
    assert execute(store, uid) == "finished", library.facts(uid).reason
    assert [step for step, _ in losses(library.reader(uid))] == [9, 10]
