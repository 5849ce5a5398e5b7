"""Inspect one sample of a trained plan: every attention map, and by each rule how much every part of it counts for its score.

Where a sample has words, each is also asked about alone, the others masked: which patches count for the score with that word. Axes:
B samples, H heads, Q queries, K keys, L words, P patches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.blocks.objectives.classification import Classification
from core.blocks.packing import unpacked
from core.blocks.values import Text, map_tensors
from core.compiler.answers.asking import class_of
from core.compiler.answers.following import Flow, Followed, Found, follow
from core.compiler.answers.relevance import RULES
from core.compiler.module import Values, placed
from core.compiler.plan import Task
from core.inference.changes import Change, changed
from core.inference.faithfulness import repeated
from core.inference.looks import Look
from core.inference.scoring import CLASS, Score, scores_of
from core.inference.trained import Trained
from core.problems import Problem, Refused, refuse

NEEDS_BOTH = Problem(
    what="This run scores two sides together, and one of them is missing.", hint="Give it a sentence and an image."
)
GONE = "…"  # a masked word
Sample = Mapping[str, Any]  # values on a source's ports


@dataclass(frozen=True, kw_only=True)
class Relevance:
    """How much each token where a stream began counts for the score; shares of one."""

    rule: str
    node: str
    grid: Mapping[str, Any]  # what the tokens stand for
    share_K: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What is seen in one sample at one checkpoint."""

    step: int
    looks: tuple[Look, ...]
    words: tuple[str, ...] = ()
    score: float | None = None
    score_kind: str = ""
    objective: str = ""
    objectives: tuple[str, ...] = ()  # by which it can be scored
    why_no_score: str = ""
    relevances: tuple[Relevance, ...] = ()
    by_word: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)  # rule -> [L, P], each word alone
    patches: Mapping[str, Any] = field(default_factory=dict)  # what P stands for
    lost: tuple[str, ...] = ()  # maps that could not be followed, ``node/number``
    batch: Values = field(default_factory=dict, repr=False)  # what was looked at
    ends: tuple[Any, ...] = field(default=(), repr=False)  # what it was scored by
    score_by: Score | None = None

    def relevance(self, rule: str, kind: str) -> Relevance | None:
        """By a rule, over tokens of a kind."""
        return next((one for one in self.relevances if one.rule == rule and one.grid.get("kind") == kind), None)


def with_change(
    trained: Trained, task: Task, batch: Values, words: tuple[str, ...], change: Change, other: Sample | None
) -> tuple[Values, tuple[str, ...]]:
    """A changed sample, and what its text tokens stand for then. Raises Refused."""
    typical = trained.feed(task).fixed_examples(32)
    made = changed(batch, change, typical, None if other is None else trained.batch(other, task))
    if change.modality != "text" or not words:
        return made, words
    if change.how == "swap" and other is not None:
        return made, trained.words(other, task)
    before = next(value for value in batch.values() if isinstance(value, Text))
    after = next(value for value in made.values() if isinstance(value, Text))
    spelled = dict(zip(before.ids_BL[0].tolist(), words))
    real = zip(after.ids_BL[0].tolist(), after.mask_BL[0].tolist())
    return made, tuple(spelled.get(code, "") if is_real else GONE for (code, is_real), _ in zip(real, words))


def chosen_score(trained: Trained, task: Task, objective: str = "") -> tuple[Score, tuple[Score, ...]]:
    """The score of an objective, the first where it is not one of the task's, and all. Raises Refused.

    ``objective`` may name a class by its number: ``classification=3``.
    """
    every = scores_of(trained.plan, task)
    name, _, number = objective.partition("=")
    found = next((one for one in every if one.objective == name), every[0])
    is_asked = found.kind == CLASS and found.objective == name and number.isdigit()
    if is_asked and int(number) >= classes_in(trained, found):
        raise refuse(
            f"There is no class with the number {int(number) + 1}; this run knows {classes_in(trained, found)}."
        )
    return (replace(found, column=int(number)) if is_asked else found), every


def classes_in(trained: Trained, score: Score) -> int:
    """How many classes are told apart."""
    return len(_head(trained, score.objective).counts_K)


def own_class(trained: Trained, score: Score, index: int) -> str:
    """The class that the data says of a sample; empty where it says none."""
    task = trained.plan.tasks_with(score.objective)[0]
    return class_of(trained.feed(task).source, index, _head(trained, score.objective).config.level)


def _head(trained: Trained, objective: str) -> Classification:
    node = trained.experiment.node(objective)
    assert isinstance(node, Classification)
    return node


def class_names(trained: Trained, score: Score) -> tuple[str, ...]:
    """What its classes are called, in order; by their number where the data does not say."""
    learned = trained.plan.inputs[score.objective]["classes"]
    task = trained.plan.tasks_with(score.objective)[0]
    named = trained.graphs[task.source].source.code_names(learned.port) if learned.node in trained.plan.sources else ()
    return tuple(named[n] if n < len(named) else str(n + 1) for n in range(classes_in(trained, score)))


def said_class(trained: Trained, found: Inspection) -> tuple[int, float]:
    """The class that a classifier says of a sample, and its probability."""
    with torch.no_grad():
        share, column = _head(trained, found.objective).scores(unpacked(found.ends[0]))[0].float().softmax(-1).max(-1)
    return int(column), float(share)


def inspect(
    trained: Trained, given: Sample, task: Task, *, objective: str = "", change: Change | None = None, other: Sample | None = None
) -> Inspection:  # fmt: skip
    """Everything about one sample, or about what a person brings; without a second side the attention alone. ``change``: what is
    done to it before, ``other``: the sample that is swapped with."""
    batch, words = trained.batch(given, task), trained.words(given, task)
    if change is not None:
        batch, words = with_change(trained, task, batch, words, change, other)
    try:
        score, every = chosen_score(trained, task, objective)
        followed = followed_by(trained, task, batch, score)
        score = score.said(trained.experiment, followed.values)
    except Refused as refused:
        return Inspection(
            step=trained.step,
            looks=tuple(_plain(trained, batch, words)),
            words=words,
            why_no_score=refused.problems[0].what,
        )
    flows = {key: flowing(trained, followed, key) for key in RULES}
    found = {key: flow.found(score.ends, 1) for key, flow in flows.items()}
    looks = tuple(_looks(trained, followed, words)) or tuple(_plain(trained, batch, words))
    by_word, patches = _by_word(trained, task, batch, score, words)
    ends = tuple(followed.values.get(end) for end in score.ends)
    return Inspection(
        step=trained.step, looks=looks, words=words, score=float(followed.score_B[0]), score_kind=score.kind,
        objective=score.objective, objectives=tuple(one.objective for one in every),
        relevances=tuple(_relevance(key, one) for key, some in found.items() for one in some),
        by_word=by_word, patches=patches, batch=batch, ends=ends, score_by=score, lost=(*followed.lost, *flows["gradient"].unplaced),
    )  # fmt: skip


def followed_by(trained: Trained, task: Task, batch: Values, score: Score) -> Followed:
    """A forward whose score's gradient is known. Raises Refused where a side is missing."""
    experiment = trained.experiment
    behind = {end for end in task.carried if end not in batch}
    if behind and _reaches(trained, behind, score):
        raise Refused(NEEDS_BOTH)
    return follow(experiment, task, batch, lambda values: score.of(experiment, values)[: _samples(batch)], score.ends)


def found_by(trained: Trained, followed: Followed, score: Score, rule: str, samples: int) -> list[Found]:
    """How much each token of what a score is made of counts for it, by one rule."""
    return flowing(trained, followed, rule).found(score.ends, samples)


def flowing(trained: Trained, followed: Followed, rule: str) -> Flow:
    """What every token of a forward is made of, by one rule."""
    return Flow(experiment=trained.experiment, followed=followed, rule=RULES[rule])


def _samples(batch: Values) -> int:
    leaves: list[int] = []
    for value in batch.values():
        map_tensors(lambda x: leaves.append(len(x)), value)
    return leaves[0]


def _reaches(trained: Trained, missing: set[Any], score: Score) -> bool:
    """Whether the score hangs on ends that were not given."""
    waiting, seen = list(score.ends), set[Any]()
    while waiting:
        end = waiting.pop()
        if end in missing:
            return True
        if end not in seen:
            seen.add(end)
            waiting += trained.plan.inputs.get(end.node, {}).values()
    return False


def _relevance(rule: str, found: Found) -> Relevance:
    count = found.share_BM.shape[1]
    grid = found.grid.as_dict() if found.grid is not None else {"kind": "latents", "length": count}
    share_K = found.share_BM[0].float().cpu().numpy()
    return Relevance(rule=rule, node=found.end.node, grid=grid, share_K=share_K)


def _looks(trained: Trained, followed: Followed, words: tuple[str, ...]) -> list[Look]:
    found = []
    for walked in followed.nodes:
        incoming = {port: followed.values[end] for port, end in walked.incoming.items() if end in followed.values}
        made = {end.port: value for end, value in followed.values.items() if end.node == walked.node}
        for number, rows in enumerate(walked.rows.values()):
            whole, queries, keys = placed(rows, made, incoming)
            found.append(_look(f"{walked.node}/{number}", whole, queries, keys, words))
    return found


def _plain(trained: Trained, batch: Values, words: tuple[str, ...]) -> list[Look]:
    maps = trained.experiment.attention_maps(batch)
    return [_look(name, rows, queries, keys, words) for name, (rows, queries, keys) in maps.items()]


def _look(name: str, rows: Tensor, queries: Mapping[str, Any], keys: Mapping[str, Any], words: tuple[str, ...]) -> Look:
    named = words if "words" in (queries["kind"], keys["kind"]) else ()
    return Look(layer=name, weights=rows[0].float().cpu().numpy(), queries=queries, keys=keys, words=named)


def _by_word(
    trained: Trained, task: Task, batch: Values, score: Score, words: tuple[str, ...]
) -> tuple[dict[str, NDArray[np.float32]], Mapping[str, Any]]:
    """Each word alone, its signs kept: which patches count for the score then."""
    texts = {end: value for end, value in batch.items() if isinstance(value, Text)}
    if not words or len(texts) != 1:
        return {}, {}
    (end, text), count = next(iter(texts.items())), min(len(words), next(iter(texts.values())).ids_BL.shape[1])
    many = repeated(batch, count)
    many[end] = replace(many[end], mask_BL=alone(text.mask_BL, words[:count]))
    followed = followed_by(trained, task, many, score)
    made: dict[str, NDArray[np.float32]] = {}
    patches: Mapping[str, Any] = {}
    for rule in RULES:
        for found in flowing(trained, followed, rule).found(score.ends, count):
            if found.grid is not None and found.grid.kind != "words" and rule not in made:
                made[rule], patches = found.share_BM.float().cpu().numpy(), found.grid.as_dict()
    return made, patches


def alone(mask_1L: Tensor, words: tuple[str, ...]) -> Tensor:
    """[L, width]: row n shows word n and the signs that every sentence has."""
    mask = torch.zeros(len(words), mask_1L.shape[1], dtype=torch.bool, device=mask_1L.device)
    signs = [n for n, word in enumerate(words) if word[:1] + word[-1:] in ("⟨⟩", "[]", "<>")]
    mask[:, signs] = True
    mask.fill_diagonal_(True)
    return mask & mask_1L
