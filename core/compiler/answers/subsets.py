"""Questions made of any subset of modalities: which a plan can answer, and what is embedded for them.

Two drawings can. Modalities that meet in one space by pairwise objectives (image, sound, text: ImageBind, arXiv:2305.05665):
a question is the mean of the given ones' unit vectors. And a fused side with modality dropout before it: what is not
given is replaced by its learned missing token. Axes: B batch, D width.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.connectors.modality_dropout import ModalityDropout
from core.compiler.module import Experiment
from core.compiler.plan import Plan, Task
from core.graph.document import End
from core.problems import refuse


@dataclass(frozen=True, kw_only=True)
class Subsets:
    """What a question can be made of, and what it is asked for."""

    modalities: tuple[str, ...]  # a question gives one or more of these
    answer: End  # embeddings that are ranked
    asked: str  # the answer's modality
    spaces: Mapping[str, End]  # by modality, where all meet in one space
    fused: End | None = None  # or the side in which they are fused
    present: tuple[End, ...] = ()  # only samples that have everything count

    def choices(self) -> list[tuple[str, ...]]:
        """Every subset with something in it, single ones first."""
        return [each for n in range(1, len(self.modalities) + 1) for each in combinations(self.modalities, n)]


def subsets_of(plan: Plan, task: Task | None = None) -> Subsets | None:
    """What a task of a plan (the first where none is given) can be asked with; None where there is one way only."""
    task = task or plan.tasks[0]
    return _fused(plan, task) or _shared(plan, task)


def _shared(plan: Plan, task: Task) -> Subsets | None:
    """Three or more modalities, each with one embedding, joined pair by pair."""
    spaces: dict[str, End] = {}
    present: set[End] = set()
    for objective in task.objectives:
        for end in plan.sides(objective) or ():
            if spaces.setdefault(plan.modality_of(end), end) != end:
                return None
        if "present" in plan.inputs[objective]:
            present.add(plan.inputs[objective]["present"])
    if len(spaces) < 3:
        return None
    asked = "text" if "text" in spaces else list(spaces)[-1]
    given = tuple(sorted((name for name in spaces if name != asked), key=_order))
    return Subsets(modalities=given, answer=spaces[asked], asked=asked, spaces=spaces, present=tuple(sorted(present)))


def _fused(plan: Plan, task: Task) -> Subsets | None:
    """One side of an objective with two or more modality dropouts behind it."""
    for objective in task.objectives:
        ends = plan.sides(objective) or ()
        for side, other in (ends, ends[::-1]) if ends else ():
            named = {plan.modality(node) for node in droppers(plan, side.node)}
            if len(named) > 1:
                return Subsets(
                    modalities=tuple(sorted(named, key=_order)), answer=other, asked=plan.modality_of(other), spaces={},
                    fused=side,
                )  # fmt: skip
    return None


def _order(modality: str) -> tuple[bool, bool, str]:
    return (modality != "image", modality != "audio", modality)


def droppers(plan: Plan, node: str) -> list[str]:
    """Modality dropouts that a node hangs on."""
    found, waiting, seen = [], [node], set()
    while waiting:
        now = waiting.pop()
        if now in seen or now not in plan.batch_nodes:
            continue
        seen.add(now)
        if plan.document.nodes[now].block == ModalityDropout.key:
            found.append(now)
        waiting += [end.node for end in plan.inputs[now].values()]
    return found


@contextmanager
def absent(experiment: Experiment, nodes: Collection[str]) -> Iterator[None]:
    """Inside, these modality dropouts put their missing token for every sample."""
    hidden = [module for key in nodes if isinstance(module := experiment.node(key), ModalityDropout)]
    for module in hidden:
        module.is_absent = True
    try:
        yield
    finally:
        for module in hidden:
            module.is_absent = False


def without(experiment: Experiment, modalities: Collection[str]) -> AbstractContextManager[None]:
    """Inside, every modality dropout of these modalities puts its missing token."""
    plan = experiment.plan
    return absent(experiment, [key for key in plan.batch_nodes if plan.modality(key) in modalities])


def embedded(
    experiment: Experiment, subsets: Subsets, batch: Mapping[End, Any], given: Collection[str]
) -> tuple[Tensor, Tensor, Tensor]:
    """Questions [B, D] of the given modalities, answers [B, D], both of unit length, and which samples count [B]."""
    if not given or not set(given) <= set(subsets.modalities):
        raise refuse(
            f"A question here is made of {', '.join(subsets.modalities)}; not of {', '.join(given) or 'nothing'}."
        )
    with without(experiment, set(subsets.modalities) - set(given)):
        wanted = [subsets.answer, *([subsets.fused] if subsets.fused else [subsets.spaces[name] for name in given])]
        values = experiment.run(batch, [end.node for end in wanted])
    answer_BD = F.normalize(values[subsets.answer].float(), dim=-1)
    parts = [F.normalize(values[end].float(), dim=-1) for end in wanted[1:]]
    question_BD = F.normalize(torch.stack(parts).sum(0), dim=-1)
    counts_B = torch.ones(len(answer_BD), dtype=torch.bool, device=answer_BD.device)
    for end in subsets.present:
        counts_B = counts_B & (values[end] > 0)
    return question_BD, answer_BD, counts_B
