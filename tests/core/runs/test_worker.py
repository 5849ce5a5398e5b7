"""A run in a thread: commands are obeyed and recorded, a failure is a sentence and nobody else's, seconds only grow."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core.compiler.compile import analyse, compile
from core.compiler.module import Experiment
from core.graph import edits
from core.graph.recipe import Choice
from core.runs.execute import checkpoint_folder, execute
from core.runs.worker import RunThread, ask
from core.store.checkpoints import CheckpointFolder
from core.store.database import Store
from core.store.library import Library
from core.training.control import Control
from core.training.trainer import Trainer
from tests.core.runs.running import assert_time_goes_on, losses, queued, started, until
from tests.documents import Drawing, tiny_clip

SAVING: dict[str, Any] = {"checkpointing": {"every": 5}}


@pytest.fixture
def store(slow_where: str) -> Iterator[Store]:
    with Store.open(slow_where) as opened:
        yield opened


def after_step(monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """Something happens in the training thread when a step has been said."""
    say_step = Trainer._say_step

    def seen(self: Trainer, seconds: float) -> None:
        say_step(self, seconds)
        act(self)

    monkeypatch.setattr(Trainer, "_say_step", seen)


def test_a_thread_trains_from_queue_to_end(store: Store, library: Library) -> None:
    ended: list[str] = []
    thread = started(store, tiny_clip(steps=12, callbacks=SAVING))
    thread._ended = ended.append
    thread.join(60)
    facts = library.facts(thread.uid)
    assert (facts.status, facts.step, facts.reason) == ("finished", 12, "")
    assert ended == [thread.uid]
    reader = library.reader(thread.uid)
    assert_time_goes_on(reader)
    assert [c.step for c in reader.checkpoints() if c.kept] == [10, 12]
    assert all(Path(c.path).parent == checkpoint_folder(store, thread.uid) for c in reader.checkpoints())
    assert "cpu" in reader.devices()


def test_pause_checkpoint_rate_resume_stop(store: Store, library: Library) -> None:
    constant = Choice(key="constant", knobs={"warm_up": 0.0})
    thread = started(
        store, tiny_clip(steps=100_000, callbacks={"checkpointing": {"every": 100_000}}, schedule=constant)
    )
    reader = library.reader(thread.uid)
    until(lambda: reader.head().step > 3)

    ask(store, thread.uid, "pause")
    until(lambda: reader.head().status == "paused")
    ask(store, thread.uid, "checkpoint")  # is obeyed while it waits: whatever was under way is then over
    until(reader.checkpoints)
    rest = reader.head().step
    assert [c.step for c in reader.checkpoints()] == [rest]
    ask(store, thread.uid, "rate", node="vit", learning_rate=0.123)
    ask(store, thread.uid, "checkpoint")
    assert reader.head().step == rest

    ask(store, thread.uid, "resume")
    until(lambda: reader.head().step > rest + 2)
    assert reader.head().status == "running"
    ask(store, thread.uid, "stop")
    thread.join(30)
    assert not thread.is_alive()

    facts = library.facts(thread.uid)
    assert (facts.status, facts.reason) == ("stopped", "stopped by hand")
    assert reader.checkpoints()[-1].step == facts.step == reader.head().step
    steps, rates = reader.points("rate/vit")
    notes = [mark for mark in reader.marks() if mark.text == "learning rate of vit: 0.001 → 0.123"]
    assert [note.step for note in notes] in ([rest], [rest + 1])
    assert rates[steps <= rest] == pytest.approx(1e-3)
    assert rates[steps > rest + 1] == pytest.approx(0.123)
    assert reader.points("rate/text_transformer")[1] == pytest.approx(1e-3)
    assert_time_goes_on(reader)


def test_a_stop_ends_a_paused_run(store: Store, library: Library) -> None:
    thread = started(store, tiny_clip(steps=100_000))
    until(lambda: library.facts(thread.uid).step > 0)
    ask(store, thread.uid, "pause")
    until(lambda: library.facts(thread.uid).status == "paused")
    ask(store, thread.uid, "stop")
    thread.join(30)
    assert library.facts(thread.uid).status == "stopped"


def test_a_run_that_raises_ends_alone_and_two_runs_do_not_touch_each_other(
    store: Store, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = tiny_clip(steps=25, dropout=0.3)
    alone = queued(store, good)
    assert execute(store, alone) == "finished"

    def fails(run: Trainer) -> None:
        if run.plan.document.name == "bad" and run.position.step == 10:
            raise RuntimeError("the third hand came loose")

    after_step(monkeypatch, fails)
    bad = edits.rename(tiny_clip(steps=50, dropout=0.3, seed=7), "bad")
    threads = [started(store, good), started(store, bad)]
    for thread in threads:
        thread.join(60)
    assert losses(library.reader(threads[0].uid)) == losses(library.reader(alone)), "the other run's random numbers"
    facts = library.facts(threads[1].uid)
    assert (facts.status, facts.step) == ("failed", 10)
    assert facts.reason == "RuntimeError: the third hand came loose"
    reader = library.reader(threads[1].uid)
    assert [mark.text for mark in reader.marks() if mark.kind == "warning"] == [facts.reason]
    assert any("fails(" not in line.text and "Traceback" in line.text for line in reader.log())
    assert reader.log()[-1].text == facts.reason


def test_drawing_while_a_run_trains_changes_nothing(store: Store, library: Library) -> None:
    """Shapes are computed, and a trained model is built, with random numbers of their own."""
    document = tiny_clip(steps=25, dropout=0.3)
    alone = queued(store, document)
    execute(store, alone)
    other = tiny_clip(dropout=0.2, batch_size=32)
    plan = compile(other)
    thread = started(store, document)
    width = 24
    while thread.is_alive():
        width = 24 + (width - 22) % 200 // 2 * 2
        analyse(edits.set_knob(other, "vit", "width", width))
        Experiment(plan, width)
    assert losses(library.reader(thread.uid)) == losses(library.reader(alone))


def test_a_loss_that_is_not_a_number_stops_before_the_optimiser(
    store: Store, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    updates: list[int] = []

    def spoil(run: Trainer) -> None:
        updates.append(run.position.step)
        if run.position.step == 7:
            with torch.no_grad():
                next(run.experiment.node("projection").parameters()).mul_(math.nan)

    after_step(monkeypatch, spoil)
    thread = started(store, tiny_clip(steps=40, callbacks={"checkpointing": {"every": 5}, "watchdog": {}}))
    thread.join(60)
    facts, reader = library.facts(thread.uid), library.reader(thread.uid)
    assert facts.status == "diverged"
    assert facts.reason.startswith("Diverged at step 8: the loss of info_nce is not a finite number.")
    assert updates == [*range(1, 8)], "no eighth update"
    assert np.isfinite(reader.points("loss")[1]).all()
    newest = CheckpointFolder(checkpoint_folder(store, thread.uid)).newest()
    assert newest is not None
    assert newest.step == 5
    assert all(t.isfinite().all() for t in load_file(newest.path / "weights.safetensors").values())


def test_a_drawing_with_problems_is_refused_in_sentences(store: Store, library: Library) -> None:
    draw = Drawing("half")
    draw.add("sources.emoji", image_size=16)
    draw.add("objectives.info_nce")
    uid = queued(store, draw.document)
    assert execute(store, uid) == "failed"
    facts, reader = library.facts(uid), library.reader(uid)
    assert "info_nce" in facts.reason
    assert len(facts.reason.splitlines()) >= 2
    assert all(line.endswith((".", "?")) for line in facts.reason.splitlines())
    assert not any("Traceback" in line.text for line in reader.log())


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"device": "cuda:77"}, "The device 'cuda:77' cannot be used here"),
        ({"batch_size": 4000}, "fewer than one batch"),
    ],
)
def test_what_cannot_run_here_is_a_sentence(store: Store, library: Library, fields: dict[str, Any], says: str) -> None:
    uid = queued(store, edits.set_recipe(tiny_clip(), **fields))
    assert execute(store, uid) == "failed"
    facts = library.facts(uid)
    assert says in facts.reason
    assert not facts.reason.startswith(("ValueError", "Refused"))


def test_seconds_never_go_back_when_a_run_goes_on(
    store: Store, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was said after a checkpoint at its own step has later seconds than the checkpoint."""
    control, slow_disk = Control(), threading.Event()

    def stop_at_five(run: Trainer) -> None:
        if run.position.step == 5:
            control.set_rate("", 5e-4)
            control.stop()

    save = CheckpointFolder.save

    def slow(self: CheckpointFolder, *given: Any, **options: Any) -> Path:
        slow_disk.wait(0.2)
        return save(self, *given, **options)

    monkeypatch.setattr(CheckpointFolder, "save", slow)
    with monkeypatch.context() as first:
        after_step(first, stop_at_five)
        uid = queued(store, tiny_clip(steps=8, callbacks=SAVING))
        assert execute(store, uid, control) == "stopped"
    before = max(mark.seconds for mark in library.reader(uid).marks())
    assert before >= 0.2
    assert execute(store, uid) == "finished"
    reader = library.reader(uid)
    assert reader.place(6, "seconds") >= before
    assert_time_goes_on(reader)


def test_commands_after_going_on_are_said_where_the_run_is(
    store: Store, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that fell back to its checkpoint may be paused before it comes to where it had been."""

    def fails(run: Trainer) -> None:
        if run.position.step == 9:
            raise RuntimeError("power")

    with monkeypatch.context() as first:
        after_step(first, fails)
        uid = queued(store, tiny_clip(steps=20, callbacks=SAVING))
        assert execute(store, uid) == "failed"
    assert library.facts(uid).step == 9
    reader = library.reader(uid)
    seen: list[tuple[str, int]] = []

    def pause(run: Trainer) -> None:
        if run.position.step == 7:
            ask(store, uid, "pause")
            until(lambda: run.control.is_paused)
        elif run.position.step == 20:
            seen.append((reader.head().status, reader.head().step))

    after_step(monkeypatch, pause)
    thread = RunThread(store, uid)
    thread.start()
    until(lambda: reader.head().status == "paused")
    assert reader.head().step == 7
    assert reader.points("loss")[0].tolist() == [*range(1, 8)]
    ask(store, uid, "resume")
    thread.join(60)
    assert library.facts(uid).status == "finished"
    assert_time_goes_on(reader)


def test_a_fork_that_was_interrupted_before_its_own_checkpoint_says_nothing_twice(
    store: Store, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = tiny_clip(steps=12, callbacks={"checkpointing": {"every": 4, "last": 9}})
    parent = queued(store, document)
    assert execute(store, parent) == "finished"
    rare = edits.switch(document, "callbacks", "checkpointing", True, {"every": 1000})
    uid = queued(store, rare, parent=parent, parent_step=4)

    def fails(run: Trainer) -> None:
        if run.position.step == 9:
            raise RuntimeError("power")

    with monkeypatch.context() as first:
        after_step(first, fails)
        assert execute(store, uid) == "failed"
    assert execute(store, uid) == "finished"
    reader = library.reader(uid)
    assert losses(reader) == losses(library.reader(parent))[4:]
    assert_time_goes_on(reader)


def test_a_damaged_checkpoint_is_passed_over_and_said(store: Store, library: Library) -> None:
    document = tiny_clip(steps=10, callbacks=SAVING)
    uid = queued(store, document)
    execute(store, uid)
    whole = losses(library.reader(uid))
    newest = CheckpointFolder(checkpoint_folder(store, uid)).newest()
    assert newest is not None
    weights = newest.path / "weights.safetensors"
    whole_file = weights.read_bytes()
    weights.write_bytes(whole_file[:-1] + bytes([whole_file[-1] ^ 1]))
    assert execute(store, uid) == "finished"
    reader = library.reader(uid)
    assert losses(reader) == whole
    assert any("step-000000010 is damaged" in line.text and line.level == "warning" for line in reader.log())


def test_nothing_of_the_recipe_is_forgotten_when_runs_are_compared(store: Store, library: Library) -> None:
    one, other = queued(store, tiny_clip(seed=1)), queued(store, tiny_clip(seed=2, batch_size=32))
    assert {d.name for d in library.difference(one, other)} == {"seed", "batch_size"}
    assert set(library.params(one)) >= {"steps", "learning_rate", "optimizer", "vit", "vit.width"}
