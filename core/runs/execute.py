"""One run from its row in the store to its end: the same for a thread and for a child process.

What it owns: the recorder, the device watch, the look-out for commands, the trainer. The store is the only channel to
the outside.
"""

from __future__ import annotations

import hashlib
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from core.compiler.compile import compile
from core.compiler.feed import sample_graphs
from core.compiler.plan import Plan
from core.compiler.weights import read_state
from core.data.contents import Cancelled, content_hashes, unread_bytes
from core.data.graphs import SampleGraphs
from core.data.splitting import held_out_words
from core.graph.document import Document
from core.graph.file import loads
from core.graph.judged import lineage
from core.graph.selection import TEST_HOLDS
from core.graph.subgraphs.flat import flat_document
from core.own.modules import loaded
from core.problems import Problem, Refused, refuse
from core.runs.budget.audit import Audit
from core.runs.launch import CONTINUED, costs, keep_document
from core.runs.loading import load_engine
from core.store.checkpoints import CheckpointFolder
from core.store.claims import Claim
from core.store.database import Store
from core.store.library import Library
from core.store.places import checkpoint_folder, kept_path
from core.store.reader import RunReader
from core.store.recorder import Recorder
from core.store.resuming import Start
from core.telemetry.device import DeviceWatch
from core.telemetry.events import At, Listener, LogLine, Mark, Phase, PhaseChange, Scalars, Status, StatusChange
from core.training.control import Control
from core.training.device import OutOfMemory, choose_device, threads_in_use, use_threads
from core.training.fitting import Kept, kept_at, titles_of, words_kept
from core.training.forking import inherit, share
from core.training.processes import begun_again, device_of, is_lost, own_share
from core.training.processes import told as shared
from core.training.state import restore
from core.training.trainer import Trainer

SECONDS_BETWEEN_LOOKS = 0.1
MOST_TOLD = 20  # remarks on the data in the log
LONGEST_WAIT_SECONDS = 30.0  # for the record, before a checkpoint and when a run is taken up again
PATIENCE_SECONDS = 30.0  # at the end, for a store that cannot be written
PATIENCE_OF_A_STOP = 1.0


class StoreKeeper:
    """Puts a run's checkpoints into its folder, after what the run said so far is in the store or its spool file.

    A run that goes on from a checkpoint says nothing again of what came before it, so that must not be lost with it.
    """

    def __init__(self, store: Store, uid: str, recorder: Recorder) -> None:
        self._store = store
        self._folder = CheckpointFolder(checkpoint_folder(store, uid))
        self._recorder = recorder

    def save(self, step: int, write: Callable[[Path], None], state: Mapping[str, Any], *, best: bool, last: int) -> str:
        """Write one; gives its path as the store keeps it. Raises Refused where it would be ahead of the record."""
        if not self._recorder.secure(LONGEST_WAIT_SECONDS):
            raise refuse("The run's record cannot be written, and no checkpoint may be ahead of it.")
        with suppress(Refused):  # a power cut must not take what the checkpoint takes for said
            self._store.flush_to_disk()
        return kept_path(self._store, self._folder.save(step, write, state, best=best, keep_last=last))

    def settle(self) -> None:
        """Its mark makes it known, before the run goes on."""
        self._recorder.secure(LONGEST_WAIT_SECONDS)


MUCH_TO_READ = 2**28  # bytes
DATA = "data fingerprint"  # the parameter that tells which data a run learns from
OWN = "own blocks"  # the parameter that tells which blocks of a person's own a run is trained with
CHANGED = "The data is not what this run began with: files, captions or settings of the source have changed."
CHANGED_HINT = "Put it back, go on all the same with --data-changed, or begin a new run from its checkpoint (Fork)."


class Lookout(threading.Thread):
    """Reads commands that were sent to a run and turns them into flags."""

    def __init__(
        self, library: Library, uid: str, control: Control, say_status: Callable[[Status], None],
        say_stopping: Callable[[], None],
    ) -> None:  # fmt: skip
        super().__init__(name=f"crossmodal-commands-{uid[:6]}", daemon=True)
        self._library, self._uid, self._control, self._say = library, uid, control, say_status
        self._say_stopping = say_stopping
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
            evaluate = bool(arguments.get("evaluate"))
            self._control.stop(evaluate=evaluate)
            if not evaluate:
                self._say_stopping()
        elif name == "checkpoint":
            self._control.checkpoint()
        elif name == "skip_evaluation":
            self._control.skip_evaluation()
        elif name == "rate":
            self._control.set_rate(str(arguments.get("node", "")), float(arguments["learning_rate"]))

    def close(self) -> None:
        """End and wait."""
        self._done.set()
        self.join(5)


def execute(
    store: Store,
    uid: str,
    control: Control | None = None,
    claim: Claim | None = None,
    *,
    told: Callable[[Problem], None] | None = None,
    data_changed: bool = False,
    lost: Callable[[], str] | None = None,
    heard: Listener | None = None,
) -> Status:
    """Run what the row says, from its checkpoint where it continues one. A failure is a status.

    Without a ``claim`` it claims the run; raises Refused, having touched nothing, where that cannot be. ``told`` hears
    what goes wrong with the record; ``data_changed`` says that a person knows of changed data and goes on with it.
    ``lost``: where processes share the run, says why another of them failed (empty: it was killed, and Lost is raised).
    ``heard`` hears what the run says, in its thread, once the record has it.
    """
    claim = claim or Library(store).claim(uid)
    try:
        status = _execute(store, uid, control or Control(), told or _print, data_changed, lost, heard)
    except Lost:
        raise  # the claim is kept for those who begin again
    except BaseException:
        claim.release()
        raise
    claim.release()
    return status


class Lost(Exception):
    """Another process of the run was killed: all of them begin again from the last checkpoint."""


def _print(problem: Problem) -> None:
    print(problem.sentence(), file=sys.stderr, flush=True)


def _execute(
    store: Store, uid: str, control: Control, told: Callable[[Problem], None], data_changed: bool,
    lost: Callable[[], str] | None, heard: Listener | None,
) -> Status:  # fmt: skip
    library = Library(store)
    facts = library.facts(uid)
    recorder = library.recorder(uid, on_problem=told, on_loss=control.stop)
    said = _Remembering(recorder, At(step=facts.step, seconds=facts.seconds), heard)

    def say_status(status: Status, reason: str = "") -> None:
        recorder.say(StatusChange(at=said.last, status=status, reason=reason))

    def say_phase(phase: Phase) -> None:
        recorder.say(PhaseChange(at=said.last, phase=phase))

    lookout = Lookout(library, uid, control, say_status, lambda: say_phase("stopping"))
    status: Status = "failed"
    reason = ""
    begins_again = False
    try:
        say_status("running")
        say_phase("preparing")
        lookout.start()
        status, reason = _train(store, library, uid, said, control, data_changed)
    except Refused as refused:
        reason = str(refused)
    except OutOfMemory as error:
        reason = f"Out of memory: {str(error).splitlines()[0]} Use a smaller batch with gradient caching, or checkpoint gradients."
    except Exception as error:
        if lost is not None and is_lost(error) and not (reason := lost()):
            begins_again = True
            raise Lost from error
        reason = reason or f"{type(error).__name__}: {error}"
        recorder.say(LogLine(at=said.last, text=traceback.format_exc(limit=-8), level="error"))
    finally:
        lookout.close()
        if reason and status == "failed":
            recorder.say(LogLine(at=said.last, text=reason, level="error"))
            recorder.say(Mark(at=said.last, kind="warning", text=reason.splitlines()[0][:300]))
        if not begins_again:
            say_status(status, reason)
        if not recorder.close(patience=PATIENCE_SECONDS if status == "finished" else PATIENCE_OF_A_STOP):
            status = "failed"  # whoever waits for the run must not take its record for whole
    return status


class _Remembering:
    """Passes events on and keeps the last moment, for what has no position of its own."""

    def __init__(self, recorder: Recorder, last: At, heard: Listener | None) -> None:
        self.recorder, self.last, self._heard = recorder, last, heard

    def say(self, event: Any) -> None:
        if event.at.step >= self.last.step:
            self.last = event.at
        self.recorder.say(event)
        if self._heard is not None:
            self._heard.say(event)


def _train(
    store: Store, library: Library, uid: str, said: _Remembering, control: Control, data_changed: bool
) -> tuple[Status, str]:
    said.recorder.flush(LONGEST_WAIT_SECONDS)  # what a dead process left in the spool file is part of the record
    facts, text = library.facts(uid), library.reader(uid).document_text()
    start = library.start_of(uid)
    load_engine()  # what the blocks bring along is no part of a run's own time and memory
    audit = None if start is not None else Audit(loads(text))
    shared((text, start))
    trainer, news = _built(text, start, said, control)
    plan, device = trainer.plan, trainer.device
    try:
        data = _data_of(trainer, said)
    except Cancelled:
        trainer.graphs.close()
        return "stopped", "stopped by hand"
    kept = library.params(uid).get(DATA) if start is not None and start.same_run else None
    changed = kept is not None and kept not in (data, *_former(trainer))
    if changed and not data_changed:
        for feed in trainer.feeds.values():
            feed.close()
        trainer.graphs.close()
        raise refuse(CHANGED, hint=CHANGED_HINT)
    watch = DeviceWatch(said.recorder, clock=lambda: said.last)
    try:
        trainer.keeper = StoreKeeper(store, uid, said.recorder)
        keep_document(checkpoint_folder(store, uid), text)
        if facts.step:  # what was said after the checkpoint will be said again
            _rewind(library.reader(uid), trainer, said)
        else:
            foretold = audit.predicted() if audit is not None else {}
            said.say(Scalars(at=said.last, values={**costs(plan.analysis), **foretold}))
        watch.start()
        for warning in start.warnings if start else ():
            trainer.warn(warning.sentence())
        if start is not None and start.same_run:
            _say_its_mark(store, library.reader(uid), trainer, start)
        if changed:
            trainer.warn("The data has changed since this run began; it goes on with what is there now.")
        if news:
            trainer.log(news)
        _say_changes(library, uid, trainer)
        trainer.log(
            f"{plan.analysis.trained_parameters:,} of {plan.analysis.parameters:,} parameters learn on {device}; "
            f"{threads_in_use()} threads; seed {facts.seed}."
        )
        if trainer.share.world > 1:
            trainer.log(f"{trainer.share.world} processes share every batch.")
        if begun_again():
            trainer.warn(f"A process was lost; all of them go on from step {trainer.position.step}.")
        _say_left_out(trainer)
        for problem in plan.analysis.problems if start is None else ():  # what goes on, or began from weights, has them
            if problem.severity == "warning":
                trainer.warn(problem.sentence())
        _keep_origin(library, uid, trainer, data)
        status = trainer.train()
        if audit is not None and status == "finished":
            took = audit.measured(
                checkpoint_folder(store, uid), was_paused=control.was_paused or trainer.control.has_skipped
            )
            if took:
                said.say(Scalars(at=said.last, values=took))
                for sentence in audit.sentences():
                    said.say(LogLine(at=said.last, text=sentence))
        return status, trainer.reason
    finally:
        watch.close()
        _say_set_aside(trainer)
        trainer.graphs.close()


def fingerprint(trainer: Trainer) -> str:
    """What tells the data of a run: that of its source; of several tasks all of theirs, in the order of their sources."""
    found = [graph.source.fingerprint() for graph in trainer.graphs.values()]
    return found[0] if len(found) == 1 else hashlib.sha256("/".join(found).encode()).hexdigest()


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


def _say_its_mark(store: Store, reader: RunReader, trainer: Trainer, start: Start) -> None:
    """A process that died between a checkpoint and its mark is made good for."""
    callback = trainer.callback("checkpointing")
    if callback is not None and not any(
        Path(each.path) == Path(start.path) and each.kept for each in reader.checkpoints()
    ):
        callback.say_again(trainer, kept_path(store, Path(start.path)), best=start.best)  # type: ignore[attr-defined]


def _say_changes(library: Library, uid: str, trainer: Trainer) -> None:
    """More steps, another device: said once, in the log and on the timeline."""
    told = library.params(uid).get(CONTINUED)
    if told and not any(mark.text == told for mark in library.reader(uid).marks()):
        trainer.log(f"The training recipe was changed: {told}.")
        trainer.say(Mark(at=trainer.at(), kind="note", text=told))


def _data_of(trainer: Trainer, said: _Remembering) -> str:
    """Which data there is, told by its contents. What was not read before is read: it is said how far. Raises Cancelled."""
    files = [file for graph in trainer.graphs.values() for file in graph.source.media()]
    if (unread := unread_bytes(files)) > MUCH_TO_READ:
        trainer.log(f"Reading {unread / 1e9:,.1f} GB of data once, to know it again.")

    def progress(done: int, of: int) -> None:
        said.say(PhaseChange(at=said.last, phase="preparing", done=done, of=of))

    content_hashes(files, progress=progress, is_cancelled=lambda: trainer.control.is_stopping)
    return fingerprint(trainer)


def _former(trainer: Trainer) -> tuple[str, ...]:
    """What the data was called before it was known by its contents; runs of several tasks are newer than that."""
    return tuple(trainer.graphs.first.source.former_fingerprints()) if len(trainer.graphs) == 1 else ()


def _keep_origin(library: Library, uid: str, trainer: Trainer, data: str) -> None:
    """Which data it learns from, told by a fingerprint, and whose judgements of pairs: kept with the run."""
    found = {DATA: data}
    for task in trainer.each_task():
        if holds := held_out_words(trainer.graph.source):
            found[trainer.named(TEST_HOLDS)] = holds
        if len(trainer.plan.tasks) > 1:
            found[trainer.named(DATA)] = trainer.graphs[task.source].source.fingerprint()
    if own := own_used(trainer.plan.document):
        _say_own(library, uid, trainer, own)
        found[OWN] = own
    if judged := lineage(trainer.plan.document):
        found["judged pairs"] = judged
        trainer.log(f"Annotated pairs: {judged}.")
    try:
        kept = str(library.params(uid).get(DATA, data))
        if kept != data and kept in trainer.graph.source.former_fingerprints():
            library.rename_dataset(kept, data)
        library.add_params(uid, found)
    except (Refused, OSError, SQLAlchemyError) as error:
        trainer.warn(f"The fingerprint of the data could not be kept: {error}")


def own_used(document: Document) -> str:
    """The blocks of a person's own that a drawing trains with, each with the SHA-256 of its file; empty where there are none."""
    used = {node.block for node in flat_document(document).nodes.values() if not node.muted} & set(loaded())
    return ", ".join(f"{key} {loaded()[key].sha256}" for key in sorted(used))


def _say_own(library: Library, uid: str, trainer: Trainer, own: str) -> None:
    """Where the code came from, in the log; and, of a run that goes on, whether it is another by now."""
    before = library.params(uid).get(OWN)
    if before is not None and before != own:
        trainer.warn("A block of your own has changed since this run began; it goes on with the block as it is now.")
    for key, file in loaded().items():
        if key in own:
            trainer.log(f"Own block {key}: {file.path}, SHA-256 {file.sha256}.")


def _say_left_out(trainer: Trainer) -> None:
    """Rows and files the sources did not take: how many of how many, and why the first of them."""
    for _ in trainer.each_task():
        _say_left_out_of_task(trainer)


def _say_left_out_of_task(trainer: Trainer) -> None:
    source = trainer.graph.source
    if left_out := source.left_out():
        trainer.warn(trainer.whose(f"{left_out:,} rows or files were left out; {len(source):,} are used."))
    problems = source.problems()
    for problem in problems[:MOST_TOLD]:
        trainer.log(trainer.whose(problem.sentence()))
    if len(problems) > MOST_TOLD:
        trainer.log(trainer.whose(f"{len(problems) - MOST_TOLD:,} more remarks on the data are on its page."))


def _say_set_aside(trainer: Trainer) -> None:
    """Samples that could not be read were replaced by others; a person should know how many, and why the first."""
    for _ in trainer.each_task():
        aside = trainer.graph.quarantine
        if not aside:
            continue
        index, reason = next(iter(aside.items()))
        told = f"{len(aside)} samples could not be read and were left out. The first, number {index}: {reason}"
        trainer.warn(trainer.whose(told))


def _built(text: str, start: Start | None, listener: Listener, control: Control) -> tuple[Trainer, str]:
    """The trainer of a document, on the device and with the threads of this process."""
    plan, share = compile(loads(text)), own_share()
    recipe = plan.document.recipe
    device = choose_device(device_of(recipe.device, share.world, share.rank))
    use_threads(recipe.threads, share.world)
    return _trainer(plan, start, device, listener, control)


class _Silent:
    """What another process of the run says as well."""

    def say(self, event: Any) -> None:
        """Nothing."""


def follow() -> None:
    """Train a run beside the first process, which alone records, checkpoints and hears of wishes."""
    text, start = shared(None)
    trainer, _ = _built(text, start, _Silent(), Control())
    try:
        if not trainer.is_sharded:  # those that run a block need all who keep its weights
            trainer.diagnostics = []
        trainer.train()
    finally:
        trainer.graphs.close()


def _trainer(plan: Plan, start: Start | None, device: Any, listener: Listener, control: Control) -> tuple[Trainer, str]:
    """The trainer where it begins or goes on, and a sentence about that."""
    if start is None:
        return Trainer(plan, prepared(plan, None), device=device, listener=listener, control=control), ""
    folder = Path(start.path)
    state = read_state(folder)
    before = None if start.whole else flat_document(loads(start.before))
    graphs = prepared(plan, state, before)
    trainer = Trainer(plan, graphs, device=device, listener=listener, control=control)
    if before is None:
        restore(trainer, folder, state)
        return trainer, f"Resuming from step {trainer.position.step}."
    kept = kept_at(folder, state, before)
    return trainer, _shared(trainer, kept) if start.shared else inherit(trainer, kept).told


def _shared(trainer: Trainer, kept: Kept) -> str:
    """Begin with the weights of what is equal; says which parts those are, and which begin anew."""
    parts, titles = share(trainer, kept), titles_of(trainer.plan.document)
    anew = [
        titles[key] for key in trainer.plan.owners if key not in parts and trainer.plan.analysis.nodes[key].parameters
    ]
    told = f"Begun with the weights of another trial at its step {kept.step}: {', '.join(titles[key] for key in parts) or 'none'}."
    return f"{told} Begun anew: {', '.join(anew)}." if anew else told


def prepared(plan: Plan, state: Mapping[str, Any] | None, before: Document | None = None) -> SampleGraphs:
    """The data side, opened; its vocabulary from the checkpoint (of the drawing ``before``, where that was another) or learned
    on the training splits."""
    learned = dict(state["transforms"]) if state is not None else {}
    if before is not None:
        learned = {key: learned[key] for key in words_kept(before, plan.document, learned)}
    graphs = sample_graphs(plan)
    graphs.prepare(learned)
    return graphs
