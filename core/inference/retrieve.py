"""Retrieve: what of a split fits a sentence, an image, both, or a sound best, by the objective's own score.

What can be asked is :mod:`core.compiler.answers.questions`'; the pool is embedded once for each question. Axes: N samples in the pool,
D width.
"""

from __future__ import annotations

from collections.abc import Collection
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.blocks.block import Objective
from core.blocks.values import joined, map_tensors
from core.compiler.answers.questions import Kind, Question, questions_of, why_not
from core.compiler.answers.subsets import embedded
from core.compiler.randomness import apart
from core.inference.answering import Cancelled, Progress, go_on
from core.inference.trained import Answer, Trained, ranked, unit
from core.problems import Refused, refuse


@torch.no_grad()
def retrieve(
    trained: Trained, split: str, *, sentence: str | None = None, picture: Path | None = None, sound: Path | None = None,
    film: Path | None = None, count: int = 12, seed: int = 0, progress: Progress | None = None,
) -> tuple[Kind, list[Answer]]:  # fmt: skip
    """What a split has that fits best. Raises Refused; Cancelled with the ranking of what was embedded by then."""
    task = trained.task(split)
    brought: dict[str, Any] = {}
    if sentence is not None:
        if not sentence.strip():
            raise refuse("The sentence is empty.", hint="Type a few words, such as: red heart.")
        brought["sentence"] = sentence
    if picture is not None:
        brought["picture"] = trained.picture(picture, task)
    if sound is not None:
        brought["sound"] = trained.sound(sound, task)
    if film is not None:
        brought["film"] = trained.film(film, task)
    given, questions = frozenset(brought), questions_of(trained.plan, task)
    if given not in questions:
        raise Refused(why_not(questions, given))
    question = questions[given]
    with apart(seed):
        asked = trained.asked(question, brought, task)
        try:
            answers, indices = pool(trained, split, question, progress)
        except Cancelled as cancelled:
            some, indices = cancelled.so_far
            raise Cancelled((question.finds, _best(trained, question, asked, some, indices, split, count))) from None
    return question.finds, _best(trained, question, asked, answers, indices, split, count)


def _best(
    trained: Trained, question: Question, asked: Any, answers: Any, indices: list[int], split: str, count: int
) -> list[Answer]:
    module, pair = trained.experiment.node(question.objective), trained.plan.pair(question.objective)
    assert isinstance(module, Objective)
    assert pair is not None
    is_left = pair[0] == question.asked
    scores_1N = module.score_tables(asked, answers)[0] if is_left else module.score_tables(answers, asked)[1]
    found = ranked(scores_1N[0], min(count, len(indices)))
    return [trained.answer(indices[place], score, split) for score, place in found]


@torch.no_grad()
def pool(trained: Trained, split: str, question: Question, progress: Progress | None = None) -> tuple[Any, list[int]]:
    """What a question is ranked against: unit vectors [N, D] or tokens, and their sample indices.

    Samples that lack the answer, where the objective is told which do, are left out. Raises Refused; Cancelled with those so far.
    """
    if split not in trained.splits:
        raise refuse(f"The data has no split {split!r}.", hint=f"It has: {', '.join(trained.splits)}.")
    key = (split, question.objective, question.answers)
    if key not in trained.pools:
        told = trained.plan.inputs[question.objective].get("present")
        parts: list[Any] = []
        indices: list[int] = []

        def so_far() -> tuple[Any, list[int]]:
            return unit(joined(parts)), indices

        done = 0
        for batch, chosen in trained.reading(split):
            values = trained.experiment.run(batch, [question.answers.node])
            rows = list(range(len(chosen))) if told is None else (values[told] > 0).nonzero()[:, 0].tolist()
            parts.append(map_tensors(itemgetter(rows), values[question.answers]))
            indices += [chosen[row] for row in rows]
            done += len(chosen)
            go_on(progress, done, trained.splits[split], so_far)
        trained.pools[key] = so_far()
    return trained.pools[key]


@torch.no_grad()
def subset_table(
    trained: Trained, split: str, given: Collection[str], progress: Progress | None = None
) -> tuple[Tensor, list[int]]:
    """Cosines [N, N] of questions made of ``given`` modalities alone with every answer, and the samples' indices.

    Samples that lack a modality are left out. Raises Refused where the plan has no such question; Cancelled with the table so far.
    """
    subsets = trained.subsets[trained.task(split).source]
    if subsets is None:
        raise refuse(
            "This experiment is asked in one way only.",
            hint="Join three modalities in one space, or fuse some behind modality dropout.",
        )
    questions: list[Tensor] = []
    answers: list[Tensor] = []
    indices: list[int] = []

    def so_far() -> tuple[Tensor, list[int]]:
        return torch.cat(questions) @ torch.cat(answers).T, indices

    done = 0
    for batch, chosen in trained.reading(split):
        question, answer, counts_B = embedded(trained.experiment, subsets, batch, given)
        questions.append(question[counts_B].cpu())
        answers.append(answer[counts_B].cpu())
        indices += [index for index, counts in zip(chosen, counts_B.tolist()) if counts]
        done += len(chosen)
        go_on(progress, done, trained.splits[split], so_far)
    return so_far()
