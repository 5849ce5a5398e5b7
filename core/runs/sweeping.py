"""Runs a sweep's trials one after the other, in this process or each in a process of its own.

The store is the only memory: a sweep that was killed goes on where it was, and two processes may share one.
"""

from __future__ import annotations

import math
import subprocess
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.graph.configurations import (
    Configuration,
    grid_configurations,
    random_configurations,
    seeds_of,
    sweep_problems,
    trial_count,
)
from core.graph.document import Document
from core.graph.file import dumps, loads
from core.graph.sweep import Sweep
from core.graph.vocabulary import Vocabulary
from core.problems import Refused, refuse
from core.runs.launch import place_of, queue
from core.runs.proposing import Told, propose
from core.runs.vocabulary import full_vocabulary
from core.runs.worker import ask, lower_priority, start_process
from core.store.answers import RunFacts, SweepFacts, TrialFacts
from core.store.database import Store
from core.store.faults import STORE_ERRORS, cause_of
from core.store.library import Library
from core.store.resuming import SHARED, refuse_if_missing
from core.store.sweeps import WORKER, Sweeps
from core.telemetry.events import ENDED

if TYPE_CHECKING:
    from core.runs.donors import Donor  # torch

SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_BETWEEN_HEARTBEATS = 10.0
GOES_ON = frozenset({"queued", "stopped", "interrupted"})  # a run in this state is continued, not begun anew


def begin_sweep(
    store: Store, document: Document, words: Vocabulary, *, continue_on_error: bool = True, place: str = "thread"
) -> SweepFacts:
    """A new sweep of a document, queued. Raises Refused where its plan cannot be carried out."""
    sweep = document.sweep
    if sweep is None or not sweep.axes:
        raise refuse("This experiment has no sweep.", hint="Right-click a setting and choose Sweep this setting.")
    if problems := sweep_problems(document, words):
        raise Refused(*problems)
    from core.runs.planning import metric_problem, refused_configurations  # torch

    configurations = _first_configurations(document, sweep)
    broken = refused_configurations(document, configurations, words)
    if len(broken) == len(configurations):
        raise Refused(*{problem.sentence(): problem for problems in broken.values() for problem in problems}.values())
    if (problem := metric_problem(document, words)) is not None:
        raise Refused(problem)
    failed = {text: problems[0].sentence() for text, problems in broken.items()} if continue_on_error else {}
    return Sweeps(store).create(
        document.name, dumps(document), [configuration.as_json() for configuration in configurations], seeds_of(document), document_id=document.id,
        continue_on_error=continue_on_error, place=place, failed=failed,
    )  # fmt: skip


def _first_configurations(document: Document, sweep: Sweep) -> list[Configuration]:
    if sweep.method == "bayesian":
        return [propose(sweep, [], document.recipe.seed)]
    return (
        random_configurations(sweep, document.recipe.seed) if sweep.method == "random" else grid_configurations(sweep)
    )


def with_counts(document: Document, trials: int | None = None, seeds: int | None = None) -> Document:
    """The document with another number of configurations to search or of seeds."""
    if document.sweep is None:
        return document
    fields = {name: value for name, value in (("trials", trials), ("seeds", seeds)) if value is not None}
    changes: dict[str, Any] = fields
    return replace(document, sweep=replace(document.sweep, **changes))


class SweepThread(threading.Thread):
    """Carries a sweep out, or on. ``ended`` is called on this thread with the sweep's uid and its state."""

    def __init__(self, store: Store, uid: str, ended: Callable[[str, str], None] | None = None) -> None:
        super().__init__(name=f"crossmodal-sweep-{uid[-6:]}", daemon=True)
        self.store, self.uid, self._ended = store, uid, ended
        self.error = ""  # a sentence where the sweep itself, not a trial, failed
        self.training = ""  # uid of the run that is trained now
        self._trained_here = False  # in this process
        self._stopping = threading.Event()
        self._now: Callable[[], None] | None = None  # stops the trial that is trained
        self._lock = threading.Lock()

    def run(self) -> None:
        """Until nothing waits, the sweep is paused, or this thread is stopped."""
        lower_priority()
        state = "paused"
        try:
            state = self._carry_out()
        except Refused as refused:
            self.error = str(refused)
        except STORE_ERRORS as error:
            self.error = f"The store cannot be written: {cause_of(error)}."
        finally:
            self._let_go()
            if self._ended is not None:
                self._ended(self.uid, state)

    def _let_go(self) -> None:
        """Give back the memory that trials left to those behind them."""
        if self._trained_here:
            from core.training.callbacks.frozen_cache import let_go  # torch, there by now

            let_go()

    def stop(self) -> None:
        """Save the trial that is trained and put it back into the queue; the sweep is then paused."""
        self._stopping.set()
        with self._lock:
            if self._now is not None:
                self._now()

    def _carry_out(self) -> str:
        sweeps = Sweeps(self.store)
        sweeps.begin(self.uid)
        try:
            work = Work(self.store, self.uid, full_vocabulary())
            while not self._stopping.is_set():
                work.settle_orphans()
                trial = sweeps.claim(self.uid)
                if trial is not None:
                    self.carry_out_trial(work, trial)
                elif not work.add_configuration() and not self._wait_for_children(sweeps):
                    break
        except BaseException:
            sweeps.set_state(self.uid, "paused")
            raise
        if self._stopping.is_set():
            sweeps.set_state(self.uid, "paused")
        return sweeps.end(self.uid)

    def _wait_for_children(self, sweeps: Sweeps) -> bool:
        """A child of a process that is gone still trains: wait a little; False where there is none."""
        if sweeps.facts(self.uid).state != "running" or not sweeps.orphans(self.uid)[1]:
            return False
        self._stopping.wait(SECONDS_BETWEEN_LOOKS)
        return True

    def carry_out_trial(self, work: Work, trial: TrialFacts) -> None:
        """From a claimed trial to its place in the table."""
        with Heartbeat(work.sweeps, work.uid, trial.number):
            run = work.run_of(trial)
            if not run:
                return
            try:
                self._train(work, run)
            except Refused as refused:
                self._give_way(work, trial, run, refused)
                return
            work.settle(replace(trial, run=run), was_asked=self._stopping.is_set())

    def _give_way(self, work: Work, trial: TrialFacts, run: str, refused: Refused) -> None:
        """Another process trains the trial's run: wait for its end. What cannot be begun at all has failed."""
        if work.library.owner_refusal(run) is None:
            work.sweeps.fail(self.uid, trial.number, str(refused))
            return
        while work.library.owner_refusal(run) is not None and not self._stopping.wait(SECONDS_BETWEEN_LOOKS):
            pass
        work.settle(replace(trial, run=run), was_asked=self._stopping.is_set())

    def _train(self, work: Work, run: str) -> None:
        self.training = run
        try:
            self._train_to_its_end(work, run)
        finally:
            self.training = ""

    def _train_to_its_end(self, work: Work, run: str) -> None:
        if place_of(work.library, run, work.place) == "process":
            child = start_process(self.store, run)
            self._watch(child, run)
            return
        from core.runs.execute import execute  # torch, behind the window
        from core.training.control import Control

        control = Control(others_follow=True)
        self._trained_here = True
        self._set_now(control.stop)
        try:
            execute(self.store, run, control)
        finally:
            self._set_now(None)

    def _watch(self, child: subprocess.Popen[Any], run: str) -> None:
        self._set_now(lambda: ask(self.store, run, "stop"))
        try:
            child.wait()
        finally:
            self._set_now(None)

    def _set_now(self, stop: Callable[[], None] | None) -> None:
        with self._lock:
            self._now = stop
            if stop is not None and self._stopping.is_set():
                stop()


class Heartbeat(threading.Thread):
    """Gives signs of life of who works on a trial while it does: other machines know it by them only."""

    def __init__(self, sweeps: Sweeps, uid: str, number: int) -> None:
        super().__init__(name=f"crossmodal-heartbeat-{uid[-6:]}", daemon=True)
        self._sweeps, self._uid, self._number = sweeps, uid, number
        self._done = threading.Event()

    def run(self) -> None:
        """Until the trial is settled; a store that cannot be written now hears the next one."""
        while not self._done.wait(SECONDS_BETWEEN_HEARTBEATS):
            with suppress(Refused, *STORE_ERRORS):
                self._sweeps.beat(self._uid, self._number)

    def __enter__(self) -> Heartbeat:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self.join()


class Work:
    """What a trial needs: its document, its run, its place in the table."""

    def __init__(self, store: Store, uid: str, words: Vocabulary, *, place: str = "") -> None:
        self.store, self.uid, self.words = store, uid, words
        self.sweeps, self.library = Sweeps(store), Library(store)
        facts = self.sweeps.facts(uid)
        self.name, self.place = facts.name, place or ("thread" if facts.place == WORKER else facts.place)
        self.document = loads(self.sweeps.document_text(uid))
        if self.document.sweep is None:
            raise refuse("The experiment of this sweep has lost its plan.")
        self.plan = self.document.sweep

    def run_of(self, trial: TrialFacts) -> str:
        """The run that carries a trial out: the one that was begun, or a new one; empty where it cannot be made."""
        from core.runs.trials import trial_document  # torch

        if self._goes_on(trial):
            return trial.run
        configuration = Configuration.from_json(trial.configuration)
        try:
            document = trial_document(self.document, configuration, trial.seed, self.words)
        except Refused as refused:
            self.sweeps.fail(self.uid, trial.number, str(refused))
            return ""
        except Exception as error:  # a block that breaks on one configuration must not end the others
            self.sweeps.fail(self.uid, trial.number, f"{type(error).__name__}: {error}")
            return ""
        donor = self._donor_of(trial, document)
        run = queue(
            self.library, document, title=f"{self.name} · {configuration.name} · {trial.seed}", place=self.place,
            parent=donor.trial.run if donor else "", parent_step=donor.step if donor else 0,
        )  # fmt: skip
        if (
            donor is not None
        ):  # before the trial knows its run: one that is killed here leaves no run that is taken for a fork
            self.library.add_params(run.uid, {SHARED: donor.told})
        self.library.set_tags(run.uid, [self.name])
        try:
            self.sweeps.attach(self.uid, trial.number, run.uid)
        except Refused:  # nobody heard of this process for so long that the trial was given to another
            self.library.delete(run.uid)
            return ""
        return run.uid

    def _donor_of(self, trial: TrialFacts, document: Document) -> Donor | None:
        """The trial whose weights this one begins with; None where the plan shares none, or none has a part of it."""
        if not self.plan.share_weights:
            return None
        from core.runs.donors import donor_of  # torch

        return donor_of(self.library, document, trial.seed, self.plan, self.sweeps.trials(self.uid))

    def _goes_on(self, trial: TrialFacts) -> bool:
        """Whether the run that was begun is continued: not where its checkpoints lie on another machine's disk only."""
        if not trial.run or trial.run_status not in GOES_ON:
            return False
        if self.plan.share_weights:
            from core.runs.donors import has_lost_its_donor  # torch

            if has_lost_its_donor(self.library, trial.run):
                return False
        try:
            refuse_if_missing(self.library, trial.run)
        except Refused:
            return self.store.is_file  # where it is said what is missing
        return True

    def settle(self, trial: TrialFacts, *, was_asked: bool = False) -> None:
        """Put what came of a trial's run into the table; one that was cut off waits again."""
        self.library.mark_interrupted()
        facts = self.library.facts(trial.run)
        if facts.status == "finished":
            self._record(trial)
        elif facts.status not in ENDED or facts.status == "interrupted" or was_asked or self._was_stopped(facts):
            self.sweeps.requeue(self.uid, [trial.number])
        else:
            self.sweeps.fail(self.uid, trial.number, facts.reason or f"The run was {facts.status}.")

    def _was_stopped(self, facts: RunFacts) -> bool:
        """Whether the whole sweep was stopped, here or from another machine, and the run with it."""
        return facts.status == "stopped" and self.sweeps.facts(self.uid).state == "paused"

    def _record(self, trial: TrialFacts) -> None:
        from core.runs.trials import outcome  # torch

        try:
            value, figures = outcome(self.library, trial.run, self.plan, self.words)
        except Refused as refused:
            self.sweeps.fail(self.uid, trial.number, str(refused))
        except Exception:  # the run is in the library; the table says why its value is not here
            self.sweeps.fail(self.uid, trial.number, traceback.format_exc(limit=-1))
        else:
            told = str(self.library.params(trial.run).get(SHARED, "")) if self.plan.share_weights else ""
            self.sweeps.finish(self.uid, trial.number, value, figures, told=told)

    def settle_orphans(self) -> None:
        """Trials of a process that is gone: settled where their run had ended, else back in the queue."""
        for trial in self.sweeps.orphans(self.uid)[0]:
            if not self.sweeps.take_over(self.uid, trial.number):
                continue
            self.library.mark_interrupted()  # who trained it is gone by now: a look from before may still have seen him alive
            if trial.run and self.library.facts(trial.run).status == "finished":
                self._record(trial)
            else:
                self.sweeps.requeue(self.uid, [trial.number])

    def add_configuration(self) -> bool:
        """A Bayesian search gets its next configuration; False where none is wanted or something else must come first."""
        if self.plan.method != "bayesian" or self.sweeps.facts(self.uid).state != "running":
            return False
        trials = self.sweeps.trials(self.uid)
        by_configuration: dict[str, list[tuple[float, ...]]] = {}
        for trial in sorted(trials, key=lambda one: one.number):
            values = by_configuration.setdefault(trial.configuration, [])
            told = self._came_of(trial)
            values += [told] if told is not None else []
        done = len(trials) // max(1, self.plan.seeds)
        if done >= trial_count(self.plan)[0]:
            return False
        known = [
            (Configuration.from_json(text), tuple(sum(side) / len(v) for side in zip(*v)) if v else None)
            for text, v in by_configuration.items()
        ]
        configuration = self._new_configuration(known, set(by_configuration))
        if configuration is None:
            return False
        seeds = seeds_of(self.document)
        self.sweeps.add_configurations(self.uid, len(trials), [configuration.as_json()], seeds)
        return True  # or another process was quicker: look again

    def _came_of(self, trial: TrialFacts) -> tuple[float, ...] | None:
        """The metric, and the cost where one is weighed; None where the trial has no finite value."""
        cost = trial.figures.get(self.plan.against) if self.plan.against else 0.0
        if trial.state != "finished" or trial.value is None or cost is None:
            return None
        found = (trial.value, cost) if self.plan.against else (trial.value,)
        return found if all(map(math.isfinite, found)) else None

    def _new_configuration(self, told: list[Told], known: set[str]) -> Configuration | None:
        """One that was not tried yet; None where all were."""
        configuration = propose(self.plan, told, self.document.recipe.seed)
        return None if configuration.as_json() in known else configuration
