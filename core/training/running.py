"""A run in progress, as callbacks, gradients and diagnostics see it: what is at hand, and what they may ask for.

The loop that drives it stands in :mod:`core.training.trainer`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from core.compiler.feed import Batch, Feed
from core.compiler.module import Experiment
from core.compiler.plan import Plan
from core.data.pipeline import SampleGraph
from core.graph.document import End
from core.graph.selection import Figure
from core.telemetry.diagnostics.diagnostic import Diagnostic
from core.telemetry.events import At, Event, Level, Listener, LogLine, Mark, Phase, PhaseChange, Status
from core.training.control import Control, Stopping
from core.training.optimization import Groups
from core.training.position import Position


class Keeper(Protocol):
    """Where checkpoints go."""

    def save(self, step: int, write: Callable[[Path], None], state: Mapping[str, Any], *, best: bool, last: int) -> str:
        """Write one, whole or not at all; keep the ``last`` newest and the best. Gives its path."""

    def settle(self) -> None:
        """What was said of it is kept before the run goes on."""


class Running:
    """One run of a plan: its parts, where it is, and what was computed last."""

    gradient: Gradient  # how a step's gradient comes about
    callbacks: list[Any]  # core.training.callback.Callback, in the order in which they are told
    diagnostics: list[Diagnostic]

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
        self.position = Position(batches=self.feed.batches_an_epoch)
        self.stage = -1
        self.precision: AbstractContextManager[Any] = nullcontext()
        self.batch: Batch = {}
        self.indices: list[int] = []
        self.losses: dict[str, Tensor] = {}
        self.opposing: dict[str, Tensor] = {}  # objective -> the loss of its opponent
        self.weights: dict[str, Tensor] = {}  # objective -> its adaptive weight in this step
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

    def callback(self, key: str) -> Any:
        """The callback of this key where it is on, else None; its own file says what it offers."""
        return next((callback for callback in self.callbacks if callback.key == key), None)

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
                getattr(diagnostic, moment)(self)
            except Exception as error:  # a picture must not cost a training run
                self.diagnostics.remove(diagnostic)
                self.warn(
                    f"The diagnostic {diagnostic.title} was switched off: {type(error).__name__}: {str(error)[:200]}"
                )

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


Gradient = Callable[
    [Running], dict[str, Tensor]
]  # runs the batch, fills every ``.grad``, gives the losses by objective
