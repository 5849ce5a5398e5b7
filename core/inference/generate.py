"""Generate: images that a block makes, each from a seed of its own, from a sentence where the block is made of one.

Number 7 is the same whether one or sixty-four are asked for, and the same as the monitor shows for that seed and sample. What is
drawn in steps is shown after each, and its guidance may be turned meanwhile. A walk goes from one sentence or noise to another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.blocks.wish import Wish
from core.compiler.answers.answerable import answerable
from core.compiler.answers.asking import asked
from core.compiler.answers.making import Making, Thing, guided, make_between
from core.data.media import pixels_of
from core.inference.answering import Cancelled, Progress, go_on
from core.inference.trained import Trained
from core.problems import Refused, refuse

MOST = 64


@dataclass(frozen=True, kw_only=True)
class Sight:
    """An image as far as it is drawn; ``looks`` says where each word was attended to so far, where that is known."""

    image: NDArray[np.uint8]  # [H, W, C]
    done: int
    of: int
    looks: NDArray[np.float32] | None = (
        None  # shares of a place's attention [M, h, w], of the words that it was made of
    )


Shown = Callable[[Sight], bool]  # False cancels


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How it is drawn where it is drawn in steps; None leaves it to the block."""

    steps: int | None = None
    guidance: Callable[[], float | None] | None = None  # read at every step
    shown: Shown | None = None

    def wish(self, so_far: Callable[[], Any]) -> Wish:
        """What a block is asked; it stops between two steps where a person cancels."""
        if self.shown is None:
            return Wish(seeds=(), steps=self.steps, guidance=self.guidance)
        shown, looks = self.shown, list[NDArray[np.float32]]()

        def looked(maps_BMhw: Tensor) -> None:
            looks[:] = [maps_BMhw[0].float().cpu().numpy()]

        def told(image_BCHW: Tensor, done: int, of: int) -> None:
            image = pixels_of(image_BCHW[0].detach().float().cpu())
            if not shown(Sight(image=image, done=done, of=of, looks=looks[0] if looks else None)):
                raise Cancelled(so_far())

        return Wish(seeds=(), steps=self.steps, guidance=self.guidance, told=told, looked=looked)


AS_SET = Manner()


def generate(
    trained: Trained, *, count: int = 8, seed: int = 0, sentence: str | None = None, progress: Progress | None = None,
    manner: Manner = AS_SET,
) -> list[Thing]:  # fmt: skip
    """So many images with the seeds from ``seed`` on. Raises Refused; Cancelled with those that there are."""
    making = _generating(trained, sentence)
    count = max(1, min(count, MOST))
    task = trained.plan.tasks_with(making.end.node)[0]
    return made(trained, making, trained.given(sentence=sentence, task=task), seed, count, progress, manner)


def walk(
    trained: Trained, *, ends: tuple[tuple[str | None, int], tuple[str | None, int]], count: int = 8,
    progress: Progress | None = None, manner: Manner = AS_SET,
) -> list[Thing]:  # fmt: skip
    """Images at equal steps from one sentence and seed to another, both ends told. Raises Refused; Cancelled with those so far."""
    making = _generating(trained, next((sentence for sentence, _ in ends if sentence is not None), None))
    task = trained.plan.tasks_with(making.end.node)[0]
    if guided(trained.plan, making) is None:
        raise refuse("The block that makes images here cannot be asked for what lies between two.")
    given = [trained.given(sentence=sentence or "", task=task) if making.made_of else {} for sentence, _ in ends]
    batch = asked(trained.graphs[task.source], given, trained.device)
    seeds, count = (ends[0][1], ends[1][1]), max(2, min(count, MOST))
    found: list[Thing] = []
    for number in range(count):
        wish = manner.wish(lambda: found)
        found.append(make_between(trained.experiment, making, batch, seeds, number / (count - 1), wish))
        go_on(progress, len(found), count, lambda: found)
    return found


def made(
    trained: Trained, making: Making, given: Mapping[str, Any], seed: int, count: int, progress: Progress | None,
    manner: Manner = AS_SET,
) -> list[Thing]:  # fmt: skip
    """Things from the seeds from ``seed`` on, of what is given; where something is not, of fixed samples. Raises Cancelled."""
    task = trained.plan.tasks_with(making.end.node)[0]
    examples = trained.feed(task).fixed_examples(1 if given else count)
    batch = {**examples, **trained.batch(given, task)} if given else examples
    found: list[Thing] = []
    for thing in trained.experiment.make(making, batch, range(seed, seed + count), manner.wish(lambda: found)):
        found.append(thing)
        go_on(progress, len(found), count, lambda: found)
    return found


def _generating(trained: Trained, sentence: str | None) -> Making:
    """The first end where something is generated. Raises Refused where there is none, or it does not hang on a sentence given."""
    reason = answerable(trained.plan)["generate"]
    if reason is not None:
        raise Refused(reason)
    making = next(
        making for making in trained.experiment.makings() if making.kind == "image" and making.original is None
    )
    if sentence is not None and not making.made_of & {"sentence", "text"}:
        raise refuse("What is made here does not depend on a sentence.", hint="Leave the sentence out.")
    return making
