"""Reconstruct: an image through the experiment and back, beside what it should equal."""

from __future__ import annotations

from pathlib import Path

from core.compiler.answers.answerable import answerable
from core.compiler.answers.making import Thing
from core.inference.answering import Progress
from core.inference.generate import made
from core.inference.trained import Trained
from core.problems import Refused


def reconstruct(
    trained: Trained, picture: Path | None = None, *, count: int = 8, seed: int = 0, progress: Progress | None = None
) -> list[Thing]:
    """A picture file once, or so many fixed samples. Raises Refused; Cancelled with those that there are."""
    reason = answerable(trained.plan)["reconstruct"]
    if reason is not None:
        raise Refused(reason)
    makings = trained.experiment.makings()
    making = next(making for making in makings if making.kind == "image" and making.original is not None)
    given = trained.given(picture=picture, task=trained.plan.tasks_with(making.end.node)[0])
    count = 1 if given else count
    return made(trained, making, given, seed, count, progress)
