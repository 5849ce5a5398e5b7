"""Classify: which of some classes an image or a sound fits best, each class the mean of its prompts' vectors (CLIP, arXiv:2103.00020).

Axes: K classes, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from core.compiler.answers.answerable import NO_CLASS_OF_FILM, NO_CLASS_OF_SOUND, NO_CLASSES
from core.compiler.answers.asking import HERE, class_vectors, classes_of
from core.compiler.randomness import apart
from core.inference.answering import Progress, go_on
from core.inference.trained import Trained, ranked
from core.problems import Refused, refuse

AT_ONCE = 64  # classes between two looks at whether to go on


def own_classes(trained: Trained, level: int) -> list[str]:
    """The data's own classes at a level, 1 the coarsest, of every task. Raises Refused where no data names any."""
    names = sorted({name for graph in trained.graphs.values() for name in classes_of(graph.source, level)})
    if not names:
        raise refuse("The data does not say which classes its samples belong to.", hint="Type the names of some.")
    return names


@torch.no_grad()
def classify(
    trained: Trained, path: Path, names: Sequence[str], prompts: Sequence[str] = (HERE,), *, given: str = "picture",
    seed: int = 0, progress: Progress | None = None,
) -> list[tuple[str, float]]:  # fmt: skip
    """Classes a file fits (``given``: picture, sound or film), best first, with their cosines. Raises Refused; Cancelled with the ranking of the classes so far."""
    if not names:
        raise refuse("There is no class to choose from.", hint="Name some.")
    question = trained.questions.get(frozenset({given}))
    if question is None or question.finds != "sentences":
        raise Refused({"sound": NO_CLASS_OF_SOUND, "film": NO_CLASS_OF_FILM}.get(given, NO_CLASSES))
    task = trained.plan.tasks_with(question.objective)[0]
    scores: list[torch.Tensor] = []

    def so_far() -> list[tuple[str, float]]:
        scores_K = torch.cat(scores)
        return [(names[place], score) for score, place in ranked(scores_K, len(scores_K))]

    with apart(seed):
        read = {"sound": trained.sound, "film": trained.film}.get(given, trained.picture)
        brought = read(path, task)
        made = trained.asked(question, {given: brought}, task)
        for start in range(0, len(names), AT_ONCE):
            some = names[start : start + AT_ONCE]
            class_KD = class_vectors(
                trained.experiment, trained.graphs[task.source], question.answers, some, prompts, trained.device
            )
            scores.append((made.float() @ class_KD.T)[0].cpu())
            go_on(progress, start + len(some), len(names), so_far)
    return so_far()
