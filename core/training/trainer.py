"""The loop and nothing else; everything optional is a callback (``core/training/callbacks``) or a diagnostic.

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
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from core.compiler.module import node_seed
from core.compiler.plan import Plan
from core.compiler.randomness import RANDOM_NUMBERS
from core.data.pipeline import SampleGraph
from core.knobs import configure
from core.problems import refuse
from core.telemetry.diagnostics.diagnostic import diagnostics
from core.telemetry.events import Listener, Mark, Scalars, Status
from core.training.callback import callbacks
from core.training.control import Control, Rate
from core.training.gradients import plain
from core.training.position import Position
from core.training.running import Running

LongestSilence = 0.25  # seconds between looks at the clock while paused


class Trainer(Running):
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
        super().__init__(plan, graph, device=device, listener=listener, control=control)
        self.callbacks = sorted(_chosen(callbacks, self.recipe.callbacks), key=lambda callback: callback.order)
        self.diagnostics = _chosen(diagnostics, self.recipe.diagnostics)
        self.gradient = plain

    def train(self) -> Status:
        """Run to the end. Exceptions of the plan's own blocks pass through; callbacks are told ``ended`` in any case."""
        if self.feed.batches_an_epoch == 0:
            raise refuse(
                f"The training split has {len(self.feed.splits['train'])} samples, fewer than one batch of "
                f"{self.recipe.batch_size}.",
                hint="Choose a smaller batch.",
            )
        try:
            self.tell("began")
            if self.position.step:
                for callback in self.callbacks:
                    callback.resumed(self)
            self._obey_a_stop()  # asked for while the run was prepared
            while self.is_running:
                self._turn_to("training")
                self._step()
                self._obey()
            if self.status == "running":
                self.status = "finished"
            self.tell("ended")
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
        self.tell("step_ended")
        self.position = replace(self.position, seconds=self.position.seconds + time.monotonic() - began - self._counted)

    def _learn(self) -> None:
        torch.manual_seed(node_seed(self.recipe.seed, f"step/{self.position.step}"))
        self.experiment.set_progress(self.position.step / max(self.recipe.steps, 1))
        self.tell("step_began")
        self.losses = self.gradient(self)
        self.tell("gradient_ready")
        if self.status != "running":
            return
        self.rates = self.groups.set_rates(self.position.step, self.stage)
        self.groups.optimizer.step()
        self.groups.optimizer.zero_grad(set_to_none=True)
        self.experiment.after_update(self.batch)
        self.tell("updated")

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
        self.tell("stage_began")

    def _say_step(self, seconds: float) -> None:
        values = {f"loss/{key}": float(loss.detach()) for key, loss in self.losses.items()}
        values["loss"] = sum(values.values())
        values.update({f"discriminator/{key}": float(loss.detach()) for key, loss in self.opposing.items()})
        values.update({f"adaptive weight/{key}": float(weight) for key, weight in self.weights.items()})
        values["cost/processor seconds"] = self.position.processor
        values["throughput"] = len(self.indices) / max(seconds, 1e-9)
        values.update({f"rate/{key}": rate for key, rate in self.rates.items()})
        for key in self.plan.owners:
            for name, reading in self.experiment.node(key).curves().items():  # type: ignore[operator]
                values[f"{name}/{key}"] = float(reading)
        self.say(Scalars(at=self.at(), values=values))

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
            if self.control.evaluates and self.callback("evaluation") is None:
                self.warn("Nothing is evaluated: the training option Evaluation is off.")
            self.end("stopped", "stopped by hand")

    def _save_now(self) -> None:
        keeper = self.callback("checkpointing")
        if keeper is None:
            self.warn("There is no checkpoint: the training option Checkpoints is off.")
        else:
            keeper.save(self)  # type: ignore[attr-defined]


def _chosen(catalog: Any, chosen: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """Catalogue entries with their configurations. Raises Refused for unknown keys and values."""
    return [catalog[key](configure(catalog[key].Config, knobs, key)) for key, knobs in chosen.items()]
