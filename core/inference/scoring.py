"""What a sample is scored by: how well its sides belong together, as an objective of the graph says it, or how much it is of a class.

A cosine of two vectors, the objective's own score of two rows of tokens, the answer to whether a pair belongs together, or the logit
of one class: of the one that is said, unless another is asked for. Axes: B samples, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.block import Objective
from core.blocks.objectives.classification import Classification
from core.blocks.objectives.matching import Matching
from core.blocks.packing import unpacked
from core.blocks.values import full, map_tensors
from core.compiler.module import Experiment, Values
from core.compiler.plan import Plan, Task
from core.graph.document import End
from core.problems import refuse

COSINE, PAIR, MATCH, CLASS = "cosine similarity", "score of the pair", "logit of a match", "logit of the class"


@dataclass(frozen=True, kw_only=True)
class Score:
    """One way in which a graph scores a sample."""

    objective: str
    kind: str
    ends: tuple[End, ...]
    column: int | None = None  # of a classifier: the class; None: of each sample the one that is said

    @property
    def key(self) -> str:
        """How it is asked for: by its objective, and a class that is not the one said by its number behind it."""
        return self.objective if self.column is None else f"{self.objective}={self.column}"

    def said(self, experiment: Experiment, values: Values) -> Score:
        """The same for every variation of one sample: of the class that is said of it as it is."""
        if self.kind != CLASS or self.column is not None:
            return self
        return replace(self, column=int(self._logits(experiment, values)[0].argmax()))

    def _logits(self, experiment: Experiment, values: Values) -> Tensor:
        node = experiment.node(self.objective)
        assert isinstance(node, Classification)
        return full(node.scores(unpacked(values[self.ends[0]]))).float()

    def of(self, experiment: Experiment, values: Values) -> Tensor:
        """A number for every sample [B]; higher: its sides belong together better, or it is more of the class."""
        if self.kind == CLASS:
            logits_BK = self._logits(experiment, values)
            return logits_BK.amax(-1) if self.column is None else logits_BK[:, self.column]
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
        elif block == Classification.key:
            found.append(Score(objective=key, kind=CLASS, ends=(plan.inputs[key]["embedding"],)))
        elif pair is not None:
            found.append(Score(objective=key, kind=PAIR if plan.sides(key) is None else COSINE, ends=pair))
    if not found:
        raise refuse(
            "Nothing in this graph scores one sample: no objective compares two sides of it or asks for its class.",
            hint="Runs with a contrastive objective, Matching or Classification can be inspected so; of others see the attention in Train.",
        )
    return tuple(found)


def _row(side: object, row: int) -> object:
    return map_tensors(lambda x: x[row : row + 1], side)
