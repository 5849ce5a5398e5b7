"""A trained plan answers: sentences find pictures, pictures find sentences, and attention says where it looked.

Works on the plan's pairwise objective: its two sides are embedded for a pool of samples, once, and asked in that space.
Axes: N samples in the pool, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from core.compiler.asking import HERE, asked, class_vectors, through
from core.compiler.compile import compile
from core.compiler.feed import Feed, sample_graph
from core.compiler.module import Experiment
from core.compiler.subsets import embedded, subsets_of
from core.compiler.weights import load_average, load_weights, read_state
from core.data.base import Pieces
from core.data.pipeline import SampleGraph
from core.data.readers.image import fitted, read_image
from core.graph.document import Document, End
from core.problems import refuse

Progress = Callable[[int, int], bool]  # done, of; False cancels
BATCH = 128


class Cancelled(Exception):
    """The person asked to stop."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One ranked answer from the pool."""

    index: int  # sample
    score: float  # cosine
    sentence: str
    picture: NDArray[np.uint8] | None  # [H, W, 3]
    split: str


@dataclass(frozen=True, kw_only=True)
class Look:
    """Where the model looked: one attention map over a picture or a sentence."""

    layer: str
    weights: NDArray[np.float32]  # [heads, queries, keys]
    queries: Mapping[str, Any]
    keys: Mapping[str, Any]
    words: tuple[str, ...] = ()


class Trained:
    """A document with the weights of a checkpoint."""

    def __init__(self, document: Document, folder: Path, device: torch.device | None = None) -> None:
        """Raises Refused where the checkpoint is not of this document or there is nothing to ask."""
        self.plan = compile(document)
        self._objective = next((key for key in self.plan.objectives if self.plan.sides(key)), "")
        if not self._objective:
            raise refuse(
                "This experiment has no pairwise objective, so it cannot rank answers.", hint="Add InfoNCE or SigLIP."
            )
        self._device = device or torch.device("cpu")
        state = read_state(folder)
        self.step = int(state["position"]["step"])
        self.experiment = Experiment(self.plan, document.recipe.seed).to(self._device).eval()
        load_weights(self.experiment, folder)
        load_average(self.experiment, folder)
        self.graph: SampleGraph = sample_graph(self.plan)
        self.graph.open()
        self.graph.load_state(state["transforms"])
        self._feed = Feed(self.plan, self.graph, self._device)
        self._pools: dict[str, tuple[Tensor, Tensor, list[int]]] = {}
        sides = self.plan.sides(self._objective)
        assert sides is not None
        self._subsets = subsets_of(self.plan)
        self._ends = sides if self.plan.modality(sides[0].node) != "text" else (sides[1], sides[0])

    @property
    def splits(self) -> dict[str, int]:
        """Splits that can be searched, with their sizes."""
        return {name: len(indices) for name, indices in self._feed.splits.items() if len(indices)}

    @torch.no_grad()
    def pool(self, split: str, progress: Progress | None = None) -> tuple[Tensor, Tensor, list[int]]:
        """Pictures [N, D], sentences [N, D] and their sample indices. Raises Cancelled."""
        if split not in self.splits:
            raise refuse(f"The data has no split {split!r}.", hint=f"It has: {', '.join(self.splits)}.")
        if split not in self._pools:
            pictures, sentences, indices = [], [], []
            total = self.splits[split]
            for batch, chosen in self._feed.split(split, BATCH):
                values = self.experiment.run(batch, [end.node for end in self._ends])
                pictures.append(F.normalize(values[self._ends[0]].float(), dim=-1).cpu())
                sentences.append(F.normalize(values[self._ends[1]].float(), dim=-1).cpu())
                indices += chosen
                if progress is not None and not progress(len(indices), total):
                    raise Cancelled
            self._pools[split] = (torch.cat(pictures), torch.cat(sentences), indices)
        return self._pools[split]

    @property
    def modalities(self) -> tuple[str, ...]:
        """What a question of :meth:`subset_table` can be made of; empty where there is one way only."""
        return self._subsets.modalities if self._subsets is not None else ()

    @torch.no_grad()
    def subset_table(
        self, split: str, given: Collection[str], progress: Progress | None = None
    ) -> tuple[Tensor, list[int]]:
        """Cosines [N, N] of questions made of ``given`` modalities alone with every answer, and the samples' indices.

        Samples that lack a modality are left out. Raises Refused where the plan has no such question, Cancelled.
        """
        if self._subsets is None:
            raise refuse(
                "This experiment is asked in one way only.",
                hint="Join three modalities in one space, or fuse some behind modality dropout.",
            )
        questions, answers, indices = [], [], []
        done = 0
        for batch, chosen in self._feed.split(split, BATCH):
            question, answer, counts_B = embedded(self.experiment, self._subsets, batch, given)
            questions.append(question[counts_B].cpu())
            answers.append(answer[counts_B].cpu())
            indices += [index for index, counts in zip(chosen, counts_B.tolist()) if counts]
            done += len(chosen)
            if progress is not None and not progress(done, self.splits[split]):
                raise Cancelled
        return torch.cat(questions) @ torch.cat(answers).T, indices

    @torch.no_grad()
    def pictures_for(
        self, sentence: str, split: str, count: int = 12, progress: Progress | None = None
    ) -> list[Answer]:
        """The pictures of a split that fit a sentence best."""
        if not sentence.strip():
            raise refuse("The sentence is empty.", hint="Type a few words, such as: red heart.")
        pictures, _, indices = self.pool(split, progress)
        batch = self._batch({"sentence": sentence})
        question = F.normalize(self.experiment.run(batch, [self._ends[1].node])[self._ends[1]].float(), dim=-1).cpu()
        return self._ranked(question @ pictures.T, indices, split, count)

    @torch.no_grad()
    def sentences_for(
        self, picture: Path, split: str, count: int = 12, progress: Progress | None = None
    ) -> list[Answer]:
        """The sentences of a split that fit a picture file best. Raises Refused where it cannot be read."""
        _, sentences, indices = self.pool(split, progress)
        batch = self._batch({"image": self._picture(picture)})
        question = F.normalize(self.experiment.run(batch, [self._ends[0].node])[self._ends[0]].float(), dim=-1).cpu()
        return self._ranked(question @ sentences.T, indices, split, count)

    @torch.no_grad()
    def classes_for(
        self, picture: Path, names: Sequence[str], prompts: Sequence[str] = (HERE,)
    ) -> list[tuple[str, float]]:
        """Classes a picture file fits, best first, with their cosines: each class is the mean of its prompts' vectors."""
        if not names:
            raise refuse("There is no class to choose from.", hint="Name some.")
        ends = self._ends
        class_KD = class_vectors(self.experiment, self.graph, ends[1], names, prompts, self._device)
        made = self.experiment.run(self._batch({"image": self._picture(picture)}), [ends[0].node])[ends[0]]
        scores_K = (F.normalize(made.float(), dim=-1) @ class_KD.T)[0].cpu()
        return [(names[place], float(scores_K[place])) for place in scores_K.argsort(descending=True).tolist()]

    def _ranked(self, scores_1N: Tensor, indices: list[int], split: str, count: int) -> list[Answer]:
        best = scores_1N[0].topk(min(count, len(indices)))
        return [
            self.answer(indices[int(place)], float(score), split) for score, place in zip(best.values, best.indices)
        ]

    def answer(self, index: int, score: float = 1.0, split: str = "") -> Answer:
        """A sample as an answer."""
        values = self.graph.source.sample(index)
        picture = next((v for v in values.values() if isinstance(v, Tensor) and v.ndim == 3), None)
        shown = None if picture is None else (picture.permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()
        return Answer(index=index, score=score, sentence=self.graph.source.label(index), picture=shown, split=split)

    def looks(
        self, *, sentence: str | None = None, picture: Path | None = None, index: int | None = None
    ) -> list[Look]:
        """Attention of every layer over a picture (a file or a sample of the set) or a sentence."""
        if index is not None:
            values = self.graph.source.sample(index)
            given = {name: value for name, value in values.items() if name in ("image", "sentence")}
        else:
            given = {"image": self._picture(picture)} if picture is not None else {"sentence": sentence or ""}
        words = self._words(given)
        maps = self.experiment.attention_maps(self._batch(given))
        return [
            Look(layer=name, weights=rows[0].float().cpu().numpy(), queries=queries, keys=keys,
                 words=words if "words" in (queries["kind"], keys["kind"]) else ())
            for name, (rows, queries, keys) in maps.items()
        ]  # fmt: skip

    def _picture(self, path: Path) -> Tensor:
        """A file as the source would give it: fitted onto white, float32 [3, H, W] in [0, 1]."""
        sides = [v.shape[-1] for v in self.graph.source.meta(1).values() if isinstance(v, Tensor) and v.ndim == 4]
        if not sides:
            raise refuse("This experiment takes no pictures.", hint="Ask it with a sentence.")
        pixels = fitted(read_image(path), int(sides[0]))
        return torch.from_numpy(pixels.astype(np.float32) / np.float32(255))

    def _batch(self, given: Mapping[str, Any]) -> dict[End, Any]:
        """One sample's batch from values on the source's ports, through the transforms as in evaluation."""
        return asked(self.plan, self.graph, [given], self._device)

    def _words(self, given: Mapping[str, Any]) -> tuple[str, ...]:
        return next((v.words for v in through(self.plan, self.graph, given).values() if isinstance(v, Pieces)), ())

    def close(self) -> None:
        """Let loader workers go."""
        self._feed.close()
        self.graph.close()
