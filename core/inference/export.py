"""A trained run as one program that needs nothing of this studio: torch.export's ``.pt2``, or ONNX where it is installed.

``forward(image, ids, mask) -> (left, right)``: the pairwise objective's two sides as unit vectors [B, D]; inputs are what the
batch carries to its towers, in the plan's order: pictures in [0, 1], word pieces [B, L] and where they are real. The first axis
is free. In ONNX inputs are named by their ends (``emoji.image``, ``tokenizer.text.ids``), outputs ``left`` and ``right``.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
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

ONNX_BYTES = 3 << 29  # beyond it weights lie in a file of their own: one ONNX file holds 2 GiB at most


class Program(nn.Module):
    """The towers of a plan with plain tensors in and out; ``names`` are the inputs', in order."""

    def __init__(self, experiment: Experiment, sides: tuple[End, End], carried: tuple[End, ...], example: Any) -> None:
        super().__init__()
        self.experiment = experiment
        self._sides = sides
        self._vocabularies = {end: value.vocabulary for end in carried if isinstance(value := example[end], Text)}
        self._carried = carried
        self.names: list[str] = []
        for end in carried:
            name = f"{end.node}.{end.port}"
            self.names += [f"{name}.ids", f"{name}.mask"] if end in self._vocabularies else [name]

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
    graph.prepare(read_state(checkpoint)["transforms"])
    return experiment, Feed(plan, graph, torch.device("cpu"))


def program(experiment: Experiment, feed: Feed) -> tuple[Program, tuple[Tensor, ...]]:
    """The module to export, and two samples to export it with. Raises Refused where there are no two sides."""
    plan = experiment.plan
    sides = next((found for key in plan.objectives if (found := plan.sides(key))), None)
    if sides is None:
        raise refuse("This run has no pairwise objective, so there are no two towers to export.")
    batch = feed.fixed_examples(2)
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
    """Write ``.pt2`` or ``.onnx``, whole or not at all. Raises Refused."""
    if output.suffix not in (".pt2", ".onnx"):
        raise refuse(f"{output.name} must end in .pt2 or .onnx.")
    if output.suffix == ".onnx" and not all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript")):
        raise refuse("ONNX is not installed.", hint="Run: pip install onnx onnxscript, or export .pt2.")
    experiment, feed = opened(folder, document)
    try:
        module, example = program(experiment, feed)
        with TemporaryDirectory(dir=output.parent, prefix=f".{output.name}-") as made, _quiet():
            _write(module, example, Path(made) / output.name)
            for part in Path(made).iterdir():  # very large weights lie beside their ONNX file
                os.replace(part, output.with_name(part.name))
    except OSError as error:
        raise refuse(f"{output} cannot be written: {error.strerror or error}.") from error
    finally:
        feed.close()
    return output


def _write(module: Program, example: tuple[Tensor, ...], output: Path) -> None:
    batch = torch.export.Dim("batch", min=1, max=65536)
    shapes = ({0: batch},) * len(example)
    try:
        made = torch.export.export(module, example, dynamic_shapes=(shapes,))
        if output.suffix == ".pt2":
            torch.export.save(made, output)
            return
        size = sum(p.numel() * p.element_size() for p in module.parameters())
        torch.onnx.export(
            made, (), str(output), input_names=module.names, output_names=["left", "right"], verbose=False,
            external_data=size > ONNX_BYTES,
        )  # fmt: skip
    except OSError:
        raise
    except Exception as error:  # torch has a class for each of its reasons, and libraries have theirs
        raise refuse(f"These towers cannot be written as a program: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """The first line of what went wrong at the bottom of it; exporters wrap it in pages of advice."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


@contextmanager
def _quiet() -> Iterator[None]:
    """What the exporters say about themselves is no news for a person."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before):
            logger.setLevel(level)


def export_tower(folder: Path, node: str, output: Path, document: Document | None = None) -> str:
    """Write one tower as a transformers folder; gives the class that loads it. Raises Refused."""
    experiment, feed = opened(folder, document)
    feed.close()
    if node not in experiment.towers():
        raise refuse(f"There is no tower called {node!r}.", hint=f"Known: {', '.join(experiment.towers())}.")
    return save_tower(experiment.node(node), output)
