"""The learning rates that a person changes from are those of the run, read from its record."""

from __future__ import annotations

import pytest

from core.runs.rates import rates_of
from core.store.database import Store
from core.store.library import Library
from core.telemetry.events import Mark, Scalars
from tests.core.runs.running import queued
from tests.core.store.said import at
from tests.documents import tiny_clip


def test_the_rates_of_a_run_are_its_own_with_what_was_changed(store: Store, library: Library) -> None:
    uid = queued(store, tiny_clip(steps=100, learning_rate=0.002))
    recorder, reader = library.recorder(uid), library.reader(uid)
    recorder.say(Scalars(at=at(50), values={"rate/vit": 0.001, "rate/text_transformer": 0.001}))
    assert recorder.flush()
    found = rates_of(reader)
    assert found.by_node == {"vit": 0.002, "text_transformer": 0.002}, "blocks that learn, before the schedule"
    assert (found.step, found.steps, found.highest) == (50, 100, 0.002)
    assert 0.0 < found.end < found.now < 1.0
    for node, rate in (("vit", 0.5), ("", 0.25), ("text_transformer", 0.125)):
        recorder.say(Mark(at=at(50), kind="note", text="learning rate", data={"node": node, "rate": rate}))
    assert recorder.close()
    assert rates_of(reader).by_node == pytest.approx({"vit": 0.25, "text_transformer": 0.125})
