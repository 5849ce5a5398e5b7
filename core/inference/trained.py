"""A trained plan, open to be asked: a document with a checkpoint's weights, and what a person brings put on its ports.

Each kind of answer is a file beside this one; which of them a plan can give, and why not the others, is
:mod:`core.compiler.answerable`'s. Axes: N samples in the pool, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from core.blocks.ranking import best_first
from core.compiler.asking import asked, through
from core.compiler.compile import compile
from core.compiler.feed import Feed, sample_graph
from core.compiler.making import makings
from core.compiler.module import Experiment
from core.compiler.questions import GIVEN, Question, questions_of, why_not
from core.compiler.subsets import absent, droppers, subsets_of
from core.compiler.weights import load_average, load_weights, read_state
from core.data.base import Pieces
from core.data.pipeline import SampleGraph
from core.data.readers.image import fitted, read_image
from core.graph.document import Document, End
from core.problems import Refused, refuse

BATCH = 128


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One ranked answer from the pool."""

    index: int  # sample
    score: float  # cosine
    sentence: str
    picture: NDArray[np.uint8] | None  # [H, W, 3]
    split: str


class Trained:
    """A document with the weights of a checkpoint."""

    def __init__(self, document: Document, folder: Path, device: torch.device | None = None) -> None:
        """Raises Refused where the checkpoint is not of this document or there is nothing to ask."""
        self.plan = compile(document)
        self.questions = questions_of(self.plan)
        self.subsets = subsets_of(self.plan)
        if not self.questions and self.subsets is None and not makings(self.plan):
            raise Refused(why_not(self.questions, frozenset()))
        self.device = device or torch.device("cpu")
        state = read_state(folder)
        self.step = int(state["position"]["step"])
        self.experiment = Experiment(self.plan, document.recipe.seed).to(self.device).eval()
        load_weights(self.experiment, folder)
        load_average(self.experiment, folder)
        self.graph: SampleGraph = sample_graph(self.plan)
        self.graph.prepare(state["transforms"])
        self.feed = Feed(self.plan, self.graph, self.device)
        self.pools: dict[tuple[str, str, End], tuple[Any, list[int]]] = {}
        ports = self.plan.specs[self.plan.source].gives
        self._ports = {brought: port.name for port in reversed(ports) if (brought := GIVEN.get(port.kind))}

    @property
    def splits(self) -> dict[str, int]:
        """Splits that can be searched, with their sizes."""
        return {name: len(indices) for name, indices in self.feed.splits.items() if len(indices)}

    @property
    def modalities(self) -> tuple[str, ...]:
        """What a question of :meth:`subset_table` can be made of; empty where there is one way only."""
        return self.subsets.modalities if self.subsets is not None else ()

    @torch.no_grad()
    def asked(self, question: Question, brought: Mapping[str, Any]) -> Any:
        """The question's side for one sample of what a person brings; where something was not given a sample of the set flows beside it, unseen."""
        given = self.batch({self._ports[name]: value for name, value in brought.items()})
        batch = {**self.feed.fixed_examples(1), **given}
        for node in droppers(self.plan, question.asked.node):
            if node not in question.hidden and (told := self.plan.inputs[node].get("present")) is not None:
                batch[told] = torch.ones(1, device=self.device)
        with absent(self.experiment, question.hidden):
            return unit(self.experiment.run(batch, [question.asked.node])[question.asked])

    def answer(self, index: int, score: float = 1.0, split: str = "") -> Answer:
        """A sample as an answer."""
        values = self.graph.source.sample(index)
        picture = next((v for v in values.values() if isinstance(v, Tensor) and v.ndim == 3), None)
        shown = None if picture is None else (picture.permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()
        return Answer(index=index, score=score, sentence=self.graph.source.label(index), picture=shown, split=split)

    def given(
        self, *, sentence: str | None = None, picture: Path | None = None, index: int | None = None
    ) -> dict[str, Any]:
        """Values on the source's ports of what a person brings, or of a sample of the set."""
        if index is not None:
            values = self.graph.source.sample(index)
            return {name: values[name] for name in self._ports.values() if name in values}
        if sentence is not None and "sentence" not in self._ports:
            raise refuse("This experiment takes no text.", hint="Ask it without a sentence.")
        given = {self._ports["picture"]: self.picture(picture)} if picture is not None else {}
        return given | ({self._ports["sentence"]: sentence} if sentence is not None else {})

    def picture(self, path: Path) -> Tensor:
        """A file as the source would give it: fitted onto white, float32 [3, H, W] in [0, 1]."""
        sides = [v.shape[-1] for v in self.graph.source.meta(1).values() if isinstance(v, Tensor) and v.ndim == 4]
        if not sides:
            raise refuse("This experiment takes no images.", hint="Ask it with a sentence.")
        pixels = fitted(read_image(path), int(sides[0]))
        return torch.from_numpy(pixels.astype(np.float32) / np.float32(255))

    def batch(self, given: Mapping[str, Any]) -> dict[End, Any]:
        """One sample's batch from values on the source's ports, through the transforms as in evaluation."""
        return asked(self.plan, self.graph, [given], self.device)

    def words(self, given: Mapping[str, Any]) -> tuple[str, ...]:
        """What the text tokens of these values stand for."""
        return next((v.words for v in through(self.plan, self.graph, given).values() if isinstance(v, Pieces)), ())

    def close(self) -> None:
        """Let loader workers go."""
        self.feed.close()
        self.graph.close()


def ranked(scores_K: Tensor, count: int) -> list[tuple[float, int]]:
    """Scores with their places, best first; those that are not finite are left out. Raises Refused where none is left."""
    values, places = best_first(scores_K, count)
    if not len(values):
        raise refuse(
            "The model gives no finite score, so nothing can be ranked.", hint="Ask an earlier checkpoint of this run."
        )
    return list(zip(values.tolist(), places.tolist()))


def unit(value: Any) -> Any:
    """An embedding as unit vectors; tokens as they are."""
    return F.normalize(value.float(), dim=-1) if isinstance(value, Tensor) else value
