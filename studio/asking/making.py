"""Images that a trained plan makes, as answers of the query page."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from widgets.look.language import tr
from widgets.query.values import Asked, QueryAnswer, QueryAnswers

if TYPE_CHECKING:
    from core.compiler.making import Thing
    from core.inference.trained import Trained


def generated(
    trained: Trained, count: int, seed: int, sentence: str, progress: Callable[[int, int], bool]
) -> QueryAnswers:
    """So many images with the seeds from ``seed`` on; those that there are where it was cancelled. Raises Refused."""
    from core.inference.generate import generate  # torch

    asked = Asked(sentence=sentence)
    return _answers(
        asked, lambda: generate(trained, count=count, seed=seed, sentence=sentence or None, progress=progress)
    )


def reconstructed(
    trained: Trained, count: int, seed: int, picture: str, progress: Callable[[int, int], bool]
) -> QueryAnswers:
    """A picture file, or so many held-out samples, each original before its reconstruction. Raises Refused."""
    from core.inference.reconstruct import reconstruct  # torch

    path = Path(picture) if picture else None
    return _answers(Asked(), lambda: reconstruct(trained, path, count=count, seed=seed, progress=progress))


def _answers(asked: Asked, make: Callable[[], Sequence[Thing]]) -> QueryAnswers:
    from core.inference.answering import Cancelled  # torch

    began, is_partial = time.monotonic(), False
    try:
        things = make()
    except Cancelled as cancelled:
        things, is_partial = cancelled.so_far, True
    return QueryAnswers(
        asked=asked, kind="made", answers=tuple(answer for thing in things for answer in _answer(thing)),
        seconds=time.monotonic() - began, is_partial=is_partial, made=len(things),
    )  # fmt: skip


def _answer(thing: Thing) -> list[QueryAnswer]:
    """What was made, after what it should equal where there is that."""
    made = QueryAnswer(sentence=tr("seed {seed}", seed=thing.seed), picture=_shown(thing.made))
    if thing.original is None:
        return [made]
    return [QueryAnswer(sentence=tr("original"), picture=_shown(thing.original)), made]


def _shown(image_HWC: Any) -> Any:
    """Three channels, as the window draws it."""
    return np.repeat(image_HWC, 3, axis=2) if image_HWC.shape[2] == 1 else image_HWC
