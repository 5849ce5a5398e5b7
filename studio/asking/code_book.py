"""A trained run's code book as answers of the query page: a tile for each code, close up the pieces of images that became it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from widgets.look.language import tr
from widgets.query.values import Asked, QueryAnswer, QueryAnswers

if TYPE_CHECKING:
    from core.inference.code_book import Code
    from core.inference.trained import Trained

MOST, COLUMNS, EDGE, GAP = 1024, 4, 48, 4  # codes that are listed; pieces in a row, pixels of one and between two
BETWEEN = 128  # grey of what lies between two pieces


def opened_book(trained: Trained, progress: Callable[[int, int], bool]) -> QueryAnswers:
    """The codes used most first; nothing where it was cancelled. Raises Refused."""
    from core.inference.answering import Cancelled  # torch
    from core.inference.code_book import code_book

    began = time.monotonic()
    try:
        codes = code_book(trained, progress=progress)
    except Cancelled:
        codes = []
    return QueryAnswers(
        asked=Asked(), kind="codes", answers=tuple(_answer(code) for code in codes[:MOST]), made=len(codes),
        seconds=time.monotonic() - began, is_partial=not codes,
    )  # fmt: skip


def _answer(code: Code) -> QueryAnswer:
    share = tr("{percent} % of tokens", percent=f"{100 * code.share:.2f}") if code.share else tr("not used")
    return QueryAnswer(
        sentence=tr("code {number}", number=code.number), group=share, picture=_enlarged(code.drawn),
        close=sheet([code.drawn, *code.pieces]),
    )  # fmt: skip


def sheet(pieces: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """What the code draws, alone in the first row, above the pieces that became it: enlarged, each pixel a square."""
    shown = [_enlarged(piece) for piece in pieces]
    rows = [shown[:1], *(shown[at : at + COLUMNS] for at in range(1, len(shown), COLUMNS))]
    height, width = shown[0].shape[:2]
    page = np.full((len(rows) * (height + GAP) - GAP, COLUMNS * (width + GAP) - GAP, 3), BETWEEN, np.uint8)
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            top, left = row * (height + GAP), column * (width + GAP)
            page[top : top + height, left : left + width] = picture
    return page


def _enlarged(piece_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Three channels; every pixel so many times itself that the whole has about the edge of a piece."""
    times = max(1, EDGE // max(piece_HWC.shape[:2]))
    three = np.repeat(piece_HWC, 3, axis=2) if piece_HWC.shape[2] == 1 else piece_HWC
    return np.ascontiguousarray(three.repeat(times, 0).repeat(times, 1))
