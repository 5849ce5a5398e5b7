"""Generate: images that a block makes, each from a seed of its own, from a sentence where the block is made of one.

Number 7 is the same whether one or sixty-four are asked for, and the same as the monitor shows for that seed and sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.compiler.answerable import answerable
from core.compiler.making import Making, Thing
from core.inference.answering import Progress, go_on
from core.inference.trained import Trained
from core.problems import Refused, refuse

MOST = 64


def generate(
    trained: Trained, *, count: int = 8, seed: int = 0, sentence: str | None = None, progress: Progress | None = None
) -> list[Thing]:
    """So many images with the seeds from ``seed`` on. Raises Refused; Cancelled with those that there are."""
    reason = answerable(trained.plan)["generate"]
    if reason is not None:
        raise Refused(reason)
    making = next(making for making in _images(trained) if making.original is None)
    if sentence is not None and not making.made_of & {"sentence", "text"}:
        raise refuse("What is made here does not depend on a sentence.", hint="Leave the sentence out.")
    count = max(1, min(count, MOST))
    task = trained.plan.tasks_with(making.end.node)[0]
    return made(trained, making, trained.given(sentence=sentence, task=task), seed, count, progress)


def made(
    trained: Trained, making: Making, given: Mapping[str, Any], seed: int, count: int, progress: Progress | None
) -> list[Thing]:
    """Things from the seeds from ``seed`` on, of what is given; where something is not, of fixed samples. Raises Cancelled."""
    task = trained.plan.tasks_with(making.end.node)[0]
    examples = trained.feed(task).fixed_examples(1 if given else count)
    batch = {**examples, **trained.batch(given, task)} if given else examples
    found: list[Thing] = []
    for thing in trained.experiment.make(making, batch, range(seed, seed + count)):
        found.append(thing)
        go_on(progress, len(found), count, lambda: found)
    return found


def _images(trained: Trained) -> list[Making]:
    return [making for making in trained.experiment.makings() if making.kind == "image"]
