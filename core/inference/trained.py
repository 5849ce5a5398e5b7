"""A trained plan, open to be asked: a document with a checkpoint's weights, and what a person brings put on its ports.

Each kind of answer is a file beside this one; which of them a plan can give, and why not the others, is
:mod:`core.compiler.answers.answerable`'s. Axes: N samples in the pool, D width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from core.blocks.ranking import best_first
from core.blocks.values import AnySize, Waveform
from core.compiler.answers.asking import asked, through
from core.compiler.answers.making import makings
from core.compiler.answers.questions import GIVEN, Question, questions_of, why_not
from core.compiler.answers.subsets import absent, droppers, subsets_of
from core.compiler.answers.tellers import Teller, synchronisers, tellers
from core.compiler.answers.writing import writers
from core.compiler.compile import compile
from core.compiler.feed import Feed, feeds, sample_graphs
from core.compiler.module import Experiment
from core.compiler.plan import Task
from core.compiler.weights import load_average, load_weights, read_state
from core.data.base import Pieces
from core.data.films.footage import FilmFile, Footage
from core.data.media import Wave, picture_of, pixels_of
from core.data.pipeline import SampleGraph
from core.data.readers.audio import read_sound
from core.data.readers.image import KEEP, fitted, read_image
from core.graph.document import Document, End
from core.graph.selection import task_of, without_task
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
    group: str = ""  # what must not straddle splits
    sound: Wave | None = None
    film: Footage | None = None


class Trained:
    """A document with the weights of a checkpoint."""

    def __init__(self, document: Document, folder: Path, device: torch.device | None = None) -> None:
        """Raises Refused where the checkpoint is not of this document or there is nothing to ask."""
        self.plan = compile(document)
        self.questions = questions_of(self.plan)
        self.tellers = tellers(self.plan)
        self.subsets = {task.source: subsets_of(self.plan, task) for task in self.plan.tasks}
        asks = self.questions or any(self.subsets.values()) or self.tellers or synchronisers(self.plan)
        if not (asks or makings(self.plan) or writers(self.plan)):
            raise Refused(why_not(self.questions, frozenset()))
        self.device = device or torch.device("cpu")
        state = read_state(folder)
        self.step = int(state["position"]["step"])
        self.experiment = Experiment(self.plan, document.recipe.seed).to(self.device).eval()
        load_weights(self.experiment, folder)
        load_average(self.experiment, folder)
        self.graphs = sample_graphs(self.plan)
        self.graphs.prepare(state["transforms"])
        self.feeds = feeds(self.plan, self.graphs, self.device)
        self.pools: dict[tuple[str, str, End], tuple[Any, list[int]]] = {}

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
            for name, indices in self.feeds[task.source].splits.items()
            if len(indices)
        }

    def task(self, split: str = "") -> Task:
        """The task that a split is of; the first where it says none."""
        return next((task for task in self.plan.tasks if task.title == task_of(split)), self.plan.tasks[0])

    def feed(self, task: Task | None = None) -> Feed:
        """The data of a task; of the first where none is named."""
        return self.feeds[(task or self.plan.tasks[0]).source]

    def reading(self, split: str) -> Iterator[tuple[dict[End, Any], list[int]]]:
        """A split's batches, in order."""
        return self.feed(self.task(split)).split(without_task(split), BATCH)

    def ports(self, task: Task) -> dict[str, str]:
        """What a person brings -> the port of the task's source that gives it."""
        ports = self.plan.specs[task.source].gives
        return {brought: port.name for port in reversed(ports) if (brought := GIVEN.get(port.kind))}

    @property
    def modalities(self) -> tuple[str, ...]:
        """What a question of :meth:`subset_table` can be made of; empty where there is one way only."""
        subsets = self.subsets[self.plan.tasks[0].source]
        return subsets.modalities if subsets is not None else ()

    @torch.no_grad()
    def asked(self, question: Question, brought: Mapping[str, Any], task: Task) -> Any:
        """The question's side for one sample of what a person brings; where something was not given a sample of the set flows beside it, unseen."""
        ports = self.ports(task)
        given = self.batch({ports[name]: value for name, value in brought.items()}, task)
        batch = {**self.feed(task).fixed_examples(1), **given}
        for node in droppers(self.plan, question.asked.node):
            if node not in question.hidden and (told := self.plan.inputs[node].get("present")) is not None:
                batch[told] = torch.ones(1, device=self.device)
        with absent(self.experiment, question.hidden):
            return unit(self.experiment.run(batch, [question.asked.node])[question.asked])

    def answer(self, index: int, score: float = 1.0, split: str = "") -> Answer:
        """A sample as an answer."""
        source = self.graphs[self.task(split).source].source
        clip = next((name for name, port in source.gives.items() if port.kind == "clip"), "")
        values = source.part(index, (clip,)) if clip else source.sample(index)  # a film is not decoded for its sound
        picture = picture_of(values.values())
        shown = None if picture is None else pixels_of(picture)
        sound = next((value for value in values.values() if isinstance(value, Wave) and value.real), None)
        return Answer(
            index=index, score=score, sentence=source.label(index), picture=shown, split=split, group=source.group(index),
            sound=sound, film=values.get(clip),
        )  # fmt: skip

    def given(
        self, *, sentence: str | None = None, picture: Path | None = None, sound: Path | None = None,
        film: Path | None = None, index: int | None = None, task: Task | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Values on a task's source's ports of what a person brings, or of a sample of the set."""
        task = task or self.plan.tasks[0]
        ports = self.ports(task)
        if index is not None:
            used = {wire.source.port for wire in self.plan.document.wires if wire.source.node == task.source}
            wanted = [name for name in ports.values() if name in used]  # what nobody looks at need not be decoded
            return self.graphs[task.source].source.part(index, wanted)
        if sentence is not None and "sentence" not in ports:
            raise refuse("This experiment takes no text.", hint="Ask it without a sentence.")
        given: dict[str, Any] = {ports["picture"]: self.picture(picture, task)} if picture is not None else {}
        given |= {ports.get("sound", ""): self.sound(sound, task)} if sound is not None else {}
        given |= {ports.get("film", ""): self.film(film, task)} if film is not None else {}
        return given | ({ports["sentence"]: sentence} if sentence is not None else {})

    def picture(self, path: Path, task: Task) -> Tensor:
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

    def sound(self, path: Path, task: Task) -> Wave:
        """A file as the source would give it: one channel at its rate, as long as it reads. Raises Refused."""
        port = self.ports(task).get("sound", "")
        meta = self.graphs[task.source].source.meta(1).get(port)
        if not isinstance(meta, Waveform):
            raise refuse("This experiment takes no audio.", hint="Ask it with a sentence or an image.")
        seconds = meta.samples_BS.shape[1] / meta.hertz
        return Wave.of(read_sound(path, hertz=meta.hertz, seconds=seconds).samples_S, meta.hertz)

    def film(self, path: Path, task: Task) -> Footage:
        """A file as the source would give it: still undecoded, all of it. Raises Refused."""
        if "film" not in self.ports(task):
            raise refuse("This experiment takes no videos.", hint="Ask it with a sentence or an image.")
        return FilmFile(file=path, name=path.name)

    @torch.no_grad()
    def told(self, teller: Teller, given: Mapping[str, Any]) -> tuple[Any, Task]:
        """What an objective is told of one sample of what a person brings, files by kind; and the task it was trained in."""
        task = self.plan.tasks_with(teller.node)[0]
        batch = self.batch(self.given(task=task, **given), task)
        return self.experiment.run(batch, [teller.told.node])[teller.told], task

    def names(self, teller: Teller) -> Sequence[str]:
        """What the classes are called that an objective learned, in order; empty where its data does not say."""
        source = self.graphs[self.plan.tasks_with(teller.node)[0].source].source
        end = teller.learned
        while end.node not in self.plan.sources and len(behind := self.plan.behind(end)) == 1:
            end = behind[0]  # a step that changes codes keeps what they are called
        return source.code_names(end.port) if end.node in self.plan.sources else ()

    def batch(self, given: Mapping[str, Any], task: Task) -> dict[End, Any]:
        """One sample's batch from values on the source's ports, through the transforms as in evaluation."""
        return asked(self.graphs[task.source], [given], self.device)

    def words(self, given: Mapping[str, Any], task: Task) -> tuple[str, ...]:
        """What the text tokens of these values stand for."""
        made = through(self.graphs[task.source], given)
        return next((v.words for v in made.values() if isinstance(v, Pieces)), ())

    def close(self) -> None:
        """Let loader workers go."""
        for feed in self.feeds.values():
            feed.close()
        self.graphs.close()


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
