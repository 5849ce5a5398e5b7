"""Sentences that a trained plan writes about an image, as answers of the query page: the image once for every word, with its heat."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.data.readers.image import read_image
from studio.asking.partial import as_far_as_it_came
from widgets.query.values import Asked, QueryAnswer, QueryAnswers

if TYPE_CHECKING:
    from core.inference.trained import Trained


def captioned(
    trained: Trained, picture: str, temperature: float, seed: int, progress: Callable[[int, int], bool],
    wrote: Callable[[str], None],
) -> QueryAnswers:  # fmt: skip
    """About a picture file; as far as it had come where it was cancelled. Raises Refused."""
    from core.blocks.generators.writing import Way  # torch
    from core.inference.caption import caption

    began, way = time.monotonic(), Way(temperature=temperature)
    made, is_partial = as_far_as_it_came(
        lambda: caption(trained, Path(picture), way=way, seed=seed, progress=progress, wrote=wrote)
    )
    shown = np.asarray(read_image(Path(picture)).resize((160, 160)), dtype=np.uint8)
    answers = tuple(QueryAnswer(sentence=word.text, picture=shown, picture_heat=word.look_HW) for word in made.words)
    return QueryAnswers(
        asked=Asked(picture=shown), kind="written", answers=answers, written=made.sentence,
        seconds=time.monotonic() - began, is_partial=is_partial,
    )  # fmt: skip
