"""A run in progress, as callbacks, gradients and diagnostics see it: what is at hand, and what they may ask for.

The loop that drives it stands in :mod:`core.training.trainer`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from core.blocks.objectives.gathering import alone
from core.compiler.feed import Batch, Feed, feeds
from core.compiler.module import Experiment
from core.compiler.plan import Plan, Task
from core.compiler.sharding import shard
from core.data.graphs import SampleGraphs
from core.data.pipeline import SampleGraph
from core.graph.document import End
from core.graph.selection import Figure, task_of
from core.telemetry.diagnostics.diagnostic import Diagnostic
from core.telemetry.events import At, Event, Level, Listener, LogLine, Mark, Phase, PhaseChange, Status, StatusChange
from core.training.control import Control, Skipping, Stopping
from core.training.optimization import Groups
from core.training.position import Place, Position
from core.training.processes import everyones, own_share, told

Made = TypeVar("Made")


class Keeper(Protocol):
    """Where checkpoints go."""

    def save(self, step: int, write: Callable[[Path], None], state: Mapping[str, Any], *, best: bool, last: int) -> str:
        """Write one, whole or not at all; keep the ``last`` newest and the best. Gives its path."""

    def settle(self) -> None:
        """What was said of it is kept before the run goes on."""


class Running:
    """One run of a plan: its parts, where it is, and what was computed last.

    Where a plan has several tasks, one is at work at a time: ``task``, and with it ``feed``, ``graph``, ``batch``, ``indices``.
    """

    gradient: Gradient  # how a step's gradient comes about
    callbacks: list[Any]  # core.training.callback.Callback, in the order in which they are told
    diagnostics: list[Diagnostic]

    def __init__(
        self,
        plan: Plan,
        graphs: SampleGraphs,
        *,
        device: torch.device,
        listener: Listener,
        control: Control | None = None,
    ) -> None:
        self.plan, self.recipe, self.device = plan, plan.document.recipe, device
        self.listener, self.control = listener, control or Control()
        self.share, self._asked_for = own_share(), self.control
        if self.share.world > 1:  # what is wished for reaches all processes at one step's edge: :meth:`agree`
            self.control = Control()
        self.feeds, self.graphs = feeds(plan, graphs, device, self.share), graphs
        self.task = plan.tasks[0]
        self.experiment = Experiment(plan, self.recipe.seed).to(device)
        self.is_sharded = self.recipe.sharded and self.share.world > 1
        if self.is_sharded:
            shard(self.experiment, device, self.share.world)
        self.groups = Groups(self.experiment, self.recipe)
        self.position = Position(tasks={source: Place() for source in self.feeds})
        self.stage = -1
        self.precision: AbstractContextManager[Any] = nullcontext()
        self.shares: dict[str, float] = {self.task.source: 1.0}  # source -> weight of its task's losses in this step
        self.batches: dict[str, Batch] = {}  # source -> what its task learns from in this step
        self.drawn: dict[
            str, list[int]
        ] = {}  # source -> the samples in it; of one that processes share, of all of them
        self.losses: dict[str, Tensor] = {}  # by objective, as :meth:`named` says it
        self.opposing: dict[str, Tensor] = {}  # objective -> the loss of its opponent
        self.weights: dict[str, Tensor] = {}  # objective -> its adaptive weight in this step
        self.negatives: dict[str, Any] = {}  # objective -> what its pairs were contrasted with, where that was chosen
        self.sides: dict[str, tuple[Tensor, Tensor]] = {}  # objective -> both sides of this step, detached
        self.chosen_by: dict[
            str, dict[str, Any]
        ] = {}  # source -> what the last evaluation embedded of the split that selects
        self.embedded: dict[str, dict[str, Any]] = {}  # the same of every held-out split, by split
        self.selects = ""  # the split that the last evaluation chooses on; empty where it measured nothing to choose by
        self.figure: Figure | None = None  # what the last evaluation is chosen by; None where there is no finite score
        self.rates: dict[str, float] = {}
        self.keeper: Keeper | None = None
        self.ears: list[Callable[[Event], None]] = []  # callbacks that hear what the run says
        self.gathered: tuple[int, Any] | None = None  # of parts of weights: the step, and what a checkpoint of it holds
        self.status: Status = "running"
        self.reason = ""
        self._held_for = ""  # why it paused, or stops, by itself
        self._phase = PhaseChange(at=self.at(), phase="preparing")

    @property
    def feed(self) -> Feed:
        """The batches and splits of the task at work."""
        return self.feeds[self.task.source]

    @property
    def graph(self) -> SampleGraph:
        """The per-sample part of the task at work."""
        return self.graphs[self.task.source]

    @property
    def batch(self) -> Batch:
        """What the task at work learns from in this step."""
        return self.batches.get(self.task.source, {})

    @batch.setter
    def batch(self, batch: Batch) -> None:
        self.batches[self.task.source] = batch

    @property
    def indices(self) -> list[int]:
        """Which samples it holds."""
        return self.drawn.get(self.task.source, [])

    @indices.setter
    def indices(self, indices: list[int]) -> None:
        self.drawn[self.task.source] = indices

    @property
    def held_out(self) -> dict[str, Any]:
        """What the last evaluation embedded of the selecting split of the task at work; empty where it has none."""
        return self.chosen_by.get(self.task.source, {})

    @contextmanager
    def at_work(self, task: Task) -> Iterator[None]:
        """Inside, everything is about this task."""
        before, self.task = self.task, task
        try:
            yield
        finally:
            self.task = before

    def each_task(self, sources: Collection[str] | None = None) -> Iterator[Task]:
        """Every task in turn (or those of some sources), each at work while it is looked at."""
        for task in self.plan.tasks:
            if sources is None or task.source in sources:
                with self.at_work(task):
                    yield task

    @property
    def active_nodes(self) -> frozenset[str]:
        """The blocks that ran in this step: those of the tasks whose turn it was."""
        return frozenset(key for task in self.plan.tasks if task.source in self.shares for key in task.batch_nodes)

    def indices_of(self, objective: str) -> list[int]:
        """The samples of this step of the task that a named objective is of."""
        title = task_of(objective)
        return next((self.drawn.get(task.source, []) for task in self.plan.tasks if task.title == title), self.indices)

    def named(self, name: str) -> str:
        """A split or an objective of the task at work, as series name it: with the task's title where there are several."""
        return self.plan.named(name, self.task)

    def whose(self, sentence: str) -> str:
        """A sentence about the task at work, with the task's title before it where there are several."""
        return f"Task {self.task.title}: {sentence}" if len(self.plan.tasks) > 1 else sentence

    def at(self) -> At:
        """Now, for events."""
        return self.position.at()

    def say(self, event: Event) -> None:
        """Tell the listener, and the callbacks that hear."""
        self.listener.say(event)
        for hear in self.ears:
            hear(event)

    def log(self, text: str, level: Level = "info") -> None:
        """A sentence about the run."""
        self.say(LogLine(at=self.at(), text=text, level=level))

    def warn(self, text: str) -> None:
        """A warning: in the log and on the timeline."""
        self.log(text, "warning")
        self.say(Mark(at=self.at(), kind="warning", text=text))

    def pause(self, reason: str) -> None:
        """Wait at this step's edge until a person says go on; its state stays in memory."""
        self._held_for = reason
        self._asked_for.pause()  # where processes share the run, the others hear of it from the first
        self.say(StatusChange(at=self.at(), status="paused", reason=reason))

    def stop(self, reason: str) -> None:
        """End at this step's edge with a checkpoint, as if a person had asked: all processes of the run do."""
        if self.share.world == 1:
            self.end("stopped", reason)
        else:
            self._held_for = reason
            self._asked_for.stop()

    def end(self, status: Status, reason: str = "") -> None:
        """Stop after the current moment."""
        self.status, self.reason = status, reason

    @contextmanager
    def busy(self, phase: Phase, of: int = 0) -> Iterator[None]:
        """Inside: the run is about something else than training; ``of`` so many samples, counted by :meth:`reading`."""
        before = self._phase
        self._turn_to(phase, 0, of)
        try:
            yield
        finally:
            self._turn_to(before.phase, before.done, before.of)

    def begin_evaluation(self) -> None:
        """A wish to skip one that came too late, or too early, is not about this one."""
        self.control.forget_skip()
        self._asked_for.forget_skip()

    def _turn_to(self, phase: Phase, done: int = 0, of: int = 0) -> None:
        """Say what the run is about, where that is new; once a plain stop is asked for it is about nothing else."""
        if self.control.cuts_short:
            phase, done, of = "stopping", 0, 0
        if (phase, done, of) != (self._phase.phase, self._phase.done, self._phase.of):
            self._phase = PhaseChange(at=self.at(), phase=phase, done=done, of=of)
            self.say(self._phase)

    def callback(self, key: str) -> Any:
        """The callback of this key where it is on, else None; its own file says what it offers."""
        return next((callback for callback in self.callbacks if callback.key == key), None)

    def averaged(self) -> AbstractContextManager[None]:
        """Inside, the moving average stands in for the weights, where the run keeps one: what is evaluated, made and asked."""
        average = self.callback("ema")
        return average.in_place(self) if average is not None else nullcontext()

    def tell(self, moment: str) -> None:
        """Callbacks and diagnostics are told of a moment."""
        first = moment in (
            "gradient_ready",
            "step_ended",
        )  # before a callback clips gradients, or saves: all said by then
        if first:
            self.look(moment)
        for callback in self.callbacks:
            getattr(callback, moment)(self)
        if not first:
            self.look(moment)

    def look(self, moment: str) -> None:
        """Tell the diagnostics. A diagnostic that fails is switched off and says so; it never stops a run."""
        for diagnostic in list(self.diagnostics):
            try:
                with alone():
                    getattr(diagnostic, moment)(self)
            except Exception as error:  # a picture must not cost a training run
                self.diagnostics.remove(diagnostic)
                self.warn(
                    f"The diagnostic {diagnostic.title} was switched off: {type(error).__name__}: {str(error)[:200]}"
                )

    def forward(self, batch: Mapping[End, Any], wanted: list[str] | None = None) -> dict[End, Any]:
        """The experiment on a batch of the task at work, at the run's precision; its objectives unless others are ``wanted``."""
        with self.precision:
            return self.experiment.run(batch, self.task.objectives if wanted is None else wanted)

    def agree(self, goes_on: bool = True) -> bool:
        """From here on every process knows of the same wishes: those that the first has heard. Gives its ``goes_on``."""
        if self.share.world == 1:
            return goes_on
        wishes, goes_on = told((self._asked_for.take(), goes_on) if self.share.rank == 0 else None)
        self.control.follow(wishes)
        return goes_on

    def collected(
        self,
        split: str,
        size: int,
        limit: int | None,
        work: Callable[[Batch, list[int]], Made],
        *,
        look: int = 0,
    ) -> list[Made]:
        """What ``work`` makes of each batch of a split of the task at work, in order; what takes long at a step's end.

        Processes take turns with the batches, and each has what all of them made: no sample is left out or counted twice.
        ``limit``, ``look``: see :meth:`Feed.split`.
        Raises Stopping between two batches where a plain stop was asked for, Skipping where this evaluation is to be left.
        """
        mine = self.feed.split(split, size, limit, self.share, look=look)
        made: list[Made] = []
        last = next(self.feed.split(split, 2, 2)) if self.is_sharded else ({}, [])
        while self.agree((found := next(mine, None)) is not None):  # the first process has the most
            if self.control.cuts_short:
                raise Stopping
            if self.control.skips and self._phase.phase == "evaluating":
                raise Skipping
            if found is not None:
                last = found
            elif (
                not self.is_sharded
            ):  # where weights are gathered, whoever has no batch left helps with those of others
                continue
            one = work(*last)
            if found is None:
                continue
            made.append(one)
            if self._phase.of:
                done = self._phase.done + len(found[1]) * self.share.world
                self._turn_to(self._phase.phase, min(done, self._phase.of), self._phase.of)
        rows = everyones(made)
        return [rows[place % len(rows)][place // len(rows)] for place in range(sum(map(len, rows)))]

    @property
    def is_running(self) -> bool:
        """Whether there is a next step."""
        return self.status == "running" and self.position.step < self.recipe.steps


Gradient = Callable[
    [Running], dict[str, Tensor]
]  # runs the batch, fills every ``.grad``, gives the losses by objective
