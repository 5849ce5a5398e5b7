"""A run that several processes share: recorded once, restarted whole when one is killed, carried on by one or by two."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from core.compiler.compile import compile
from core.compiler.module import Experiment
from core.compiler.weights import read_tensors
from core.graph.document import Document
from core.graph.edits import set_recipe
from core.graph.file import loads
from core.graph.recipe import Choice
from core.problems import Refused
from core.runs.execute import execute
from core.runs.launch import change_recipe, place_of
from core.runs.worker import ask, start_process
from core.store.database import Store
from core.store.library import Library
from core.store.reader import RunReader
from core.training.processes import device_of
from tests.core.runs.running import assert_time_goes_on, losses, queued, until
from tests.core.training.shared import clip

pytestmark = pytest.mark.skipif(os.name == "nt", reason="gloo, SIGKILL")


def drawn(steps: int, processes: int = 2, every: int = 5) -> Document:
    callbacks = {"checkpointing": {"every": every}, "evaluation": {"every": 20, "most": 50}, "clipping": {}}
    return set_recipe(clip(callbacks=callbacks), steps=steps, processes=processes)


def values(reader: RunReader) -> list[float]:
    return [value for _, value in losses(reader)]


def others(number: int) -> list[psutil.Process]:
    """The processes of a run, in order of ranks."""
    found = [p for p in psutil.Process(number).children() if "core.runs.together" in p.cmdline()]
    return sorted(found, key=lambda process: int(process.environ()["RANK"]))


@pytest.mark.long
@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_restarts_all_and_nothing_is_said_twice(store: Store, library: Library, rank: int) -> None:
    uid, alone = queued(store, drawn(40)), queued(store, drawn(40, processes=1))
    child = start_process(store, uid)
    reader = library.reader(uid)
    until(lambda: reader.head().step >= 8 or child.poll() is not None, 300)
    os.kill(others(child.pid)[rank].pid, signal.SIGKILL)
    assert library.mark_interrupted() == [], "who started them owns the run all the while"
    assert child.wait(300) == 0
    assert library.facts(uid).status == "finished"
    assert_time_goes_on(reader)
    assert reader.points("loss")[0].tolist() == list(range(1, 41))
    said = [line.text for line in reader.log(newest=1000)]
    assert sum(text.startswith("A process was lost; all of them go on from step ") for text in said) == 1
    assert "2 processes share every batch." in said
    assert execute(store, alone) == "finished"
    assert values(reader) == pytest.approx(values(library.reader(alone)), abs=1e-4)


@pytest.mark.long
def test_begun_with_two_goes_on_with_one_and_the_other_way(store: Store, library: Library) -> None:
    whole = queued(store, drawn(80, processes=1))
    assert execute(store, whole) == "finished"
    expected = values(library.reader(whole))
    for first, then in ((2, 1), (1, 2)):
        uid = queued(store, drawn(80, processes=first, every=1000))
        child, reader = start_process(store, uid), library.reader(uid)
        until(lambda: reader.head().step >= 5 or child.poll() is not None, 300)  # noqa: B023
        ask(store, uid, "stop")
        assert child.wait(300) == 0
        stopped = library.facts(uid)
        assert (stopped.status, [c.step for c in reader.checkpoints()]) == ("stopped", [stopped.step])
        change_recipe(library, uid, processes=then)
        assert place_of(library, uid, "thread") == ("process" if then == 2 else "thread")
        assert start_process(store, uid).wait(300) == 0
        assert f"processes {first} → {then}" in " ".join(line.text for line in reader.log(newest=1000))
        assert values(reader) == pytest.approx(expected, abs=1e-4)
        assert_time_goes_on(reader)


@pytest.mark.long
def test_weights_kept_in_parts_are_saved_whole_and_read_by_any_number(store: Store, library: Library) -> None:
    """Written by two, read by three, by one, and by two again: a batch of 12 can be divided by all of them."""
    alone = set_recipe(drawn(60, processes=1), batch_size=12)
    whole, parts = queued(store, alone), queued(store, set_recipe(alone, processes=2, sharded=True))
    assert execute(store, whole) == "finished"
    child, reader = start_process(store, parts), library.reader(parts)
    until(lambda: reader.head().step >= 5 or child.poll() is not None, 300)
    ask(store, parts, "stop")
    assert child.wait(300) == 0
    step = library.facts(parts).step
    saved = read_tensors(Path(reader.checkpoints()[-1].path), "weights.safetensors")
    other = Experiment(compile(loads(library.document_text(whole))))
    assert {name: tensor.shape for name, tensor in saved.items()} == {n: t.shape for n, t in other.state_dict().items()}
    assert 0 < step < 60
    change_recipe(library, parts, processes=3)
    assert start_process(store, parts).wait(300) == 0
    assert values(reader) == pytest.approx(values(library.reader(whole)), abs=1e-4)
    change_recipe(library, parts, processes=1, steps=65)
    assert execute(store, parts) == "finished"
    change_recipe(library, parts, processes=2, steps=70)
    assert start_process(store, parts).wait(300) == 0
    assert reader.points("loss")[0].tolist() == list(range(1, 71))


@pytest.mark.long
def test_commands_reach_all_processes_at_one_step(store: Store, library: Library) -> None:
    uid = queued(store, drawn(100_000, every=100_000))
    child, reader = start_process(store, uid), library.reader(uid)
    until(lambda: reader.head().step > 2, 300)
    ask(store, uid, "pause")
    until(lambda: reader.head().status == "paused")
    ask(store, uid, "rate", node="", learning_rate=1e-5)
    ask(store, uid, "checkpoint")
    until(lambda: len(reader.checkpoints()) == 1)
    until(lambda: any(mark.data.get("rate") == 1e-5 for mark in reader.marks()))
    held = reader.head().step
    ask(store, uid, "resume")
    until(lambda: reader.head().step > held)
    for process in (
        child,
        *others(child.pid),
    ):  # a cluster warns every process of a job; the first hands it on as a stop
        process.send_signal(signal.SIGUSR2)
    assert child.wait(120) == 0
    facts = library.facts(uid)
    assert facts.status == "stopped"
    assert [c.step for c in reader.checkpoints()] == [held, facts.step]
    assert reader.points("loss")[0].tolist() == list(range(1, facts.step + 1))


@pytest.mark.long
def test_a_run_that_cannot_begin_says_why(store: Store, library: Library) -> None:
    document = set_recipe(drawn(10), callbacks={"ema": {}}, sharded=True)
    uid = queued(store, document)
    assert start_process(store, uid).wait(120) == 1
    facts = library.facts(uid)
    assert facts.status == "failed"
    assert "Weight averaging (EMA) needs whole weights." in facts.reason


@pytest.mark.long
def test_too_few_gpus_are_said_once(store: Store, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    uid = queued(store, set_recipe(drawn(10), device="cuda"))
    assert start_process(store, uid).wait(120) == 1
    facts = library.facts(uid)
    assert (facts.status, facts.step) == ("failed", 0)
    assert "This machine has 0 of the 2 GPUs that 2 processes need" in facts.reason
    assert sum(line.text == facts.reason for line in library.reader(uid).log(newest=100)) == 1


@pytest.mark.long
@pytest.mark.skipif(
    torch.cuda.device_count() < 2, reason="two processes with a GPU each (NCCL): this machine has fewer than two GPUs"
)
@pytest.mark.parametrize(
    "more", [{}, {"sharded": True}, {"batching": Choice(key="packed", knobs={"budget": 64, "packs": 4})}]
)
def test_two_gpus_say_what_one_says(store: Store, library: Library, more: dict[str, Any]) -> None:
    """Whole weights, weights kept in parts, packs; in float32 on both."""
    document = set_recipe(drawn(20, processes=1), device="cuda", **({} if "sharded" in more else more))
    one, two = queued(store, document), queued(store, set_recipe(document, processes=2, **more))
    assert execute(store, one) == "finished"
    assert start_process(store, two).wait(300) == 0
    assert values(library.reader(two)) == pytest.approx(values(library.reader(one)), abs=1e-3)


@pytest.mark.long
def test_processes_without_their_launcher_save_and_stop(store: Store, library: Library) -> None:
    uid = queued(store, drawn(100_000, every=100_000))
    child, reader = start_process(store, uid), library.reader(uid)
    until(lambda: reader.head().step > 2, 300)
    left = others(child.pid)
    os.kill(child.pid, signal.SIGKILL)
    child.wait(10)
    _, still = psutil.wait_procs(left, timeout=120)
    assert still == []
    facts = library.facts(uid)
    assert facts.status == "stopped"
    assert [c.step for c in reader.checkpoints()] == [facts.step]
    assert library.owner_refusal(uid) is None


def test_what_cannot_be_divided_is_said_before_the_run() -> None:
    from core.compiler.compile import analyse

    def problems(**recipe: object) -> list[str]:
        return [p.what for p in analyse(set_recipe(drawn(10), **recipe)).problems if p.severity == "error"]

    assert problems() == []
    assert problems(batch_size=15) == ["A batch of 15 cannot be divided evenly among 2 processes."]
    assert problems(batch_size=4, processes=8) == ["A batch of 4 cannot be divided evenly among 8 processes."]
    assert problems(batch_size=18, callbacks={"accumulation": {"chunks": 3}}) == []
    assert problems(batch_size=16, callbacks={"accumulation": {"chunks": 3}}) == [
        "A batch of 16 in 3 parts cannot be divided evenly among 2 processes."
    ]
    packs = Choice(key="packed", knobs={"budget": 64})
    assert problems(batch_size=15, batching=packs) == []
    assert problems(batching=packs, callbacks={"accumulation": {}}) == [
        "Plain accumulation cuts packs, and processes with fewer samples would have fewer parts."
    ]
    assert problems(batching=packs, callbacks={"gradient_cache": {}}, sharded=True) == [
        "With packs processes run unequal numbers of parts, and sharded weights are gathered for each of them."
    ]
    mended = next(p for p in analyse(set_recipe(drawn(10), batch_size=15)).problems if p.fix is not None)
    assert mended.fix is not None
    assert mended.fix.arguments == {"batch_size": 14}


def test_each_process_has_a_device_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert [device_of("auto", 2, rank) for rank in (0, 1)] == ["cuda:0", "cuda:1"]
    assert device_of("cuda:1", 1) == "cuda:1"
    assert device_of("cpu", 8, 3) == "cpu"
    with pytest.raises(Refused, match="This machine has 2 of the 3 GPUs that 3 processes need"):
        device_of("cuda", 3)
    with pytest.raises(Refused, match="The device cuda:1 is one GPU; 2 processes need one each"):
        device_of("cuda:1", 2)
