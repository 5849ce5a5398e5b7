"""A run's own steps, evaluation, looks and checkpoint for about two seconds, each timed by itself: what a prediction is made from.

The steps are those of the run that is asked about: taken at a few places of it, of every stage and every task, with its own
callbacks; what only happens now and then is switched off meanwhile and done once by itself. It records into a store of its own,
for saying costs time too. Axes and units as in :mod:`core.graph.budget.measured`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from core.compiler.compile import compile
from core.compiler.feed import sample_graphs
from core.data.memory import held_by_memories
from core.graph.budget.measured import Cost, Measured, NodeCost, Periodic, StepCost, budget_key
from core.graph.document import Document
from core.graph.file import dumps
from core.graph.mixing import drawn, shares_at
from core.graph.recipe import ALL
from core.problems import Refused, refuse
from core.store.checkpoints import CheckpointFolder
from core.store.database import Store
from core.store.library import Library
from core.telemetry.device import DeviceWatch
from core.telemetry.peak import MEBIBYTE, begin_peak, held_mebibytes, peak_mebibytes
from core.training.budget.nodes import node_costs
from core.training.budget.timing import Clock, Counting, Keeper, Quiet, Timed, TimedEvaluation
from core.training.callback import callbacks
from core.training.device import choose_device, threads_in_use, use_threads
from core.training.processes import device_of
from core.training.trainer import Trainer

LEFT_OUT = ("breakpoints", "early_stopping", "made_scores")  # they end a run, or take much longer than two seconds
PLACES = (0.1, 0.5, 0.9)  # of a stage at which steps are measured
LONG_STEP_SECONDS = 0.6  # with longer ones the middle of a stage stands for all of it
FEWEST, MOST, AT_ONCE = 2, 64, 3  # steps that are timed at a place, and batches that are made ahead, as a run does
FIRST_LOOK, LONGEST_EVALUATION = 64, 6.0  # samples of a split that an evaluation begins with; seconds of the next
LOOKS = (1_000_000, 600, 256)  # all; else three batches of each split, for one waits while another is used; else one
SAMPLES = 24  # that tell what one more keeps in memory
Told = Callable[[str], None]


def measure(document: Document, folder: Path, told: Told, seconds: float = 2.0) -> Measured:
    """What the document's run costs here. ``folder`` is for what it writes. Raises Refused as a run would."""
    base = held_mebibytes()
    begin_peak()
    told("opening")
    with Store.open(folder / "runs.db") as store:
        work = _Measuring(document, store, told)
        try:
            return work.measured(base, seconds)
        finally:
            work.close()


class _Measuring:
    """One measurement."""

    def __init__(self, document: Document, store: Store, told: Told) -> None:
        began = Clock()
        self._told, self._document = told, document
        options = document.recipe.callbacks
        self.left_out = tuple(callbacks[key].title for key in options if key in LEFT_OUT)
        kept = {key: knobs for key, knobs in options.items() if key not in LEFT_OUT}
        plan = compile(replace(document, recipe=replace(document.recipe, callbacks=kept)))
        recipe = plan.document.recipe
        device = choose_device(device_of(recipe.device, 1))
        use_threads(recipe.threads, recipe.processes)
        graphs = sample_graphs(plan)
        graphs.prepare()
        library = Library(store)
        facts = library.create_run("measured", dumps(document))
        self._listener = Counting(library.recorder(facts.uid))
        self.trainer = Trainer(plan, graphs, device=device, listener=self._listener)
        self._watch = DeviceWatch(self._listener, clock=self.trainer.at)
        self._folder = CheckpointFolder(store.files / "checkpoints" / facts.uid)
        self._quiet = Quiet(self.trainer)
        self._preparation = began.cost()
        self._began_bytes = 0.0

    def close(self) -> None:
        """Let everything go."""
        self._watch.close()
        for feed in self.trainer.feeds.values():
            feed.close()
        self.trainer.graphs.close()
        self._listener.recorder.close()

    def measured(self, base: float, seconds: float) -> Measured:
        """All of it, in order of what a person wants to know most."""
        trainer = self.trainer
        if trainer.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(trainer.device)
        self._watch.start()
        bytes_before = self._listener.bytes
        steps = self._steps(seconds)
        bytes_of_steps = self._listener.bytes - bytes_before - self._began_bytes
        taken = max(sum(one.steps for one in steps), 1)
        training = peak_mebibytes()
        looks = self._looks()
        evaluation = self._evaluation()
        checkpoint = self._checkpoint()
        peak, gpu = max(peak_mebibytes(), training), self._gpu_mebibytes()  # the system's count is off by a few pages
        still = self._still_to_keep()
        self._told("blocks")
        nodes = self._nodes(steps)
        return Measured(
            key=budget_key(self._document), made=time.time(), device=str(trainer.device), threads=threads_in_use(),
            overlaps=threads_in_use() < (os.cpu_count() or 1) or trainer.device.type == "cuda", base_mebibytes=base,
            training_mebibytes=training, peak_mebibytes=peak, still_to_keep_mebibytes=still, gpu_mebibytes=gpu,
            preparation=self._preparation, steps=steps, batches={s: f.batches_in(0) for s, f in trainer.feeds.items()},
            periodic=looks, step_bytes=bytes_of_steps / taken, began_bytes=self._began_bytes, nodes=nodes,
            left_out=self.left_out, **evaluation, **checkpoint,
        )  # fmt: skip

    # Steps

    def _steps(self, seconds: float) -> tuple[StepCost, ...]:
        """Of every stage and every task at a few places; the first step also begins the run."""
        found: list[StepCost] = []
        places, number = list(self._places(PLACES)), 0
        while number < len(places):
            self._told("steps")
            _, step, sources, _ = places[number]
            if not number:
                self._begin(step, sources)
            warm = self._warm(step, sources)
            if not number and warm.seconds > LONG_STEP_SECONDS:
                places = list(self._places(PLACES[1:2]))
            found.append(self._timed(*places[number], seconds / len(places)))
            number += 1
        self._preparation = self._preparation + self._first.less(found[0].compute)
        return tuple(found)

    def _places(self, at: Iterable[float]) -> Iterator[tuple[int, int, tuple[str, ...], float]]:
        """Stage, step, whose tasks learn, and how much of the run is like it."""
        recipe, sources, at = self.trainer.recipe, self.trainer.plan.sources, tuple(at)
        edges = recipe.stage_starts()
        for stage, (start, end) in enumerate(pairwise(edges)):
            for place in at if end > start else ():
                step = min(start + round(place * (end - start)), end - 1)
                part = (end - start) / recipe.steps / len(at)
                shares = {
                    s: share for s, share in shares_at(recipe.mix, sources, step, recipe.steps).items() if share > 0
                }
                if recipe.mix.turns == ALL or len(sources) == 1:
                    yield stage, step, tuple(shares), part
                    continue
                for source, share in shares.items():
                    if (turn := self._turn_of(source, step, start, end)) is not None:
                        yield stage, turn, (source,), part * share

    def _turn_of(self, source: str, step: int, start: int, end: int) -> int | None:
        """The step of a stage nearest to one at which a source has its turn."""
        recipe, sources = self.trainer.recipe, self.trainer.plan.sources
        near = sorted(range(max(start, step - 500), min(end, step + 500)), key=lambda other: abs(other - step))
        return next((s for s in near if drawn(recipe.mix, sources, recipe.seed, s, recipe.steps) == source), None)

    def _begin(self, step: int, sources: tuple[str, ...]) -> None:
        before, clock = self._listener.bytes, Clock()
        self._hand(sources, [self.trainer.feeds[source].largest() for source in sources[:1]])
        self._take(step, sources)
        self._first = clock.cost()
        self._began_bytes = self._listener.bytes - before

    def _warm(self, step: int, sources: tuple[str, ...]) -> Cost:
        """A step that is not counted, of the largest batch."""
        for source in sources:
            self.trainer.feeds[source].hand([self.trainer.feeds[source].largest()])
        clock = Clock()
        self._take(step, sources)
        return clock.cost()

    def _timed(self, stage: int, step: int, sources: tuple[str, ...], weight: float, seconds: float) -> StepCost:
        """Steps from here on, each of a batch from another place of the epoch, until the time is up."""
        compute, data, compute_again, data_again = Cost(), Cost(), Cost(), Cost()
        taken, size, passes = 0, FEWEST, 2 if self.trainer.callback("frozen_cache") else 1
        while taken < MOST:
            places = [round((taken + number + 0.5) * 0.61803398875 * 1e4) for number in range(size)]
            clock = Clock()
            self._hand(sources, places)
            data = data + clock.cost()
            compute = compute + self._all(step + taken, sources, size)
            clock = Clock()
            self._hand(sources, places)
            data_again = data_again + clock.cost()
            if passes > 1:
                compute_again = compute_again + self._all(step + taken, sources, size)
            taken += size
            if compute.seconds + compute_again.seconds >= seconds:
                break
            size = AT_ONCE
        again = compute_again if passes > 1 else compute
        return StepCost(
            stage=stage, sources=sources, weight=weight, steps=taken * passes, compute=compute.times(1 / taken),
            data=data.times(1 / taken), compute_again=again.times(1 / taken), data_again=data_again.times(1 / taken),
        )  # fmt: skip

    def _all(self, step: int, sources: tuple[str, ...], count: int) -> Cost:
        clock = Clock()
        for number in range(count):
            self._take(step + number, sources)
        if self.trainer.device.type == "cuda":
            torch.cuda.synchronize(self.trainer.device)
        return clock.cost()

    def _hand(self, sources: Iterable[str], places: list[int]) -> None:
        for source in sources:
            self.trainer.feeds[source].hand(places)

    def _take(self, step: int, sources: tuple[str, ...]) -> None:
        """One step as the run takes it there, of the batches that were handed out."""
        trainer = self.trainer
        if trainer.recipe.mix.turns != ALL and len(trainer.plan.sources) > 1:
            start, end = _stage_of(trainer.recipe.stage_starts(), step)
            step = self._turn_of(sources[0], step, start, end) or step
        places = {source: replace(place, epoch=0, batch=0) for source, place in trainer.position.tasks.items()}
        trainer.position = replace(trainer.position, step=min(step, trainer.recipe.steps - 1), tasks=places)
        trainer.one_step()
        if trainer.status != "running":
            raise refuse(trainer.reason or "The step could not be taken.")

    def _nodes(self, steps: tuple[StepCost, ...]) -> tuple[NodeCost, ...]:
        """Block by block, for the tasks of each kind of step in turn."""
        found: tuple[NodeCost, ...] = ()
        shares = _shares(steps)
        for sources in dict.fromkeys(one.sources for one in steps):
            step = next(step for _, step, others, _ in self._places(PLACES) if others == sources)
            self._warm(step, sources)
            found = node_costs(self.trainer, {source: shares[source] for source in sources}, found)
        return found

    # What happens now and then

    def _looks(self) -> tuple[Periodic, ...]:
        """Every diagnostic that looks at every n-th step, doing so now: in the second of two steps."""
        self._told("looks")
        watched = {
            one: Timed(one, self._listener) for one in self._quiet.diagnostics if one in self.trainer.diagnostics
        }
        for one in watched:
            one.config = replace(one.config, every=1)
        last = max(self.trainer.recipe.steps - 2, 0)
        sources = self._places((0.5,))
        chosen = next(iter(sources))
        self._hand(chosen[2], [0, 1])
        for number in range(2):
            for timed in watched.values():
                timed.begin()
            self._take(min(chosen[1] + number, last), chosen[2])
        self._quiet.hush()
        return tuple(
            Periodic(
                key=one.key, title=one.title, every=_default_of(one), cost=timed.cost, bytes=timed.bytes, at_ends=one.at_ends,
            )
            for one, timed in watched.items()
        )  # fmt: skip

    def _evaluation(self) -> dict[str, Any]:
        """All splits once where that is quick, else some samples of each; what is done after an evaluation is not scaled."""
        callback: Any = self.trainer.callback("evaluation")
        if callback is None:
            return {}
        self._told("evaluation")
        evaluation = TimedEvaluation(self.trainer, callback, self._quiet.configs[callback], self._listener)
        evaluation.take(FIRST_LOOK)
        longest = LONGEST_EVALUATION * threads_in_use()
        most = next((most for most in LOOKS if evaluation.foreseen(most) <= longest), LOOKS[-1])
        evaluation.take(most)
        if self.trainer.callback("frozen_cache") is not None or evaluation.cost.processor <= longest / 2:
            # the first one computes features that are kept then, and the heap has fewer holes than a run's
            first = evaluation.cost
            evaluation.take(most, again=True)
            self._preparation = self._preparation + first.less(evaluation.cost)
        return {
            "evaluation": evaluation.cost, "evaluation_share": evaluation.share, "evaluation_bytes": evaluation.bytes,
            "evaluation_every": _default_of(callback),
        }  # fmt: skip

    def _checkpoint(self) -> dict[str, Any]:
        callback: Any = self.trainer.callback("checkpointing")
        if callback is None:
            return {}
        self._told("checkpoint")
        self.trainer.keeper = Keeper(self._folder)
        clock = Clock()
        callback.save(self.trainer)
        cost = clock.cost()
        self.trainer.keeper = None
        default = type(callback).Config()
        size = sum(file.stat().st_size for file in self._folder.path.rglob("*") if file.is_file())
        return {
            "checkpoint": cost, "checkpoint_bytes": float(size), "checkpoint_every": default.every,
            "checkpoint_last": default.last, "checkpoint_best": default.best,
        }  # fmt: skip

    # Memory

    def _gpu_mebibytes(self) -> float:
        device = self.trainer.device
        return torch.cuda.max_memory_allocated(device) / MEBIBYTE if device.type == "cuda" else 0.0

    def _still_to_keep(self) -> float:
        """What decoded samples will take in memory beyond what they take now: by what a few more of them keep."""
        found = 0.0
        for task in self.trainer.each_task():
            graph = self.trainer.graphs[task.source]
            train = list(self.trainer.feed.splits["train"])
            some = train[:: max(len(train) // SAMPLES, 1)][:SAMPLES]
            before, seen = held_by_memories(), 0
            for index in some:
                try:
                    graph.sample(index, epoch=0, seed=self.trainer.recipe.seed, training=True)
                except Refused:
                    continue
                seen += 1
            grown = held_by_memories() - before
            found += grown / max(seen, 1) * len(train) - grown
        return (max(found, 0.0) + self._features_to_keep()) / MEBIBYTE

    def _features_to_keep(self) -> float:
        """The same of frozen features, where the recipe keeps those: of every sample that is trained on or evaluated."""
        cache: Any = self.trainer.callback("frozen_cache")
        if cache is None:
            return 0.0
        whole, held = 0.0, 0
        for task in self.trainer.each_task():
            count, size = cache.held(task.source)
            met = {index for indices in self.trainer.feed.splits.values() for index in indices}
            whole, held = whole + size / max(count, 1) * len(met), held + size
        return max(min(whole, cache.config.mebibytes * MEBIBYTE) - held, 0.0)


def _shares(steps: tuple[StepCost, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in steps:
        for source in one.sources:
            found[source] = found.get(source, 0.0) + one.weight
    return found


def _stage_of(edges: list[int], step: int) -> tuple[int, int]:
    return next(((start, end) for start, end in pairwise(edges) if start <= step < end), (edges[-2], edges[-1]))


def _default_of(thing: Any) -> int:
    """At every how many-th step it happens where the recipe says nothing."""
    return int(type(thing).Config().every)
