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

from core.compiler.checks.sizes import size_problems
from core.compiler.module import node_seed
from core.compiler.plan import Plan
from core.compiler.randomness import RANDOM_NUMBERS
from core.data.graphs import SampleGraphs
from core.data.order import packs_rows
from core.graph.mixing import drawn, shares_at
from core.graph.recipe import ALL
from core.graph.selection import task_of
from core.knobs import configure
from core.problems import Refused, refuse
from core.telemetry.diagnostics.diagnostic import diagnostics
from core.telemetry.diagnostics.unmoved import unmoved
from core.telemetry.events import Listener, Mark, Scalars, Status
from core.training.callback import callbacks
from core.training.control import Control, Rate
from core.training.gradients import plain
from core.training.parts import InParts, compared
from core.training.position import Place, Position
from core.training.processes import added, average_gradients, averaged, everyones, means, refuse_drift
from core.training.running import Running
from core.training.shared_norm import has_batch_norm, share_batch_norm

LongestSilence = 0.25  # seconds between looks at the clock while paused
STEPS_BETWEEN_COMPARISONS = 500


class Trainer(Running):
    """One run of a plan, from a position to the end."""

    def __init__(
        self,
        plan: Plan,
        graphs: SampleGraphs,
        *,
        device: torch.device,
        listener: Listener,
        control: Control | None = None,
    ) -> None:
        super().__init__(plan, graphs, device=device, listener=listener, control=control)
        self.callbacks = sorted(_chosen(callbacks, self.recipe.callbacks), key=lambda callback: callback.order)
        self.diagnostics = _chosen(diagnostics, self.recipe.diagnostics)
        self.gradient = plain
        self._compared = False  # with the other processes of the run
        self._has_begun = False  # by hand

    def train(self) -> Status:
        """Run to the end. Exceptions of the plan's own blocks pass through; callbacks are told ``ended`` in any case."""
        self._refuse_small_data()
        self._refuse_undivided()
        self._find_its_place()
        try:
            self._begin()
            self._obey_a_stop()  # asked for while the run was prepared
            while self.is_running:
                self._turn_to("training")
                self._step()
                self._obey()
            if self.status == "running":
                self.status = "finished"
                refuse_drift(self.experiment.state_dict())
            self.tell("ended")
        finally:
            for feed in self.feeds.values():
                feed.close()
        return self.status

    def _begin(self) -> None:
        self.tell("began")
        if self.position.step:
            for callback in self.callbacks:
                callback.resumed(self)
        self.agree()

    def one_step(self) -> None:
        """The next step alone, for whoever drives the run by hand; the first begins it as :meth:`train` does."""
        if not self._has_begun:
            self._refuse_small_data()
            self._find_its_place()
            self._begin()
            self._has_begun = True
        self._turn_to("training")
        self._step()

    def losses_again(self) -> dict[str, float]:
        """What the losses of the last step's batch are with the weights behind it and the same random numbers; nothing moves."""
        found: dict[str, float] = {}
        with RANDOM_NUMBERS, torch.no_grad(), unmoved(self.experiment):
            for number, task in enumerate(self.each_task(self.shares)):
                self._draw(f"step/{self.position.step - 1}" + (f"/{task.source}" if number else ""))
                losses = self.experiment.losses(self.forward(self.batch))
                found.update({self.named(key): float(loss) for key, loss in losses.items()})
        return found

    def _refuse_small_data(self) -> None:
        """Before the first step: every task that will have a turn must fill a batch. Raises Refused."""
        found = size_problems(self.plan, self.graphs)
        if errors := [problem for problem in found if problem.severity == "error"]:
            raise Refused(*errors)
        for problem in found if self.position.step == 0 else ():
            self.warn(problem.sentence())

    def _refuse_undivided(self) -> None:
        """Before the first step of several processes: what each of them would learn by itself. Raises Refused."""
        if self.share.world == 1:
            return
        share_batch_norm(self.experiment)
        sharded = self.is_sharded
        if sharded and (self.experiment.twins or len(self.recipe.stage_list()) > 1):
            raise refuse(
                "Sharded weights have one stage, and no slowly following copy.", node="recipe",
                hint="Keep whole weights in each process.",
            )  # fmt: skip
        if sharded and (found := [one for one in self.callbacks if not one.shards]):
            raise refuse(
                f"{found[0].title} needs whole weights.", node="recipe", hint="Switch it off, or do not shard weights."
            )
        if packs_rows(self.recipe.batching.key) and self.callback("gradient_cache") and has_batch_norm(self.experiment):
            raise refuse(
                "With packs processes run unequal numbers of parts, and batch norm sees those of all of them.", node="recipe",
                hint="Switch gradient caching off, or use group norm.",
            )  # fmt: skip
        for problem in compared(
            self, InParts(title="Training in several processes", mixes_whole=True, shares_norm=True)
        ):
            self.warn(problem.sentence())

    def _find_its_place(self) -> None:
        """Where it goes on: batches may be of another size than they were, or the data may have changed."""
        now = {
            source: place.among(self.feeds[source].batches_in(place.epoch))
            for source, place in self.position.tasks.items()
            if source in self.feeds and place.turns
        }
        self.position = replace(self.position, tasks={**self.position.tasks, **now})

    def _step(self) -> None:
        began, worked = time.monotonic(), time.process_time()
        self._enter_stage()
        self._take_turns()
        with RANDOM_NUMBERS:  # other runs of this process take turns, a step each
            self._learn()
        if self.status != "running":
            return
        self._advance(time.monotonic() - began, added(time.process_time() - worked))
        self._say_step(time.monotonic() - began)
        self.tell("step_ended")
        self.position = replace(self.position, seconds=self.position.seconds + time.monotonic() - began - self._counted)

    def _learn(self) -> None:
        self._draw(f"step/{self.position.step}")
        self.experiment.set_progress(self.position.step / max(self.recipe.steps, 1))
        self.tell("step_began")
        self._gradients()
        self._meet()
        self.tell("gradient_ready")
        if self.status != "running":
            return
        self.rates = self.groups.set_rates(self.position.step, self.stage)
        self.groups.optimizer.step()
        self.groups.optimizer.zero_grad(set_to_none=True)
        self.experiment.after_update(self.batches)
        self._look_for_drift()
        self.tell("updated")

    def _take_turns(self) -> None:
        """Whose turn it is, and what each of them learns from."""
        mix, sources = self.recipe.mix, self.plan.sources
        asked = shares_at(mix, sources, self.position.step, self.recipe.steps)
        if mix.turns == ALL:
            self.shares = {source: share for source, share in asked.items() if share > 0}
        else:
            self.shares = {drawn(mix, sources, self.recipe.seed, self.position.step, self.recipe.steps): 1.0}
        self._asked, self.batches, self.drawn = asked, {}, {}
        for task in self.each_task(self.shares):
            place = self.position.tasks[task.source]
            self.batch, self.indices = self.feed.next(place.epoch, place.batch)
        self.task = next(task for task in self.plan.tasks if task.source in self.shares)

    def _gradients(self) -> None:
        """The gradient of every task whose turn it is, each weighed by its share; each has random numbers of its own."""
        self.losses, self.sides, self.negatives, self.opposing, self.weights = {}, {}, {}, {}, {}
        for number, task in enumerate(self.each_task(self.shares)):
            if number:
                self._draw(f"step/{self.position.step}/{task.source}")
            self.losses.update({self.named(key): loss for key, loss in self.gradient(self).items()})

    def _draw(self, name: str) -> None:
        """Random numbers of a part of a step. Processes that share a batch draw different ones for different samples."""
        seed = node_seed(self.recipe.seed, name)
        self.experiment.draws = seed
        torch.manual_seed(node_seed(seed, f"rank/{self.share.rank}") if self.share.rank else seed)

    def _look_for_drift(self) -> None:
        """After the first step of these processes, and now and then, they are compared."""
        if self.position.step % STEPS_BETWEEN_COMPARISONS == 0 or not self._compared:
            refuse_drift(self.experiment.state_dict())
            self._compared = True

    def _meet(self) -> None:
        """Where processes share the batch: the gradient and the figures of all of it, in each of them."""
        if self.share.world == 1:
            return
        average_gradients(self.experiment.parameters())
        self.losses, self.opposing = averaged(self.losses), averaged(self.opposing)
        self.drawn = {
            source: [index for part in parts for index in part]
            for source, parts in ((source, everyones(own)) for source, own in self.drawn.items())
        }

    def _advance(self, seconds: float, processor: float) -> None:
        now = self.position
        places = {source: self._further(source, place) for source, place in now.tasks.items()}
        self._counted = seconds
        self.position = Position(
            step=now.step + 1, samples=now.samples + self._samples(), seconds=now.seconds + seconds,
            processor=now.processor + processor, tasks=places,
        )  # fmt: skip

    def _further(self, source: str, place: Place) -> Place:
        """Where a task is after this step: an epoch may have as many batches as its own order gives."""
        asked, feed = place.asked + self._asked[source], self.feeds[source]
        if source not in self.shares:
            return replace(place, asked=asked)
        gone = replace(place, asked=asked, batches=feed.batches_in(place.epoch)).after_a_turn()
        return replace(gone, batches=feed.batches_in(gone.epoch))

    def _samples(self) -> int:
        return sum(map(len, self.drawn.values()))

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
        values["loss"] = sum(self._weight(name.removeprefix("loss/")) * value for name, value in values.items())
        values.update({f"discriminator/{key}": float(loss.detach()) for key, loss in self.opposing.items()})
        values.update({f"adaptive weight/{key}": float(weight) for key, weight in self.weights.items()})
        if len(self.plan.tasks) > 1:
            values.update(self._mixed())
        values["cost/processor seconds"] = self.position.processor
        values["throughput"] = self._samples() / max(seconds, 1e-9)
        values.update({f"rate/{key}": rate for key, rate in self.rates.items()})
        self.say(Scalars(at=self.at(), values=values | means(self._curves())))

    def _curves(self) -> dict[str, float]:
        """What blocks tell of this step."""
        active = {self.plan.document.owner(key) for key in self.active_nodes}
        return {
            f"{name}/{key}": float(reading)
            for key in self.plan.owners
            if key in active
            for name, reading in self.experiment.node(key).curves().items()  # type: ignore[operator]
        }

    def _weight(self, objective: str) -> float:
        """What a loss of this step is multiplied by."""
        return next((self.shares[task.source] for task in self.plan.tasks if task.source in self.shares and task.title == task_of(objective)), 1.0)  # fmt: skip

    def _mixed(self) -> dict[str, float]:
        """Of each task: the share drawn and asked for so far, and how often it has seen its data."""
        found = {}
        for task in self.plan.tasks:
            place, steps = self.position.tasks[task.source], self.position.step
            found[f"mix/asked/{task.title}"] = place.asked / steps
            if self.recipe.mix.turns != ALL:
                found[f"mix/drawn/{task.title}"] = place.turns / steps
            found[f"mix/epochs/{task.title}"] = place.epochs
        return found

    def _obey(self) -> None:
        self.agree()
        self._grant()
        while self.control.wait_while_paused(LongestSilence):
            self.agree()
            self._grant()
        if not self.control.is_stopping:
            self._held_for = ""
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
            self.end("stopped", self._held_for or "stopped by hand")

    def _save_now(self) -> None:
        keeper = self.callback("checkpointing")
        if keeper is None:
            self.warn("There is no checkpoint: the training option Checkpoints is off.")
        else:
            keeper.save(self)  # type: ignore[attr-defined]


def _chosen(catalog: Any, chosen: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """Catalogue entries with their configurations. Raises Refused for unknown keys and values."""
    return [catalog[key](configure(catalog[key].Config, knobs, key)) for key, knobs in chosen.items()]
