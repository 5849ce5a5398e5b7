"""Where a sample stands among the others of its split: the rank of its own other side, in both directions.

Axes: N samples of the split, M of them other than the sample's like.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor

from core.blocks.block import Objective
from core.blocks.values import joined, map_tensors
from core.compiler.plan import Task
from core.graph.selection import without_task
from core.inference.scoring import MATCH, Score
from core.inference.trained import BATCH, Trained, unit

MOST = 1000  # samples of a split that are ranked among


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Found at this rank, 1 first, among so many; by chance in the middle."""

    asked: str  # modality
    found: str
    rank: int
    of: int


@torch.no_grad()
def standings(
    trained: Trained, task: Task, split: str, score: Score, sides: tuple[Any, ...], label: str
) -> tuple[Standing, ...]:
    """Of one sample's two sides; none where the objective does not rank. Equal captions are no rivals; ties count against it."""
    node = trained.experiment.node(score.objective)
    if score.kind == MATCH or not isinstance(node, Objective) or len(sides) != 2:
        return ()
    left, right, labels = _pool(trained, task, split, score)
    rivals = [place for place, name in enumerate(labels) if name != label]
    if not rivals:
        return ()
    own = tuple(map_tensors(lambda x: x[:1].detach(), unit(side)) for side in sides)
    others = [map_tensors(itemgetter(rivals), side) for side in (left, right)]
    names = [trained.plan.modality_of(end) for end in score.ends]
    mine = float(node.score_tables(*own)[0].reshape(()))
    there_M: Tensor = node.score_tables(own[0], others[1])[0][0]
    back_M: Tensor = node.score_tables(others[0], own[1])[1][0]
    return tuple(
        Standing(asked=asked, found=found, rank=1 + int((rows >= mine).sum()), of=len(rivals) + 1)
        for asked, found, rows in ((names[0], names[1], there_M), (names[1], names[0], back_M))
    )


def _pool(trained: Trained, task: Task, split: str, score: Score) -> tuple[Any, Any, list[str]]:
    """Both sides of a split's samples and their captions; made once for each checkpoint."""
    key: Any = ("standing", split, score.objective)
    if key not in trained.pools:
        left, right, indices = [], [], []
        feed = trained.feed(task)
        for batch, chosen in feed.split(without_task(split), BATCH, MOST):
            values = {**batch, **trained.experiment.run(batch, [end.node for end in score.ends])}
            left.append(unit(values[score.ends[0]]))
            right.append(unit(values[score.ends[1]]))
            indices += chosen
        labels = [feed.source.label(index) for index in indices]
        trained.pools[key] = (joined(left), joined(right), labels)  # type: ignore[assignment]
    return trained.pools[key]  # type: ignore[return-value]
