"""What a sample is scored by: how well its sides belong together, as an objective of the graph says it.

A cosine of two vectors, the objective's own score of two rows of tokens, or the answer to whether a pair belongs together. Axes: B
samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.block import Objective
from core.blocks.objectives.matching import Matching
from core.blocks.packing import unpacked
from core.blocks.values import full, map_tensors
from core.compiler.module import Experiment, Values
from core.compiler.plan import Plan, Task
from core.graph.document import End
from core.problems import refuse

COSINE, PAIR, MATCH = "cosine similarity", "score of the pair", "logit of a match"


@dataclass(frozen=True, kw_only=True)
class Score:
    """One way in which a graph scores a sample."""

    objective: str
    kind: str
    ends: tuple[End, ...]

    def of(self, experiment: Experiment, values: Values) -> Tensor:
        """A number for every sample [B]; higher: its sides belong together better."""
        sides = [unpacked(values[end]) for end in self.ends]
        if self.kind == COSINE:
            return F.cosine_similarity(full(sides[0]), full(sides[1]), dim=-1)
        node = experiment.node(self.objective)
        if self.kind == MATCH:
            assert isinstance(node, Matching)
            return full(node.answer(sides[0])[..., 0])
        assert isinstance(node, Objective)
        rows = len(sides[0].x_BND)
        one = [node.score_tables(*(_row(side, row) for side in sides))[0].reshape(1) for row in range(rows)]
        return torch.cat(one)


def scores_of(plan: Plan, task: Task) -> tuple[Score, ...]:
    """Every way in which a task's samples can be scored one by one. Raises Refused where there is none."""
    found = []
    for key in task.objectives:
        pair, block = plan.pair(key), plan.document.nodes[key].block
        if block == Matching.key:
            found.append(Score(objective=key, kind=MATCH, ends=(plan.inputs[key]["embedding"],)))
        elif pair is not None:
            found.append(Score(objective=key, kind=PAIR if plan.sides(key) is None else COSINE, ends=pair))
    if not found:
        raise refuse(
            "Nothing in this graph scores one sample: no objective compares two sides of it.",
            hint="Runs with a contrastive objective or Matching can be inspected so; of others see the attention in Train.",
        )
    return tuple(found)


def _row(side: object, row: int) -> object:
    return map_tensors(lambda x: x[row : row + 1], side)
