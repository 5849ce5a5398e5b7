"""Does a map point at what the sentence means? Where the data has boxes, the first the named thing's: the pointing game
(arXiv:1608.00507) and the overlap of the cells that count most with the cells of the box, each beside chance.

Axes: P cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.compiler.answers.relevance import RULES
from core.compiler.plan import Task
from core.inference.answering import Progress, go_on
from core.inference.inspecting import followed_by, found_by
from core.inference.scoring import Score
from core.inference.trained import Trained
from core.problems import refuse

BOXES = "boxes"


@dataclass(frozen=True, kw_only=True)
class Pointing:
    """Means over samples, by one rule."""

    rule: str
    hits: float  # share of samples whose best cell lies in the box
    overlap: float  # intersection over union of the best cells with the box's, as many as the box has
    chance_hits: float
    chance_overlap: float
    samples: int


def has_boxes(trained: Trained, task: Task) -> bool:
    """Whether the source of a task says where the named thing is."""
    return BOXES in trained.graphs[task.source].source.gives


def pointing(
    trained: Trained, task: Task, indices: Sequence[int], score: Score, progress: Progress | None = None
) -> list[Pointing]:
    """By every rule. Raises Refused where nothing says where things are; Cancelled."""
    if not has_boxes(trained, task):
        raise refuse("This data does not say where in the image things are.", hint="Emoji scenes have boxes.")
    source = trained.graphs[task.source].source
    told: dict[str, list[tuple[float, float, float, float]]] = {rule: [] for rule in RULES}
    for number, index in enumerate(indices):
        boxes: Tensor = source.part(index, (BOXES,))[BOXES]
        batch = trained.batch(trained.given(index=index, task=task), task)
        followed = followed_by(trained, task, batch, score)
        for rule in RULES:
            for found in found_by(trained, followed, score, rule, 1):
                if found.grid is not None and found.grid.kind == "patches":
                    share_P = found.share_BM[0, found.grid.extra :].float().cpu().numpy()
                    inside_P = inside(boxes[0].numpy(), found.grid.sizes)
                    told[rule].append(_compared(share_P, inside_P))
        go_on(progress, number + 1, len(indices), lambda: None)
    return [_mean(rule, rows) for rule, rows in told.items() if rows]


def inside(box_4: NDArray[np.float32], cells: Sequence[int]) -> NDArray[np.bool_]:
    """Cells whose middle lies in a box of shares; the nearest where none does."""
    rows, columns = (np.arange(count) + 0.5 for count in cells)
    down, right = rows / cells[0], columns / cells[1]
    left_, top, right_, bottom = (float(edge) for edge in box_4)
    within = ((down >= top) & (down < bottom))[:, None] & ((right >= left_) & (right < right_))[None]
    if not within.any():
        away = np.abs(down - (top + bottom) / 2)[:, None] + np.abs(right - (left_ + right_) / 2)[None]
        within = away == away.min()
    return within.reshape(-1)


def _compared(share_P: NDArray[np.float32], inside_P: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    count, cells = int(inside_P.sum()), len(inside_P)
    best_P = np.zeros(cells, dtype=bool)
    best_P[np.argsort(-share_P, kind="stable")[:count]] = True
    overlap = (best_P & inside_P).sum() / (best_P | inside_P).sum()
    expected = count * count / cells  # of as many cells at random, how many lie in the box
    return float(inside_P[share_P.argmax()]), float(overlap), count / cells, expected / (2 * count - expected)


def _mean(rule: str, rows: list[tuple[float, float, float, float]]) -> Pointing:
    hits, overlap, chance_hits, chance_overlap = (float(value) for value in np.mean(rows, axis=0))
    return Pointing(
        rule=rule, hits=hits, overlap=overlap, chance_hits=chance_hits, chance_overlap=chance_overlap, samples=len(rows)
    )
