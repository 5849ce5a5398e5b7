"""Recognise: which of the classes that a head learned a sample is of, each with its probability.

Classes named by sentences are :mod:`core.inference.classify`'s. Axes: K classes.
"""

from __future__ import annotations

from pathlib import Path

import torch

from core.blocks.objectives.classification import Classification
from core.compiler.answers.answerable import NO_CLASS_OF_FILM, NO_CLASS_OF_SOUND, NO_CLASSES
from core.compiler.answers.tellers import teller_of
from core.compiler.randomness import apart
from core.inference.trained import Trained, ranked
from core.problems import Refused


@torch.no_grad()
def recognise(trained: Trained, given: str, path: Path, *, seed: int = 0) -> list[tuple[str, float]]:
    """Classes of a file (``given``: picture, sound or film), the likeliest first, with their probabilities. Raises Refused."""
    teller = teller_of(trained.tellers, "classify", given)
    if teller is None:
        raise Refused({"sound": NO_CLASS_OF_SOUND, "film": NO_CLASS_OF_FILM}.get(given, NO_CLASSES))
    with apart(seed):
        embedding, _ = trained.told(teller, {given: path})
    head = trained.experiment.node(teller.node)
    assert isinstance(head, Classification)
    names = trained.names(teller)
    chance_K = head.scores(embedding)[0].float().softmax(-1).cpu()
    return [
        (names[place] if place < len(names) else str(place + 1), score)
        for score, place in ranked(chance_K, len(chance_K))
    ]
