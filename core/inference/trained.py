"""A trained plan answers: sentences find pictures, pictures find sentences, and attention says where it looked.

What can be asked is :mod:`core.compiler.questions`'; answers are ranked by the objective's own score, against a pool of
samples that is embedded once. Axes: N samples in the pool, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from core.blocks.block import Objective
from core.blocks.ranking import best_first
from core.blocks.values import AnySize, joined, map_tensors
from core.compiler.asking import HERE, asked, class_vectors, classes_of, through
from core.compiler.compile import compile
from core.compiler.feed import feeds, sample_graphs
from core.compiler.module import Experiment
from core.compiler.plan import Task
from core.compiler.questions import GIVEN, Kind, Question, questions_of, why_not
from core.compiler.subsets import absent, droppers, embedded, subsets_of
from core.compiler.weights import load_average, load_weights, read_state
from core.data.base import Pieces
from core.data.pipeline import SampleGraph
from core.data.readers.image import KEEP, fitted, read_image
from core.graph.document import Document, End
from core.graph.selection import task_of, without_task
from core.problems import Refused, refuse

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
    group: str = ""  # what must not straddle splits


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
        self.questions = questions_of(self.plan)
        self._subsets = {task.source: subsets_of(self.plan, task) for task in self.plan.tasks}
        if not self.questions and not any(self._subsets.values()):
            raise Refused(why_not(self.questions, frozenset()))
        self._device = device or torch.device("cpu")
        state = read_state(folder)
        self.step = int(state["position"]["step"])
        self.experiment = Experiment(self.plan, document.recipe.seed).to(self._device).eval()
        load_weights(self.experiment, folder)
        load_average(self.experiment, folder)
        self.graphs = sample_graphs(self.plan)
        self.graphs.prepare(state["transforms"])
        self._feeds = feeds(self.plan, self.graphs, self._device)
        self._pools: dict[tuple[str, str, End], tuple[Any, list[int]]] = {}

    @property
    def graph(self) -> SampleGraph:
        """The first task's data."""
        return self.graphs.first

    @property
    def splits(self) -> dict[str, int]:
        """Splits that can be searched, with their sizes; of several tasks each has its own: ``test · Emoji pairs``."""
        return {
            self.plan.named(name, task): len(indices)
            for task in self.plan.tasks
            for name, indices in self._feeds[task.source].splits.items()
            if len(indices)
        }

    def task(self, split: str) -> Task:
        """The task that a split is of; the first where it says none."""
        return next((task for task in self.plan.tasks if task.title == task_of(split)), self.plan.tasks[0])

    def _ports(self, task: Task) -> dict[str, str]:
        """What a person brings -> the port of the task's source that gives it."""
        ports = self.plan.specs[task.source].gives
        return {brought: port.name for port in reversed(ports) if (brought := GIVEN.get(port.kind))}

    def _reading(self, split: str, progress: Progress | None) -> Iterator[tuple[dict[End, Any], list[int]]]:
        """A split's batches; how far it is, is told after each. Raises Cancelled."""
        done, feed = 0, self._feeds[self.task(split).source]
        for batch, chosen in feed.split(without_task(split), BATCH):
            yield batch, chosen
            done += len(chosen)
            if progress is not None and not progress(done, self.splits[split]):
                raise Cancelled

    @torch.no_grad()
    def pool(self, split: str, question: Question, progress: Progress | None = None) -> tuple[Any, list[int]]:
        """What a question is ranked against: unit vectors [N, D] or tokens, and their sample indices. Raises Cancelled.

        Samples that lack the answer, where the objective is told which do, are left out.
        """
        if split not in self.splits:
            raise refuse(f"The data has no split {split!r}.", hint=f"It has: {', '.join(self.splits)}.")
        key = (split, question.objective, question.answers)
        if key not in self._pools:
            told = self.plan.inputs[question.objective].get("present")
            parts: list[Any] = []
            indices: list[int] = []
            for batch, chosen in self._reading(split, progress):
                values = self.experiment.run(batch, [question.answers.node])
                rows = list(range(len(chosen))) if told is None else (values[told] > 0).nonzero()[:, 0].tolist()
                parts.append(map_tensors(itemgetter(rows), values[question.answers]))
                indices += [chosen[row] for row in rows]
            self._pools[key] = (_unit(joined(parts)), indices)
        return self._pools[key]

    @property
    def modalities(self) -> tuple[str, ...]:
        """What a question of :meth:`subset_table` can be made of; empty where there is one way only."""
        subsets = self._subsets[self.plan.tasks[0].source]
        return subsets.modalities if subsets is not None else ()

    @torch.no_grad()
    def subset_table(
        self, split: str, given: Collection[str], progress: Progress | None = None
    ) -> tuple[Tensor, list[int]]:
        """Cosines [N, N] of questions made of ``given`` modalities alone with every answer, and the samples' indices.

        Samples that lack a modality are left out. Raises Refused where the plan has no such question, Cancelled.
        """
        subsets = self._subsets[self.task(split).source]
        if subsets is None:
            raise refuse(
                "This experiment is asked in one way only.",
                hint="Join three modalities in one space, or fuse some behind modality dropout.",
            )
        questions, answers, indices = [], [], []
        for batch, chosen in self._reading(split, progress):
            question, answer, counts_B = embedded(self.experiment, subsets, batch, given)
            questions.append(question[counts_B].cpu())
            answers.append(answer[counts_B].cpu())
            indices += [index for index, counts in zip(chosen, counts_B.tolist()) if counts]
        return torch.cat(questions) @ torch.cat(answers).T, indices

    def classes(self, level: int) -> list[str]:
        """The data's own classes at a level, 1 the coarsest, of every task. Raises Refused where no data names any."""
        names = sorted({name for graph in self.graphs.values() for name in classes_of(graph.source, level)})
        if not names:
            raise refuse("The data does not say which classes its samples belong to.", hint="Type the names of some.")
        return names

    @torch.no_grad()
    def classes_for(
        self, picture: Path, names: Sequence[str], prompts: Sequence[str] = (HERE,)
    ) -> list[tuple[str, float]]:
        """Classes a picture file fits, best first, with their cosines: each class is the mean of its prompts' vectors."""
        if not names:
            raise refuse("There is no class to choose from.", hint="Name some.")
        question = self.questions.get(frozenset({"picture"}))
        if question is None or question.finds != "sentences":
            raise refuse("This run does not compare images with sentences, so it cannot name a class.")
        task = self.plan.tasks_with(question.objective)[0]
        made = self._asked(task, question, {self._ports(task)["picture"]: self._picture(task, picture)})
        class_KD = class_vectors(
            self.experiment, self.graphs[task.source], question.answers, names, prompts, self._device
        )
        scores_K = (made.float() @ class_KD.T)[0].cpu()
        return [(names[place], score) for score, place in _ranked(scores_K, len(names))]

    @torch.no_grad()
    def ask(
        self, split: str, *, sentence: str | None = None, picture: Path | None = None, count: int = 12,
        progress: Progress | None = None,
    ) -> tuple[Kind, list[Answer]]:  # fmt: skip
        """What a split has that fits a sentence, a picture file, or both best. Raises Refused, Cancelled."""
        task = self.task(split)
        brought: dict[str, Any] = {}
        if sentence is not None:
            if not sentence.strip():
                raise refuse("The sentence is empty.", hint="Type a few words, such as: red heart.")
            brought["sentence"] = sentence
        if picture is not None:
            brought["picture"] = self._picture(task, picture)
        given, questions = frozenset(brought), questions_of(self.plan, task)
        if given not in questions:
            raise Refused(why_not(questions, given))
        question, ports = questions[given], self._ports(task)
        answers, indices = self.pool(split, question, progress)
        embedded_question = self._asked(task, question, {ports[name]: value for name, value in brought.items()})
        module, pair = self.experiment.node(question.objective), self.plan.pair(question.objective)
        assert isinstance(module, Objective)
        assert pair is not None
        is_left = pair[0] == question.asked
        scores_1N = (
            module.score_tables(embedded_question, answers)[0]
            if is_left
            else module.score_tables(answers, embedded_question)[1]
        )
        return question.finds, [
            self.answer(indices[place], score, split)
            for score, place in _ranked(scores_1N[0], min(count, len(indices)))
        ]

    def _asked(self, task: Task, question: Question, brought: Mapping[str, Any]) -> Any:
        """The question's side for one sample; where something was not given a sample of the set flows beside it, unseen."""
        given = self._batch(task, brought)
        batch = {**self._feeds[task.source].fixed_examples(1), **given}
        for node in droppers(self.plan, question.asked.node):
            if node not in question.hidden and (told := self.plan.inputs[node].get("present")) is not None:
                batch[told] = torch.ones(1, device=self._device)
        with absent(self.experiment, question.hidden):
            return _unit(self.experiment.run(batch, [question.asked.node])[question.asked])

    def answer(self, index: int, score: float = 1.0, split: str = "") -> Answer:
        """A sample as an answer."""
        source = self.graphs[self.task(split).source].source
        values = source.sample(index)
        picture = next((v for v in values.values() if isinstance(v, Tensor) and v.ndim == 3), None)
        shown = None if picture is None else (picture.permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()
        return Answer(
            index=index, score=score, sentence=source.label(index), picture=shown, split=split, group=source.group(index)
        )  # fmt: skip

    def looks(
        self, *, sentence: str | None = None, picture: Path | None = None, index: int | None = None, split: str = ""
    ) -> list[Look]:
        """Attention of every layer over a picture (a file or a sample of a split's task), a sentence, or both."""
        task = self.task(split)
        ports = self._ports(task)
        if index is not None:
            values = self.graphs[task.source].source.sample(index)
            given = {name: values[name] for name in ports.values() if name in values}
        else:
            given = {ports["picture"]: self._picture(task, picture)} if picture is not None else {}
            given |= {ports["sentence"]: sentence} if sentence is not None else {}
        words = self._words(task, given)
        maps = self.experiment.attention_maps(self._batch(task, given))
        return [
            Look(layer=name, weights=rows[0].float().cpu().numpy(), queries=queries, keys=keys,
                 words=words if "words" in (queries["kind"], keys["kind"]) else ())
            for name, (rows, queries, keys) in maps.items()
        ]  # fmt: skip

    def _picture(self, task: Task, path: Path) -> Tensor:
        """A file as the source would give it: fitted onto white, float32 [3, H, W] in [0, 1]."""
        source = self.graphs[task.source].source
        given = source.meta(1).values()
        sides = [int(v.shape[-1]) for v in given if isinstance(v, Tensor) and v.ndim == 4]
        if any(isinstance(v, AnySize) for v in given):
            pixels = fitted(read_image(path), int(source.config.image_size), how=KEEP)
        elif sides:
            pixels = fitted(read_image(path), sides[0])
        else:
            raise refuse("This experiment takes no images.", hint="Ask it with a sentence.")
        return torch.from_numpy(pixels.astype(np.float32) / np.float32(255))

    def _batch(self, task: Task, given: Mapping[str, Any]) -> dict[End, Any]:
        """One sample's batch from values on the source's ports, through the transforms as in evaluation."""
        return asked(self.graphs[task.source], [given], self._device)

    def _words(self, task: Task, given: Mapping[str, Any]) -> tuple[str, ...]:
        made = through(self.graphs[task.source], given)
        return next((v.words for v in made.values() if isinstance(v, Pieces)), ())

    def close(self) -> None:
        """Let loader workers go."""
        for feed in self._feeds.values():
            feed.close()
        self.graphs.close()


def _ranked(scores_K: Tensor, count: int) -> list[tuple[float, int]]:
    """Scores with their places, best first; those that are not finite are left out. Raises Refused where none is left."""
    values, places = best_first(scores_K, count)
    if not len(values):
        raise refuse(
            "The model gives no finite score, so nothing can be ranked.", hint="Ask an earlier checkpoint of this run."
        )
    return list(zip(values.tolist(), places.tolist()))


def _unit(value: Any) -> Any:
    """An embedding as unit vectors; tokens as they are."""
    return F.normalize(value.float(), dim=-1) if isinstance(value, Tensor) else value
