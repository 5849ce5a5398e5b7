"""One run from its row in the store to its end: the same for a thread and for a child process.

What it owns: the recorder, the device watch, the look-out for commands, the trainer. The store is the only channel to
the outside.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from core.compiler.compile import compile
from core.compiler.feed import sample_graph
from core.compiler.plan import Plan
from core.compiler.weights import load_what_fits, read_state
from core.data.pipeline import SampleGraph
from core.graph.file import loads
from core.graph.judged import lineage
from core.problems import Refused
from core.runs.launch import costs, keep_document
from core.store.checkpoints import CheckpointFolder
from core.store.database import Store
from core.store.library import Library
from core.store.reader import RunReader
from core.store.recorder import Recorder
from core.store.resuming import Start
from core.telemetry.device import DeviceWatch
from core.telemetry.events import At, Listener, LogLine, Mark, Scalars, Status, StatusChange
from core.training.control import Control
from core.training.device import OutOfMemory, choose_device, use_threads
from core.training.state import restore
from core.training.trainer import Trainer

SECONDS_BETWEEN_LOOKS = 0.1
MOST_TOLD = 20  # remarks on the data in the log
LONGEST_WAIT_SECONDS = 5.0  # for the record, before a checkpoint


def checkpoint_folder(store: Store, uid: str) -> Path:
    """Where a run's checkpoints lie: beside the store's file."""
    return store.path.parent / "checkpoints" / uid


class StoreKeeper:
    """Puts a run's checkpoints into its folder, after what the run said so far is in the store.

    A run that goes on from a checkpoint says nothing again of what came before it, so that must not be lost with it.
    """

    def __init__(self, folder: Path, recorder: Recorder) -> None:
        self._folder = CheckpointFolder(folder)
        self._recorder = recorder

    def save(self, step: int, write: Callable[[Path], None], state: Mapping[str, Any], *, best: bool, last: int) -> str:
        """Write one; gives its path."""
        if not self._recorder.is_failing:  # on a full disk a checkpoint is still worth a try
            self._recorder.flush(LONGEST_WAIT_SECONDS)
        return str(self._folder.save(step, write, state, best=best, keep_last=last))


class Lookout(threading.Thread):
    """Reads commands that were sent to a run and turns them into flags."""

    def __init__(self, library: Library, uid: str, control: Control, say_status: Callable[[Status], None]) -> None:
        super().__init__(name=f"crossmodal-commands-{uid[:6]}", daemon=True)
        self._library, self._uid, self._control, self._say = library, uid, control, say_status
        self._done = threading.Event()

    def run(self) -> None:
        """Until closed."""
        while not self._done.wait(SECONDS_BETWEEN_LOOKS):
            try:
                for command in self._library.take_commands(self._uid):
                    self._obey(command.name, command.arguments)
            except (Refused, OSError, RuntimeError, SQLAlchemyError):
                continue  # a locked store is asked again; the run goes on

    def _obey(self, name: str, arguments: Mapping[str, Any]) -> None:
        if name == "pause":
            self._control.pause()
            self._say("paused")
        elif name == "resume":
            self._control.resume()
            self._say("running")
        elif name == "stop":
            self._control.stop()
        elif name == "checkpoint":
            self._control.checkpoint()
        elif name == "rate":
            self._control.set_rate(str(arguments.get("node", "")), float(arguments["learning_rate"]))

    def close(self) -> None:
        """End and wait."""
        self._done.set()
        self.join(5)


def execute(store: Store, uid: str, control: Control | None = None) -> Status:
    """Run what the row says, from its checkpoint where it continues one. Never raises: a failure is a status."""
    control = control or Control()
    library = Library(store)
    facts = library.facts(uid)
    library.heartbeat(uid)
    recorder = library.recorder(uid)
    said = _Remembering(recorder, At(step=facts.step, seconds=facts.seconds))

    def say_status(status: Status, reason: str = "") -> None:
        recorder.say(StatusChange(at=said.last, status=status, reason=reason))

    lookout = Lookout(library, uid, control, say_status)
    status: Status = "failed"
    reason = ""
    try:
        say_status("running")
        lookout.start()
        status, reason = _train(store, library, uid, said, control)
    except Refused as refused:
        reason = str(refused)
    except OutOfMemory as error:
        reason = f"Out of memory: {str(error).splitlines()[0]} Use a smaller batch with gradient caching, or checkpoint gradients."
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        recorder.say(LogLine(at=said.last, text=traceback.format_exc(limit=-8), level="error"))
    finally:
        lookout.close()
        if reason and status == "failed":
            recorder.say(LogLine(at=said.last, text=reason, level="error"))
            recorder.say(Mark(at=said.last, kind="warning", text=reason.splitlines()[0][:300]))
        say_status(status, reason)
        recorder.close()
    return status


class _Remembering:
    """Passes events on and keeps the last moment, for what has no position of its own."""

    def __init__(self, recorder: Recorder, last: At) -> None:
        self.recorder, self.last = recorder, last

    def say(self, event: Any) -> None:
        if event.at.step >= self.last.step:
            self.last = event.at
        self.recorder.say(event)


def _train(store: Store, library: Library, uid: str, said: _Remembering, control: Control) -> tuple[Status, str]:
    facts, text = library.facts(uid), library.reader(uid).document_text()
    plan = compile(loads(text))
    recipe = plan.document.recipe
    device = choose_device(recipe.device)
    threads = use_threads(recipe.threads)
    start = library.start_of(uid)
    trainer, news = _trainer(plan, start, device, said, control)
    watch = DeviceWatch(said.recorder, clock=lambda: said.last)
    try:
        folder = checkpoint_folder(store, uid)
        trainer.keeper = StoreKeeper(folder, said.recorder)
        keep_document(folder, text)
        if facts.step:  # what was said after the checkpoint will be said again
            _rewind(library.reader(uid), trainer, said)
        else:
            said.say(Scalars(at=said.last, values=costs(plan.analysis)))
        watch.start()
        for warning in start.warnings if start else ():
            trainer.warn(warning.sentence())
        if news:
            trainer.log(news)
        trainer.log(
            f"{plan.analysis.trained_parameters:,} of {plan.analysis.parameters:,} parameters learn on {device}; "
            f"{threads} threads; seed {facts.seed}."
        )
        _say_left_out(trainer)
        _keep_origin(library, uid, trainer)
        return trainer.train(), trainer.reason
    finally:
        watch.close()
        _say_set_aside(trainer)
        trainer.graph.close()


def _rewind(reader: RunReader, trainer: Trainer, said: _Remembering) -> None:
    """Cut the record back to where the trainer stands. Its seconds go on from the last that is kept, never back."""
    step = trainer.position.step
    if not said.recorder.truncate_after(step):
        trainer.warn(f"The record could not be cut back to step {step}; what follows is said a second time.")
    head = reader.head()
    said_at = [mark.seconds for mark in reader.marks(upto=step)] + [line.seconds for line in reader.log(upto=step)]
    seconds = max([trainer.position.seconds, head.seconds, *said_at])
    trainer.position = replace(trainer.position, seconds=seconds)
    said.last = trainer.at()


def _keep_origin(library: Library, uid: str, trainer: Trainer) -> None:
    """Which data it learns from, told by a fingerprint, and whose judgements of pairs: kept with the run."""
    found = {"data fingerprint": trainer.graph.source.fingerprint()}
    if judged := lineage(trainer.plan.document):
        found["judged pairs"] = judged
        trainer.log(f"Judged pairs: {judged}.")
    try:
        library.add_params(uid, found)
    except (Refused, OSError, SQLAlchemyError) as error:
        trainer.warn(f"The fingerprint of the data could not be kept: {error}")


def _say_left_out(trainer: Trainer) -> None:
    """Rows and files the source did not take: how many of how many, and why the first of them."""
    source = trainer.graph.source
    if left_out := source.left_out():
        trainer.warn(f"{left_out:,} rows or files were left out; {len(source):,} are used.")
    problems = source.problems()
    for problem in problems[:MOST_TOLD]:
        trainer.log(problem.sentence())
    if len(problems) > MOST_TOLD:
        trainer.log(f"{len(problems) - MOST_TOLD:,} more remarks on the data are on its page.")


def _say_set_aside(trainer: Trainer) -> None:
    """Samples that could not be read were replaced by others; a person should know how many, and why the first."""
    aside = trainer.graph.quarantine
    if aside:
        index, reason = next(iter(aside.items()))
        trainer.warn(f"{len(aside)} samples could not be read and were left out. The first, number {index}: {reason}")


def _trainer(plan: Plan, start: Start | None, device: Any, listener: Listener, control: Control) -> tuple[Trainer, str]:
    """The trainer where it begins or goes on, and a sentence about that."""
    if start is None:
        return Trainer(plan, prepared(plan, None), device=device, listener=listener, control=control), ""
    folder = Path(start.path)
    state = read_state(folder)
    graph = prepared(plan, state if start.whole else None)
    trainer = Trainer(plan, graph, device=device, listener=listener, control=control)
    if start.whole:
        restore(trainer, folder, state)
        return trainer, f"Going on from step {trainer.position.step}."
    fresh = load_what_fits(trainer.experiment, folder)
    return trainer, f"Weights carried over where they fit; beginning anew: {', '.join(fresh[:8]) or 'nothing'}."


def prepared(plan: Plan, state: Mapping[str, Any] | None) -> SampleGraph:
    """The data side, opened; its vocabulary from the checkpoint or learned on the training split."""
    graph = sample_graph(plan)
    graph.open()
    if state is not None:
        graph.load_state(state["transforms"])
    graph.fit()
    return graph
