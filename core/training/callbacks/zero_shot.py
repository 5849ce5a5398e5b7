"""Zero-shot classification of held-out samples: which class's sentence lies nearest (CLIP, arXiv:2103.00020, section 3.1).

The source says which nested classes its samples belong to; each class is the mean of a few sentences about it. The classes are
those of the whole data. Series: ``retrieval/<split>/image_to_class/R@1`` (the accuracy), ``R@5``, ``R@10``, beside chance.
Axes: N samples, K classes, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.blocks.ranking import choice_ranks
from core.compiler.answers.asking import class_of, class_vectors, classes_of, level_knob, prompts_of
from core.graph.selection import SELECTING
from core.knobs import knob
from core.problems import Refused
from core.telemetry.events import Scalars
from core.training.callback import Callback, callbacks
from core.training.callbacks.evaluation import as_evaluated
from core.training.retrieval import choice_scores
from core.training.running import Running


@callbacks.register("zero_shot")
class ZeroShot(Callback):
    """Asks of every held-out sample which class it belongs to, by sentences about the classes."""

    title = "Zero-shot classification"
    order = 75
    shards = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Which classes, and what is said about them."""

        level: int = level_knob(2)
        prompts: str = knob(
            "{}; a picture of {}",
            "Sentences about a class, parted by semicolons; {} becomes its name. Their mean is the class.",
        )

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._prompts = prompts_of(config.prompts)
        self._names: dict[str, list[str]] = {}  # source -> the classes of its data

    def began(self, run: Running) -> None:
        """Find the classes, or say why there is nothing to ask."""
        found = {task.source: classes_of(run.feed.source, self.config.level) for task in run.each_task()}
        self._names = {source: names for source, names in found.items() if len(names) > 1}
        if not self._names:
            run.warn("Zero-shot classification is off: the data does not say which classes its samples belong to.")
        elif run.callback("evaluation") is None:
            run.warn("Zero-shot classification is off: it needs the training option Evaluation.")

    def evaluated(self, run: Running) -> None:
        """Rank the classes for every sample of the split that selects and of the test split, task by task."""
        for _ in run.each_task(tuple(self._names)):
            self._ask(run)

    def _ask(self, run: Running) -> None:
        """The task at work."""
        source = run.task.source
        asked = [
            held
            for held in run.embedded.values()
            if held["source"] == source and held["plain split"] in SELECTING and _is_askable(held)
        ]
        if not asked:
            return
        sides = run.plan.sides(asked[0]["objective"])
        assert sides is not None
        end = next(side for side in sides if run.plan.modality_of(side) == "text")
        try:
            with as_evaluated(run):
                class_KD = class_vectors(
                    run.experiment, run.graph, end, self._names[source], self._prompts, run.device
                ).cpu()
        except Refused as refused:
            run.warn(str(refused))
            del self._names[source]
            return
        for held in asked:
            self._say(run, held, class_KD)

    def _say(self, run: Running, held: Mapping[str, Any], class_KD: Tensor) -> None:
        own = [self._name(run, index) for index in held["indices"]]
        rows = [row for row, name in enumerate(own) if name]
        if not rows:
            return
        found = class_scores(
            held["left"][rows] @ class_KD.T, [self._names[run.task.source].index(own[row]) for row in rows]
        )
        stem = f"retrieval/{held['split']}/{held['names'][0]}_to_class"
        run.say(Scalars(at=run.at(), values={f"{stem}/{name}": value for name, value in found.items()}))

    def _name(self, run: Running, index: int) -> str:
        return class_of(run.feed.source, index, self.config.level)


def _is_askable(held: Mapping[str, Any]) -> bool:
    return held["names"][1] == "text" and isinstance(held["left"], Tensor)


def class_scores(score_NK: Tensor, right: list[int]) -> dict[str, float]:
    """How often the right class is among the first 1, 5 or 10, with chance; ties count against the answer."""
    rank_N = choice_ranks(score_NK, torch.tensor(right))
    return choice_scores(rank_N, torch.full((len(right),), score_NK.shape[1]))
