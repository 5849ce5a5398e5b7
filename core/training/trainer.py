"""The loop and nothing else; everything optional is a habit (``core/training/habits``) or a probe.

::

    began
    resumed                            where it goes on from a checkpoint: what the last step still owes
    for each stage:                    stage_began   (freeze, thaw)
        for each step:
            step_began                 the batch is there
            losses, gradients          plain, accumulated or cached (core/training/gradients.py)
            gradient_ready             watch, clip
            optimiser step, clamps
            updated                    averages
            step_ended                 say, evaluate, checkpoint, obey
    ended

Random numbers are keyed by (seed, step), samples by (seed, epoch, index): a run resumed at any step is the run that
never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from core.compiler.feed import Batch, Feed
from core.compiler.module import Experiment, node_seed
from core.compiler.plan import Plan
from core.compiler.randomness import RANDOM_NUMBERS
from core.data.pipeline import SampleGraph
from core.graph.document import End
from core.graph.selection import Figure
from core.knobs import configure
from core.problems import refuse
from core.telemetry.events import At, Event, Level, Listener, LogLine, Mark, Phase, PhaseChange, Scalars, Status
from core.telemetry.probes.probe import Probe, probes
from core.training.control import Control, Rate, Stopping
from core.training.gradients import Gradient, plain
from core.training.habit import Habit, habits
from core.training.optimization import Groups
from core.training.position import Position

LongestSilence = 0.25  # seconds between looks at the clock while paused


class Keeper(Protocol):
    """Where checkpoints go."""

    def save(self, step: int, write: Callable[[Path], None], state: Mapping[str, Any], *, best: bool, last: int) -> str:
        """Write one, whole or not at all; keep the ``last`` newest and the best. Gives its path."""

    def settle(self) -> None:
        """What was said of it is kept before the run goes on."""


class Trainer:
    """One run of a plan, from a position to the end."""

    def __init__(
        self,
        plan: Plan,
        graph: SampleGraph,
        *,
        device: torch.device,
        listener: Listener,
        control: Control | None = None,
    ) -> None:
        self.plan, self.recipe, self.device = plan, plan.document.recipe, device
        self.listener, self.control = listener, control or Control()
        self.feed = Feed(plan, graph, device)
        self.graph = graph
        self.experiment = Experiment(plan, self.recipe.seed).to(device)
        self.groups = Groups(self.experiment, self.recipe)
        self.habits = sorted(_chosen(habits, self.recipe.habits), key=lambda habit: habit.order)
        self.probes: list[Probe] = _chosen(probes, self.recipe.probes)
        self.position = Position(batches=self.feed.batches_an_epoch)
        self.stage = -1
        self.gradient: Gradient = plain
        self.precision: AbstractContextManager[Any] = nullcontext()
        self.batch: Batch = {}
        self.indices: list[int] = []
        self.losses: dict[str, Tensor] = {}
        self.negatives: dict[str, Any] = {}  # objective -> what its pairs were contrasted with, where that was chosen
        self.sides: dict[str, tuple[Tensor, Tensor]] = {}  # objective -> both sides of this step, detached
        self.held_out: dict[str, Any] = {}  # what the last evaluation embedded of the split that selects
        self.embedded: dict[str, dict[str, Any]] = {}  # the same of every held-out split, by split
        self.figure: Figure | None = None  # what the last evaluation is chosen by; None where there is no finite score
        self.rates: dict[str, float] = {}
        self.keeper: Keeper | None = None
        self.status: Status = "running"
        self.reason = ""
        self._phase = PhaseChange(at=self.at(), phase="preparing")

    # What habits and probes use ------------------------------------------------------------------------------------

    def at(self) -> At:
        """Now, for events."""
        return self.position.at()

    def say(self, event: Event) -> None:
        """Tell the listener."""
        self.listener.say(event)

    def log(self, text: str, level: Level = "info") -> None:
        """A sentence about the run."""
        self.say(LogLine(at=self.at(), text=text, level=level))

    def warn(self, text: str) -> None:
        """A warning: in the log and on the timeline."""
        self.log(text, "warning")
        self.say(Mark(at=self.at(), kind="warning", text=text))

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

    def _turn_to(self, phase: Phase, done: int = 0, of: int = 0) -> None:
        """Say what the run is about, where that is new; once a plain stop is asked for it is about nothing else."""
        if self.control.cuts_short:
            phase, done, of = "stopping", 0, 0
        if (phase, done, of) != (self._phase.phase, self._phase.done, self._phase.of):
            self._phase = PhaseChange(at=self.at(), phase=phase, done=done, of=of)
            self.say(self._phase)

    def habit(self, key: str) -> Habit | None:
        """A habit that is on."""
        return next((habit for habit in self.habits if habit.key == key), None)

    def forward(self, batch: Mapping[End, Any], wanted: list[str] | None = None) -> dict[End, Any]:
        """The experiment on a batch, at the run's precision."""
        with self.precision:
            return self.experiment.run(batch, wanted)

    def reading(self, split: str, size: int, limit: int | None = None) -> Iterator[tuple[Batch, list[int]]]:
        """Batches of a split, for what takes long at a step's end. Raises Stopping between two where a plain stop was asked for."""
        for batch, indices in self.feed.split(split, size, limit):
            if self.control.cuts_short:
                raise Stopping
            yield batch, indices
            if self._phase.of:
                self._turn_to(self._phase.phase, min(self._phase.done + len(indices), self._phase.of), self._phase.of)

    @property
    def is_running(self) -> bool:
        """Whether there is a next step."""
        return self.status == "running" and self.position.step < self.recipe.steps

    # The loop ------------------------------------------------------------------------------------------------------

    def train(self) -> Status:
        """Run to the end. Exceptions of the plan's own blocks pass through; habits are told ``ended`` in any case."""
        if self.feed.batches_an_epoch == 0:
            raise refuse(
                f"The training split has {len(self.feed.splits['train'])} samples, fewer than one batch of "
                f"{self.recipe.batch_size}.",
                hint="Choose a smaller batch.",
            )
        try:
            self._tell("began")
            if self.position.step:
                for habit in self.habits:
                    habit.resumed(self)
            self._obey_a_stop()  # asked for while the run was prepared
            while self.is_running:
                self._turn_to("training")
                self._step()
                self._obey()
            if self.status == "running":
                self.status = "finished"
            self._tell("ended")
        finally:
            self.feed.close()
        return self.status

    def _step(self) -> None:
        began, worked = time.monotonic(), time.process_time()
        self._enter_stage()
        self.batch, self.indices = self.feed.next(self.position.epoch, self.position.batch)
        with RANDOM_NUMBERS:  # other runs of this process take turns, a step each
            self._learn()
        if self.status != "running":
            return
        self._advance(time.monotonic() - began, time.process_time() - worked)
        self._say_step(time.monotonic() - began)
        self._tell("step_ended")
        self.position = replace(self.position, seconds=self.position.seconds + time.monotonic() - began - self._counted)

    def _learn(self) -> None:
        torch.manual_seed(node_seed(self.recipe.seed, f"step/{self.position.step}"))
        self.experiment.set_progress(self.position.step / max(self.recipe.steps, 1))
        self._tell("step_began")
        self.losses = self.gradient(self)
        self._tell("gradient_ready")
        if self.status != "running":
            return
        self.rates = self.groups.set_rates(self.position.step, self.stage)
        self.groups.optimizer.step()
        self.groups.optimizer.zero_grad(set_to_none=True)
        self.experiment.after_update(self.batch)
        self._tell("updated")

    def _advance(self, seconds: float, processor: float) -> None:
        now = self.position
        batch, epoch = now.batch + 1, now.epoch
        if batch >= self.feed.batches_an_epoch:
            batch, epoch = 0, epoch + 1
        self._counted = seconds
        self.position = Position(
            step=now.step + 1, epoch=epoch, batch=batch, batches=self.feed.batches_an_epoch,
            samples=now.samples + len(self.indices), seconds=now.seconds + seconds,
            processor=now.processor + processor,
        )  # fmt: skip

    def _enter_stage(self) -> None:
        edges = self.recipe.stage_starts()
        stage = max(number for number, edge in enumerate(edges[:-1]) if edge <= self.position.step)
        if stage == self.stage:
            return
        self.stage = stage
        self.groups.enter_stage(stage)
        if len(edges) > 2:
            self.say(Mark(at=self.at(), kind="stage", text=self.recipe.stage_list()[stage].name))
        self._tell("stage_began")

    def _say_step(self, seconds: float) -> None:
        values = {f"loss/{key}": float(loss.detach()) for key, loss in self.losses.items()}
        values["loss"] = sum(values.values())
        values["cost/processor seconds"] = self.position.processor
        values["throughput"] = len(self.indices) / max(seconds, 1e-9)
        values.update({f"rate/{key}": rate for key, rate in self.rates.items()})
        for key in self.plan.batch_nodes:
            for name, reading in self.experiment.node(key).curves().items():  # type: ignore[operator]
                values[f"{name}/{key}"] = float(reading)
        self.say(Scalars(at=self.at(), values=values))

    def _tell(self, moment: str) -> None:
        first = moment in ("gradient_ready", "step_ended")  # before a habit clips gradients, or saves: all said by then
        if first:
            self.look(moment)
        for habit in self.habits:
            getattr(habit, moment)(self)
        if not first:
            self.look(moment)

    def look(self, moment: str) -> None:
        """Tell the probes. A probe that fails is switched off and says so; it never stops a run."""
        for probe in list(self.probes):
            try:
                getattr(probe, moment)(self)
            except Exception as error:  # a picture must not cost a training run
                self.probes.remove(probe)
                self.warn(f"The diagnostic {probe.title} was switched off: {type(error).__name__}: {str(error)[:200]}")

    def _obey(self) -> None:
        self._grant()
        while self.control.wait_while_paused(LongestSilence):
            self._grant()
        self._obey_a_stop()

    def _grant(self) -> None:
        """What was asked for since the last look, also while it is paused."""
        for rate in self.control.take_rates():
            self._change_rate(rate)
        if self.control.take_checkpoint():
            self._save_now()

    def _change_rate(self, rate: Rate) -> None:
        """From the next step on; what it was and is, and what the schedule makes of it, is marked and logged."""
        changed = self.groups.override(rate.node, rate.learning_rate, self.stage)
        before = sorted({old for old, _ in changed.values()})
        old = " to ".join(f"{value:g}" for value in dict.fromkeys((*before[:1], *before[-1:]))) or "0"
        node = self.plan.document.nodes.get(rate.node)
        where = f" of {node.title or rate.node}" if node is not None else ""
        text = f"learning rate{where}: {old} → {rate.learning_rate:g}"
        told = {"node": rate.node, "old": {key: o for key, (o, _) in changed.items()}, "rate": rate.learning_rate}
        self.say(Mark(at=self.at(), kind="note", text=text, data=told))
        now, end = self.groups.factors(self.position.step)
        self.log(f"{text}. The schedule multiplies it by {now:.3g} now and by {end:.3g} at the end.")

    def _obey_a_stop(self) -> None:
        if self.control.is_stopping and self.status == "running":
            if self.control.evaluates and self.habit("evaluation") is None:
                self.warn("Nothing is evaluated: the training option Evaluation is off.")
            self.end("stopped", "stopped by hand")

    def _save_now(self) -> None:
        keeper = self.habit("checkpointing")
        if keeper is None:
            self.warn("There is no checkpoint: the training option Checkpoints is off.")
        else:
            keeper.save(self)  # type: ignore[attr-defined]


def _chosen(catalog: Any, chosen: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """Catalogue entries with their configurations. Raises Refused for unknown keys and values."""
    return [catalog[key](configure(catalog[key].Config, knobs, key)) for key, knobs in chosen.items()]
