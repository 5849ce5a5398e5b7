"""A code book, opened: what each code draws by itself, how often held-out images use it, and which pieces of them it stood for.

Axes: B batch, N tokens, Q codes of a token, K codes of a book, C channels, h w pixels of a cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.blocks.values import Codes, Grid
from core.compiler.answers.decoding import Codec
from core.data.media import pixels_of
from core.graph.selection import reported_split
from core.inference.answering import Progress, go_on
from core.inference.trained import Trained
from core.problems import refuse

IMAGES, PIECES = 512, 16  # of a split that are looked at; of a code that are shown
BATCH = 64


@dataclass(frozen=True, kw_only=True)
class Code:
    """One entry of a code book."""

    number: int
    drawn: NDArray[np.uint8]  # [h, w, C]: the middle cell of an image that is drawn from it alone
    share: float  # of the tokens that were looked at
    pieces: tuple[NDArray[np.uint8], ...]  # [h, w, C] each: cells of images that became this code


def opened_codec(trained: Trained) -> Codec:
    """The first quantizer here whose codes an image is drawn from. Raises Refused."""
    found = next((codec for codec in trained.experiment.codecs() if codec.image is not None), None)
    if found is None:
        raise refuse("No code book here is drawn from alone.", hint="Wire an image decoder behind the quantizer.")
    return found


def code_book(trained: Trained, *, book: int = 0, progress: Progress | None = None) -> list[Code]:
    """The codes of a book, those used most first. Raises Refused; Cancelled with nothing."""
    codec = opened_codec(trained)
    task = trained.plan.tasks_with(codec.quantizer)[0]
    feed = trained.feed(task)
    split = reported_split(feed.splits) or "train"
    count = min(IMAGES, len(feed.splits[split]))
    counts, pieces, grid = dict[int, int](), dict[int, list[NDArray[np.uint8]]](), None
    for done, (batch, _) in enumerate(feed.split(split, BATCH, count)):
        codes = trained.experiment.encoded(codec, batch)
        grid = grid or codes.grid
        numbers_BN = _numbers(codes, book)
        for number, many in zip(*(x.tolist() for x in numbers_BN.unique(return_counts=True))):
            counts[number] = counts.get(number, 0) + many
        if codec.original is not None and grid is not None and numbers_BN.shape[1] == grid.sizes[0] * grid.sizes[1]:
            values = batch if codec.original in batch else trained.experiment.run(batch, [codec.original.node])
            _keep(pieces, numbers_BN, _cells(values[codec.original], grid))
        go_on(progress, min((done + 1) * BATCH, count), count, lambda: None)
    if grid is None or grid.kind != "patches":
        raise refuse("The codes here have no places in an image, so they cannot be shown.")
    drawn_KChw, total = trained.experiment.patches(codec, book, grid, trained.device), max(sum(counts.values()), 1)
    found = [
        Code(number=number, drawn=pixels_of(one.float().cpu()), share=counts.get(number, 0) / total, pieces=tuple(pieces.get(number, ())))
        for number, one in enumerate(drawn_KChw)
    ]  # fmt: skip
    return sorted(found, key=lambda code: -code.share)


def _numbers(codes: Codes, book: int) -> Tensor:
    """Of every token its code in one book, from 0 [B, N]."""
    first = sum(codes.books[:book])
    own_BN = codes.ids_BN - first
    inside_BN = (own_BN >= 0) & (own_BN < codes.books[book])
    return own_BN[inside_BN].unflatten(0, (len(own_BN), -1))


def _cells(image_BCHW: Tensor, grid: Grid) -> Tensor:
    """Images cut along the grid of their tokens [B, N, C, h, w]."""
    rows, columns = grid.sizes
    cut = image_BCHW.unflatten(3, (columns, -1)).unflatten(2, (rows, -1))  # B C rows h columns w
    return cut.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)


def _keep(pieces: dict[int, list[NDArray[np.uint8]]], numbers_BN: Tensor, cells_BNChw: Tensor) -> None:
    """The first few pieces of every code, of any image at most one."""
    for numbers_N, cells_NChw in zip(numbers_BN.cpu(), cells_BNChw.float().cpu()):
        for number in torch.unique(numbers_N).tolist():
            kept = pieces.setdefault(number, [])
            if len(kept) < PIECES:
                kept.append(pixels_of(cells_NChw[int((numbers_N == number).nonzero()[0, 0])]))
