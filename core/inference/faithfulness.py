"""Is a map faithful? How far the score falls when what it marks is removed, beside removing as much at random.

Deletion: the regions that count most are replaced first by the mean of what is looked at; insertion: they are put back first into the
mean alone (RISE, arXiv:1806.07421). Words are removed by their mask. The area under a curve is its mean over all shares removed: of a
faithful map small for deletion, large for insertion. Axes: S shares removed, P regions, D random draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from core.blocks.values import Frames, Grid, Spectrogram, Text, map_tensors
from core.compiler.module import Values
from core.compiler.plan import Task
from core.graph.document import End
from core.inference.answering import Progress, go_on
from core.inference.scoring import Score
from core.inference.trained import Trained
from core.problems import refuse

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
AT_ONCE = 64  # changed samples in one forward


@dataclass(frozen=True, kw_only=True)
class Faithfulness:
    """Scores along the shares removed or put back; at random the mean of the draws and where 95 % of them lie."""

    shares: tuple[float, ...]
    deletion_S: NDArray[np.float32]
    insertion_S: NDArray[np.float32]
    random_deletion_DS: NDArray[np.float32]
    random_insertion_DS: NDArray[np.float32]

    @property
    def areas(self) -> dict[str, float]:
        """Area under each curve; at random of the mean."""
        return {
            "deletion": area(self.deletion_S), "random deletion": area(self.random_deletion_DS.mean(0)),
            "insertion": area(self.insertion_S), "random insertion": area(self.random_insertion_DS.mean(0)),
        }  # fmt: skip

    @property
    def deletion_gain(self) -> float:
        """By how much the area of deletion lies below that at random: above 0 the map marks what counts."""
        return self.areas["random deletion"] - self.areas["deletion"]

    @property
    def insertion_gain(self) -> float:
        """By how much the area of insertion lies above that at random."""
        return self.areas["insertion"] - self.areas["random insertion"]


def area(scores_S: NDArray[np.float32]) -> float:
    """Under a curve over equal steps from 0 to 1, by trapezoids."""
    return float(np.trapezoid(np.asarray(scores_S, dtype=np.float64)) / (len(scores_S) - 1))


def interval(draws_DS: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where 95 % of the draws lie, at every share."""
    low, high = np.percentile(draws_DS, [2.5, 97.5], axis=0)
    return low.astype(np.float32), high.astype(np.float32)


@torch.no_grad()
def faithfulness(
    trained: Trained, task: Task, batch: Values, score: Score, end: End, grid: Grid, shares_P: NDArray[np.float32], *,
    draws: int = 20, seed: int = 0, progress: Progress | None = None,
) -> Faithfulness:  # fmt: skip
    """Of one sample (a batch of one): ``shares_P`` says how much each region counts. Raises Refused; Cancelled with nothing."""
    seen = looked_at(trained, task, batch, end)
    generator = np.random.default_rng(seed)
    best_first = np.argsort(-shares_P, kind="stable")
    orders = [best_first, *(generator.permutation(len(shares_P)) for _ in range(draws))]
    jobs = [(order, share, back) for order in orders for back in (False, True) for share in SHARES]
    scores: list[float] = []
    for start in range(0, len(jobs), AT_ONCE):
        some = jobs[start : start + AT_ONCE]
        keep_RP = torch.from_numpy(np.stack([_kept(*job) for job in some])).to(trained.device)
        many = repeated(batch, len(some))
        many[seen] = without(many[seen], keep_RP, grid)
        values = {**many, **trained.experiment.run(many, [one.node for one in score.ends])}
        scores += score.of(trained.experiment, values)[: len(some)].tolist()
        go_on(progress, start + len(some), len(jobs), lambda: None)
    table_O2S = np.asarray(scores, dtype=np.float32).reshape(len(orders), 2, len(SHARES))
    return Faithfulness(
        shares=SHARES, deletion_S=table_O2S[0, 0], insertion_S=table_O2S[0, 1], random_deletion_DS=table_O2S[1:, 0],
        random_insertion_DS=table_O2S[1:, 1],
    )  # fmt: skip


def repeated(batch: Values, count: int) -> dict[End, Any]:
    """A batch of one so many times."""
    return {end: map_tensors(lambda x: x.expand(count, *x.shape[1:]), value) for end, value in batch.items()}


def _kept(order: NDArray[np.int64], share: float, back: bool) -> NDArray[np.bool_]:
    """Which regions are left: all but the first of the order, or, put back, those alone."""
    keep = np.full(len(order), not back)
    keep[order[: round(share * len(order))]] = back
    return keep


def looked_at(trained: Trained, task: Task, batch: Values, end: End) -> End:
    """The value that the tokens of ``end`` are made of and that regions can be removed from. Raises Refused."""
    waiting, seen = [end], set[End]()
    while waiting:
        now = waiting.pop(0)
        if isinstance(batch.get(now), Text | Frames | Spectrogram) or _is_image(batch.get(now)):
            return now
        if now not in seen:
            seen.add(now)
            waiting += trained.plan.inputs.get(now.node, {}).values()
    raise refuse(
        "Nothing can be removed from what these tokens are made of.",
        hint="Regions are removed from images, spectrograms, frames and words.",
    )


def _is_image(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim == 4 and value.shape[1] in (1, 3)


def without(value: Any, keep_RP: Tensor, grid: Grid) -> Any:
    """Rows of a value, each with only its own regions left; the others are the row's mean, words are masked."""
    if isinstance(value, Text):
        mask = value.mask_BL.clone()
        count = keep_RP.shape[1]
        mask[:, :count] &= keep_RP
        return replace(value, mask_BL=mask)
    if isinstance(value, Frames):
        x = value.in_unit_range()
        keep_BTHW = _enlarged(keep_RP, grid.sizes, (x.shape[1], *x.shape[3:]))
        return replace(value, x_BTCHW=torch.where(keep_BTHW[:, :, None], x, x.mean((1, 3, 4), keepdim=True)))
    if isinstance(value, Spectrogram):
        sizes = grid.sizes if len(grid.sizes) == 2 else (1, *grid.sizes)
        keep_BFT = _enlarged(keep_RP, sizes, value.x_BFT.shape[1:])
        return replace(value, x_BFT=torch.where(keep_BFT, value.x_BFT, value.x_BFT.mean((1, 2), keepdim=True)))
    keep_BHW = _enlarged(keep_RP, grid.sizes, value.shape[2:])
    return torch.where(keep_BHW[:, None], value, value.mean((2, 3), keepdim=True))


def _enlarged(keep_RP: Tensor, cells: Sequence[int], sizes: Sequence[int]) -> Tensor:
    """Cells as the places that they are, [R, *sizes]."""
    whole = keep_RP.reshape(len(keep_RP), 1, *cells).float()
    return F.interpolate(whole, tuple(sizes), mode="nearest")[:, 0] > 0.5


def regions(grid: Grid, shares_M: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of all tokens those that are places."""
    return shares_M[grid.extra :]
