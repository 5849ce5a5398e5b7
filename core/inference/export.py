"""A trained run as one program that needs nothing of this studio: torch.export's ``.pt2``, or ONNX where it is installed.

``forward(image, ids, mask) -> (left, right)``: the pairwise objective's two sides as unit vectors [B, D]; inputs are what the
batch carries to its towers, in the plan's order: pictures in [0, 1], word pieces [B, L] and where they are real. The first axis
is free.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.values import Text
from core.compiler.compile import compile
from core.compiler.feed import Feed, sample_graph
from core.compiler.module import Experiment
from core.compiler.teacher import checkpoint_of, document_of
from core.compiler.weights import load_average, load_weights, read_state
from core.graph.document import Document, End
from core.inference.towers import save_tower
from core.problems import refuse


class Program(nn.Module):
    """The towers of a plan with plain tensors in and out."""

    def __init__(self, experiment: Experiment, sides: tuple[End, End], carried: tuple[End, ...], example: Any) -> None:
        super().__init__()
        self.experiment = experiment
        self._sides = sides
        self._vocabularies = {end: value.vocabulary for end in carried if isinstance(value := example[end], Text)}
        self._carried = carried

    def forward(self, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        """Tensors of every carried end in order; a text takes two."""
        batch: dict[End, Any] = {}
        left = list(tensors)
        for end in self._carried:
            if end in self._vocabularies:
                batch[end] = Text(ids_BL=left.pop(0), mask_BL=left.pop(0), vocabulary=self._vocabularies[end])
            else:
                batch[end] = left.pop(0)
        values = self.experiment.run(batch, [end.node for end in self._sides])
        one, other = (F.normalize(values[end].float(), dim=-1) for end in self._sides)
        return one, other


def opened(folder: Path, document: Document | None = None) -> tuple[Experiment, Feed]:
    """A checkpoint's towers in eval mode, and its data. ``document``: what was drawn, where it is not beside the checkpoint."""
    checkpoint = checkpoint_of(folder)
    plan = compile(document or document_of(checkpoint))
    experiment = Experiment(plan, plan.document.recipe.seed).eval()
    load_weights(experiment, checkpoint)
    load_average(experiment, checkpoint)
    graph = sample_graph(plan)
    graph.open()
    graph.load_state(read_state(checkpoint)["transforms"])
    return experiment, Feed(plan, graph, torch.device("cpu"))


def program(experiment: Experiment, feed: Feed) -> tuple[Program, tuple[Tensor, ...]]:
    """The module to export, and two samples to export it with. Raises Refused where there are no two sides."""
    plan = experiment.plan
    sides = next((found for key in plan.objectives if (found := plan.sides(key))), None)
    if sides is None:
        raise refuse("This run has no pairwise objective, so there are no two towers to export.")
    batch = feed.probe(2)
    needed = _needed(experiment, sides)
    carried = tuple(end for end in plan.carried if end in needed)
    tensors: list[Tensor] = []
    for end in carried:
        value = batch[end]
        if not isinstance(value, Text | Tensor):
            raise refuse("A tower takes raw sentences, which a program of tensors cannot.", node=end.node)
        tensors += [value.ids_BL, value.mask_BL] if isinstance(value, Text) else [value]
    return Program(experiment, sides, carried, batch).eval(), tuple(tensors)


def _needed(experiment: Experiment, sides: tuple[End, End]) -> set[End]:
    plan, found, open_ends = experiment.plan, set(sides), list(sides)
    while open_ends:
        for end in plan.inputs.get(open_ends.pop().node, {}).values():
            if end not in found:
                found.add(end)
                open_ends.append(end)
    return found


def export_model(folder: Path, output: Path, document: Document | None = None) -> Path:
    """Write ``.pt2`` or ``.onnx``. Raises Refused."""
    if output.suffix not in (".pt2", ".onnx"):
        raise refuse(f"{output.name} must end in .pt2 or .onnx.")
    if output.suffix == ".onnx" and not all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript")):
        raise refuse("ONNX is not installed.", hint="Run: pip install onnx onnxscript, or export .pt2.")
    experiment, feed = opened(folder, document)
    try:
        module, example = program(experiment, feed)
        batch = torch.export.Dim("batch", min=1, max=65536)
        shapes = ({0: batch},) * len(example)
        made = torch.export.export(module, example, dynamic_shapes=(shapes,))
        if output.suffix == ".pt2":
            torch.export.save(made, output)
        else:
            torch.onnx.export(made, (), str(output))
    except OSError as error:
        raise refuse(f"{output} cannot be written: {error.strerror or error}.") from error
    finally:
        feed.close()
    return output


def export_tower(folder: Path, node: str, output: Path, document: Document | None = None) -> str:
    """Write one tower as a transformers folder; gives the class that loads it. Raises Refused."""
    experiment, feed = opened(folder, document)
    feed.close()
    if node not in experiment.towers():
        raise refuse(f"There is no tower called {node!r}.", hint=f"Known: {', '.join(experiment.towers())}.")
    return save_tower(experiment.node(node), output)
