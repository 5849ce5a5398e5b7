"""Opens a trained run for :class:`core.blocks.encoders.teacher.Teacher`: its document, its weights, its vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.encoders.teacher import Teacher
from core.compiler.answers.asking import asked
from core.compiler.compile import compile, meta_values
from core.compiler.feed import sample_graphs
from core.compiler.module import Experiment
from core.compiler.plan import Plan, Task
from core.compiler.weights import load_average, load_weights, read_state
from core.graph.document import Document, End
from core.graph.file import read
from core.problems import Refused, refuse
from core.store.checkpoints import CheckpointFolder
from core.store.database import homes
from core.store.places import found_elsewhere

DOCUMENT = "document.cms.json"  # beside a run's checkpoints
STATE = "state.json"


def checkpoint_of(place: Path) -> Path:
    """A checkpoint: the folder itself, or the best one in a run's folder. Raises Refused."""
    place = found_elsewhere(place, homes())
    if (place / STATE).is_file():
        return place
    saved = CheckpointFolder(place).best() if place.is_dir() else None
    if saved is None:
        raise refuse(f"There is no trained run in {place}.", hint="Choose another run in Trained run.")
    return saved.path


def document_of(checkpoint: Path) -> Document:
    """What was drawn for the run. Raises Refused."""
    for folder in (checkpoint, checkpoint.parent):
        if (folder / DOCUMENT).is_file():
            return read(folder / DOCUMENT)
    raise refuse(f"Beside {checkpoint} lies no {DOCUMENT}.", hint="Choose the run in Trained run again.")


class OpenTeacher:
    """A run that answers. On meta it has shapes only."""

    def __init__(self, place: Path) -> None:
        self.place = folder = checkpoint_of(place)
        document = document_of(folder)
        self.plan: Plan = compile(document)
        self.title = document.name
        self._task, self._ends = _sides(self.plan)
        self.width = int(meta_values(self.plan)[self._ends[0]].shape[-1])
        self.module: Experiment | None = None
        if torch.empty(0).device.type != "meta":
            self.module = Experiment(self.plan, document.recipe.seed)
            load_weights(self.module, folder)
            load_average(self.module, folder)
            self.module.eval().requires_grad_(False)
            graphs = sample_graphs(self.plan)
            graphs.load_state(read_state(folder)["transforms"])
            self._graph = graphs[self._task.source]

    def embed(self, image: Tensor, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Unit vectors [B, D] each. The same samples give the same bits, whatever the student does."""
        assert self.module is not None
        self.module.eval()
        values = self.module.run(self._batch(image, sentences), [end.node for end in self._ends])
        left, right = (F.normalize(values[end].float(), dim=-1) for end in self._ends)
        return left, right

    def trained_captions(self) -> frozenset[str]:
        """Every caption that it was trained on."""
        gives, source = self.plan.specs[self._task.source].gives, self._graph.source
        ports = tuple(port.name for port in gives if port.kind == "sentence")
        train = source.splits()["train"]
        return frozenset(str(text) for index in train for text in source.part(index, ports).values())

    def _batch(self, image: Tensor, sentences: Sequence[str]) -> dict[End, Any]:
        """What comes in as the teacher's own source would give it, through the teacher's own transforms."""
        pictures = self._fitted(image).cpu()
        batch = asked(
            self._graph,
            [{"image": picture, "sentence": text} for picture, text in zip(pictures, sentences)],
            image.device,
        )
        lacking = [f"{node}.{port}" for node, port in self._graph.wanted if End(node=node, port=port) not in batch]
        if lacking:
            raise refuse(f"The teacher needs {lacking[0]}, which images and sentences alone do not give.")
        return batch

    def _fitted(self, image: Tensor) -> Tensor:
        own = self._graph.source.meta(1).get("image")
        if own is None or own.shape[-2:] == image.shape[-2:]:
            return image
        made: Tensor = F.interpolate(image, own.shape[-2:], mode="bilinear", antialias=True).clamp(0, 1)
        return made


def _sides(plan: Plan) -> tuple[Task, tuple[End, End]]:
    """The first task with a pairwise objective, and that one's ends, sentences second."""
    task, found = next(
        ((task, sides) for task in plan.tasks for key in task.objectives if (sides := plan.sides(key))), (None, None)
    )
    if task is None or found is None:
        raise refuse("The teacher has no pairwise objective, so it has no shared space.", hint="Choose another run.")
    return task, found if plan.modality(found[0].node) != "text" else (found[1], found[0])


def open_teacher(place: Path) -> OpenTeacher:
    """Open it. Raises Refused with what is wrong, as one sentence about the teacher."""
    try:
        return OpenTeacher(place)
    except Refused as refused:
        first = refused.problems[0]
        raise refuse(first.what if "eacher" in first.what else f"Teacher: {first.what}", hint=first.hint) from refused


Teacher.opens = staticmethod(open_teacher)  # type: ignore[assignment]
