"""What stops a batch from being run in parts without changing a thing: blocks that compare its samples."""

from __future__ import annotations

from dataclasses import dataclass

from core.problems import Problem
from core.training.running import Running
from core.training.shared_norm import has_batch_norm


@dataclass(frozen=True, kw_only=True)
class InParts:
    """A way of running a batch in parts: what people call it, and whether objectives see the whole batch all the same."""

    title: str
    mixes_whole: bool
    shares_norm: bool = False  # batch norm sees the whole batch too


def compared(run: Running, way: InParts) -> list[Problem]:
    """A warning for every block before the objectives that sees only a part of the batch at a time, and compares."""
    found = []
    for key, places in run.plan.places.items():
        if places[0] in run.plan.objectives:
            continue
        node = run.experiment.node(key)
        runs_in_parts = not way.mixes_whole or any(place not in run.plan.mixing for place in places)
        if runs_in_parts and not way.shares_norm and has_batch_norm(node):
            found.append(Problem(
                what=f"{way.title} is not exact with batch norm: each part is normalised by itself.", node=key,
                severity="warning", hint="Use group norm, or freeze the block.",
            ))  # fmt: skip
        own: tuple[str, ...] = getattr(node, "batch_losses", ())  # type: ignore[assignment]
        if runs_in_parts and own:
            found.append(Problem(
                what=f"{way.title} changes the loss that this block gives: it is measured within each part.", node=key,
                severity="warning", hint="The parts are weighed by what they hold, so the mean stays close.",
            ))  # fmt: skip
    return found
