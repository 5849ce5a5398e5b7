"""Opens a trained run for :class:`core.blocks.encoders.teacher.Teacher`: its document, its weights, its vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.encoders.teacher import Teacher
from core.blocks.values import map_tensors
from core.compiler.compile import compile, meta_values
from core.compiler.feed import sample_graph
from core.compiler.module import Experiment
from core.compiler.plan import Plan
from core.compiler.weights import load_average, load_weights, read_state
from core.data.base import Transform
from core.data.batch import collate
from core.data.pipeline import generator
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
        folder = checkpoint_of(place)
        document = document_of(folder)
        self.plan: Plan = compile(document)
        self.title = document.name
        self._ends = _sides(self.plan)
        self.width = int(meta_values(self.plan)[self._ends[0]].shape[-1])
        self.module: Experiment | None = None
        if torch.empty(0).device.type != "meta":
            self.module = Experiment(self.plan, document.recipe.seed)
            load_weights(self.module, folder)
            load_average(self.module, folder)
            self.module.eval().requires_grad_(False)
            self._graph = sample_graph(self.plan)
            self._graph.load_state(read_state(folder)["transforms"])

    def embed(self, image: Tensor, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Unit vectors [B, D] each. The same samples give the same bits, whatever the student does."""
        assert self.module is not None
        self.module.eval()
        values = self.module.run(self._batch(image, sentences), [end.node for end in self._ends])
        left, right = (F.normalize(values[end].float(), dim=-1) for end in self._ends)
        return left, right

    def _batch(self, image: Tensor, sentences: Sequence[str]) -> dict[End, Any]:
        """What comes in as the teacher's own source would give it, through the teacher's own transforms."""
        pictures = self._fitted(image).cpu()
        rows = [self._row({"image": picture, "sentence": text}) for picture, text in zip(pictures, sentences)]
        made = collate(rows, range(len(rows)))
        return {
            End(node=key[0], port=key[1]): _placed(value, image.device)
            for key, value in made.items()
            if key != "indices"
        }

    def _fitted(self, image: Tensor) -> Tensor:
        own = self._graph.source.meta(1).get("image")
        if own is None or own.shape[-2:] == image.shape[-2:]:
            return image
        made: Tensor = F.interpolate(image, own.shape[-2:], mode="bilinear", antialias=True).clamp(0, 1)
        return made

    def _row(self, given: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
        values: dict[tuple[str, str], Any] = {(self.plan.source, port): value for port, value in given.items()}
        for node, part, wires in self._graph.parts[1:]:
            assert isinstance(part, Transform)
            if not all(end in values for end in wires.values()):
                continue
            incoming = {name: values[end] for name, end in wires.items()}
            made = incoming if part.only_in_training else part.apply(incoming, generator(0, 0, 0, node))
            values.update({(node, port): made[port] for port in part.gives if port in made})
        lacking = [f"{node}.{port}" for node, port in self._graph.wanted if (node, port) not in values]
        if lacking:
            raise refuse(f"The teacher needs {lacking[0]}, which images and sentences alone do not give.")
        return {key: values[key] for key in self._graph.wanted}


def _placed(value: Any, device: torch.device) -> Any:
    return map_tensors(lambda tensor: tensor.to(device), value)


def _sides(plan: Plan) -> tuple[End, End]:
    """The pairwise objective's ends, sentences second."""
    found = next((sides for key in plan.objectives if (sides := plan.sides(key))), None)
    if found is None:
        raise refuse("The teacher has no pairwise objective, so it has no shared space.", hint="Choose another run.")
    return found if plan.modality(found[0].node) != "text" else (found[1], found[0])


def open_teacher(place: Path) -> OpenTeacher:
    """Open it. Raises Refused with what is wrong, as one sentence about the teacher."""
    try:
        return OpenTeacher(place)
    except Refused as refused:
        first = refused.problems[0]
        raise refuse(first.what if "eacher" in first.what else f"Teacher: {first.what}", hint=first.hint) from refused


Teacher.opens = staticmethod(open_teacher)  # type: ignore[assignment]
