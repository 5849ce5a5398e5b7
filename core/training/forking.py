"""A run that is forked with a changed drawing begins where the checkpoint was, as far as that fits (:mod:`core.training.fitting`).

Steps go on; epochs do where the data and its order are the same. A slowly following copy that has no past begins as the weights it
follows. With nothing changed it is the run that went on, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from core.blocks.objectives.gathering import alone
from core.compiler.bounds import bounded
from core.compiler.module import Experiment, registered_as
from core.compiler.momentum import copied_by
from core.compiler.plan import Plan
from core.compiler.randomness import apart
from core.compiler.sharding import into
from core.compiler.weights import CALLBACKS, WEIGHTS, read_tensors
from core.graph.equal_parts import equal_parts
from core.graph.inheritance import Inheritance
from core.graph.staging import begins_a_stage
from core.training.fitting import Kept, fit, gives_the_same
from core.training.position import Place, Position
from core.training.running import Running
from core.training.state import OPTIMIZER


def foreseen(plan: Plan, kept: Kept) -> Inheritance:
    """What a fork would carry; nothing is built but shapes."""
    with torch.device("meta"), apart(), bounded(), alone():
        return fit(Experiment(plan), kept).told


def inherit(run: Running, kept: Kept) -> Inheritance:
    """Put a fresh trainer where the checkpoint was, as far as that fits; gives what became of each part."""
    found = fit(run.experiment, kept)
    _take_weights(run.experiment, found.weights, read_tensors(kept.folder, WEIGHTS))
    if begins_a_stage(kept.before, run.plan.document):
        return found.told
    moments, callbacks = read_tensors(kept.folder, OPTIMIZER), read_tensors(kept.folder, CALLBACKS)
    run.groups.load_tensors({new: moments[old] for new, old in found.moments.items()})
    if found.average:
        run.callback("ema").load_tensors({new: callbacks[old].to(run.device) for new, old in found.average.items()})
    for callback in run.callbacks if found.scores else ():
        if kept.state["callbacks"].get(callback.key):
            callback.load_state(kept.state["callbacks"][callback.key])
    run.groups.overrides.update(_asked_rates(run.plan, kept))
    run.position = _position(run.plan, kept)
    return found.told


def share(run: Running, kept: Kept) -> tuple[str, ...]:
    """Let the parts that a checkpoint's drawing has as well begin with its weights; gives them. All else is as of any new run.

    Keys of a queue are none of it: the copy that made them begins as the weights it follows.
    """
    experiment, own = run.experiment, run.experiment.state_dict()
    same = equal_parts(kept.before, run.plan.document)
    parts = [key for key in run.plan.owners if key in same and not hasattr(experiment.node(key), "push")]
    names = {key: [name for name in own if name.startswith(f"nodes.{registered_as(key)}.")] for key in parts}
    fits = {key: found for key, found in names.items() if found and all(_is_there(own, kept, name) for name in found)}
    _take_weights(
        experiment, {name: name for found in fits.values() for name in found}, read_tensors(kept.folder, WEIGHTS)
    )
    return tuple(fits)


def _is_there(own: Mapping[str, Tensor], kept: Kept, name: str) -> bool:
    return kept.weights.get(name) == tuple(own[name].shape)


def _take_weights(experiment: Experiment, carried: Mapping[str, str], kept: Mapping[str, Tensor]) -> None:
    """What is carried, as new names with kept ones; a copy's weights that have no past begin as those it follows."""
    values = {**experiment.state_dict(), **{new: kept[old] for new, old in carried.items()}}
    for queue in experiment.twins:
        for number, key in enumerate(copied_by(experiment.plan, queue)):
            there = f"twins.{queue}.copies.{number}."
            for name in (each for each in values if each.startswith(there) and each not in carried):
                values[name] = values[f"nodes.{registered_as(key)}.{name.removeprefix(there)}"]
    into(experiment, values)


def _position(plan: Plan, kept: Kept) -> Position:
    """At the checkpoint's step, and in its epoch of every source that gives the same in the same order."""
    saved = Position.from_json(kept.state["position"], plan.sources)
    places = {
        source: saved.tasks[source]
        if source in saved.tasks and gives_the_same(kept.before, plan.document, source)
        else Place()
        for source in plan.sources
    }
    return replace(saved, tasks=places)


def _asked_rates(plan: Plan, kept: Kept) -> dict[str, float]:
    """Rates a person asked for while it trained: they hold until others are drawn."""
    before, now = (
        (recipe.learning_rate, recipe.optimizer, recipe.rules, recipe.stages)
        for recipe in (kept.before.recipe, plan.document.recipe)
    )
    return {key: rate for key, rate in kept.state["rates"].items() if before == now and key in ("", *plan.owners)}
