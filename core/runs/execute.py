"""One run from its row in the store to its end: the same for a thread and for a child process.

What it owns: the recorder, the device watch, the look-out for commands, the trainer. The store is the only channel to
the outside.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from core.compiler.compile import compile
from core.compiler.feed import sample_graph
from core.compiler.plan import Plan
from core.compiler.weights import load_what_fits, read_state
from core.data.pipeline import SampleGraph
from core.graph.file import loads
from core.problems import Refused
from core.store.checkpoints import CheckpointFolder
from core.store.database import Store
from core.store.library import Library
from core.store.recorder import Recorder
from core.store.resuming import Start
from core.telemetry.device import DeviceWatch
from core.telemetry.events import At, Listener, LogLine, Mark, Status, StatusChange
from core.training.control import Control
from core.training.device import OutOfMemory, choose_device, use_threads
from core.training.state import restore
from core.training.trainer import Trainer

SECONDS_BETWEEN_LOOKS = 0.1


def checkpoint_folder(store: Store, uid: str) -> Path:
    """Where a run's checkpoints lie: beside the store's file."""
    return store.path.parent / "checkpoints" / uid


class StoreKeeper:
    """Puts a run's checkpoints into its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = CheckpointFolder(folder)

    def save(self, step: int, write: Callable[[Path], None], state: Mapping[str, Any], *, best: bool, last: int) -> str:
        """Write one; gives its path."""
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
    last: list[At] = [At(step=facts.step, seconds=facts.seconds)]
    listener = _Remembering(recorder, last)

    def say_status(status: Status, reason: str = "") -> None:
        recorder.say(StatusChange(at=last[0], status=status, reason=reason))

    lookout = Lookout(library, uid, control, say_status)
    watch = DeviceWatch(recorder, clock=lambda: last[0])
    status: Status = "failed"
    reason = ""
    try:
        say_status("running")
        lookout.start()
        watch.start()
        status, reason = _train(store, library, uid, recorder, listener, control)
    except Refused as refused:
        reason = str(refused)
    except OutOfMemory as error:
        reason = f"Out of memory: {str(error).splitlines()[0]} Use a smaller batch with gradient caching, or checkpoint gradients."
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        recorder.say(LogLine(at=last[0], text=traceback.format_exc(limit=-8), level="error"))
    finally:
        watch.close()
        lookout.close()
        if reason and status == "failed":
            recorder.say(LogLine(at=last[0], text=reason, level="error"))
            recorder.say(Mark(at=last[0], kind="warning", text=reason.splitlines()[0][:300]))
        say_status(status, reason)
        recorder.close()
    return status


class _Remembering:
    """Passes events on and keeps the last moment, for what has no position of its own."""

    def __init__(self, listener: Listener, last: list[At]) -> None:
        self._listener, self._last = listener, last

    def say(self, event: Any) -> None:
        if event.at.step >= self._last[0].step:
            self._last[0] = event.at
        self._listener.say(event)


def _train(
    store: Store, library: Library, uid: str, recorder: Recorder, listener: Listener, control: Control
) -> tuple[Status, str]:
    facts, text = library.facts(uid), library.reader(uid).document_text()
    plan = compile(loads(text))
    recipe = plan.document.recipe
    device = choose_device(recipe.device)
    threads = use_threads(recipe.threads)
    start = library.start_of(uid)
    trainer = _trainer(plan, start, device, listener, control)
    try:
        trainer.keeper = StoreKeeper(checkpoint_folder(store, uid))
        if facts.step and (start is None or start.same_run):
            recorder.truncate_after(trainer.position.step)  # what was said after the checkpoint will be said again
        for warning in start.warnings if start else ():
            trainer.warn(warning.sentence())
        trainer.log(
            f"{plan.analysis.trained_parameters:,} of {plan.analysis.parameters:,} parameters learn on {device}; "
            f"{threads} threads; seed {facts.seed}."
        )
        return trainer.train(), trainer.reason
    finally:
        _say_set_aside(trainer)
        trainer.graph.close()


def _say_set_aside(trainer: Trainer) -> None:
    """Samples that could not be read were replaced by others; a person should know how many, and why the first."""
    aside = trainer.graph.quarantine
    if aside:
        index, reason = next(iter(aside.items()))
        trainer.warn(f"{len(aside)} samples could not be read and were left out. The first, number {index}: {reason}")


def _trainer(plan: Plan, start: Start | None, device: Any, listener: Listener, control: Control) -> Trainer:
    if start is None:
        return Trainer(plan, prepared(plan, None), device=device, listener=listener, control=control)
    folder = Path(start.path)
    state = read_state(folder)
    if start.whole:
        trainer = Trainer(plan, prepared(plan, state), device=device, listener=listener, control=control)
        restore(trainer, folder, state)
        trainer.log(f"Going on from step {trainer.position.step}.")
        return trainer
    trainer = Trainer(plan, prepared(plan, None), device=device, listener=listener, control=control)
    fresh = load_what_fits(trainer.experiment, folder)
    trainer.log(f"Weights carried over where they fit; beginning anew: {', '.join(fresh[:8]) or 'nothing'}.")
    return trainer


def prepared(plan: Plan, state: Mapping[str, Any] | None) -> SampleGraph:
    """The data side, opened; its vocabulary from the checkpoint or learned on the training split."""
    graph = sample_graph(plan)
    graph.open()
    if state is not None:
        graph.load_state(state["transforms"])
    graph.fit()
    return graph
