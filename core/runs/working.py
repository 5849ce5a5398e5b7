"""A worker: takes trials of the store's sweeps, one after the other, beside other workers on this machine and on others.

The store gives each trial to one worker. One that is killed, or is not heard of for two minutes, loses its trial to the
queue; who takes it goes on from the run's checkpoint where that can be reached from here, else begins the run again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from core.problems import Refused
from core.runs.sweeping import SweepThread, Work
from core.runs.vocabulary import full_vocabulary
from core.runs.worker import lower_priority
from core.store.answers import SweepFacts, TrialFacts
from core.store.database import Store
from core.store.faults import STORE_ERRORS, cause_of
from core.store.library import Library
from core.store.sweeps import Sweeps

SECONDS_BETWEEN_LOOKS = 1.0  # for something to do
LONGEST_AWAY_SECONDS = 600.0  # a store that cannot be reached for longer ends the worker
MOST_REFUSALS = 5


class WorkerThread(SweepThread):
    """Works until nothing is left to do, or, with ``waits``, until it is stopped.

    It stays while others work on trials that may come back. ``told`` hears what it does, on this thread.
    """

    def __init__(self, store: Store, *, waits: bool = False, told: Callable[[str], None] = lambda _: None) -> None:
        super().__init__(store, "")
        self.name = "crossmodal-worker"
        self.done = 0  # trials that this worker has settled
        self._waits, self._told = waits, told
        self._sweeps, self._library = Sweeps(store), Library(store)
        self._works: dict[str, Work] = {}
        self._held: tuple[Work, int] | None = None  # the trial that is this worker's until it is settled
        self._away_seconds = 0.0
        self._refusals = 0

    def run(self) -> None:
        """Look, work, look again. A store that cannot be reached for a while is waited for."""
        lower_priority()
        try:
            self._look_and_work()
        finally:
            self._let_go()
            with suppress(Refused, *STORE_ERRORS):
                for uid in self._works:
                    self._sweeps.leave(uid)

    def _look_and_work(self) -> None:
        while not self._stopping.is_set():
            try:
                if not self._work_on_something() and not self._is_wanted_later():
                    return
            except (Refused, *STORE_ERRORS) as error:
                if self._has_waited_enough(error):
                    return

    def _work_on_something(self) -> bool:
        """One trial, of the first sweep that has one."""
        self._settle_held()
        self._library.mark_interrupted()
        self._sweeps.mark_interrupted()
        found = any(self._work_on(facts) for facts in self._sweeps.for_workers())
        self._away_seconds, self._refusals = 0.0, 0
        return found

    def _settle_held(self) -> None:
        """What the store, when it was away, could not be told of a trial."""
        if self._held is None:
            return
        work, number = self._held
        trial = next(one for one in self._sweeps.trials(work.uid) if one.number == number)
        if trial.state == "running" and trial.run:
            work.settle(trial)
        elif trial.state == "running":
            self._sweeps.requeue(work.uid, [number])
        self._held = None

    def _work_on(self, facts: SweepFacts) -> bool:
        self._sweeps.begin_as_worker(facts.uid)
        work = self._work(facts.uid)
        work.settle_orphans()
        trial = self._sweeps.claim(facts.uid)
        if trial is not None:
            self._carry_out_and_tell(work, facts, trial)
            return True
        if work.add_configuration():
            return True
        self._sweeps.finish_where_done(facts.uid)
        return False

    def _work(self, uid: str) -> Work:
        if uid not in self._works:
            self._works[uid] = Work(self.store, uid, full_vocabulary(), place="thread")
        return self._works[uid]

    def _carry_out_and_tell(self, work: Work, facts: SweepFacts, trial: TrialFacts) -> None:
        self.uid = facts.uid
        how = "goes on with" if trial.run else "begins"
        self._told(f"{facts.name}: {how} trial {trial.number}.")
        self._held = work, trial.number
        self.carry_out_trial(work, trial)
        self._held = None
        now = next(one for one in self._sweeps.trials(facts.uid) if one.number == trial.number)
        value = "" if now.value is None else f", {work.plan.metric} {now.value:.4g}"
        self._told(f"{facts.name}: trial {trial.number} {now.state}{value}{f': {now.reason}' if now.reason else ''}.")
        self.done += now.state == "finished"

    def _is_wanted_later(self) -> bool:
        """Wait a little; False where nothing is left that could still need this worker."""
        working = any(
            facts.counts.get("running") for facts in self._sweeps.all() if facts.state in ("queued", "running")
        )
        if not self._waits and not working:
            return False
        self._stopping.wait(SECONDS_BETWEEN_LOOKS)
        return True

    def _has_waited_enough(self, error: Exception) -> bool:
        """Tell once that the store is away, and wait for it. What is refused again and again though it is there ends the worker."""
        sentence = str(error) if isinstance(error, Refused) else f"The store cannot be used: {cause_of(error)}."
        if not self._away_seconds:
            self._told(f"{sentence} Waiting for it.")
        self._away_seconds += SECONDS_BETWEEN_LOOKS
        self._refusals = self._refusals + 1 if self._is_there() else 0
        if self._refusals >= MOST_REFUSALS or self._away_seconds > LONGEST_AWAY_SECONDS:
            self.error = sentence
            return True
        self._stopping.wait(SECONDS_BETWEEN_LOOKS)
        return False

    def _is_there(self) -> bool:
        try:
            self._sweeps.all()
        except (Refused, *STORE_ERRORS):
            return False
        return True
