"""A trained run as one program that needs nothing of this studio: torch.export's ``.pt2``, or ONNX where it is installed.

``forward(image, ids, mask) -> (left, right)``: the pairwise objective's two sides as unit vectors [B, D]; inputs are what the
batch carries to its towers, in the plan's order: pictures in [0, 1], word pieces [B, L] and where they are real, pictures of
their own sizes as patches [B, N, C] and rows and columns [B, 2], spectrograms and how many samples of the sound are. The first axis
is free, and so is the length L or N up to the tokenizer's, or to the most patches. In ONNX inputs are named by their ends
(``emoji.image``, ``tokenizer.text.ids``, ``log_mel.spectrogram.lengths``), outputs ``left`` and ``right``.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from core.blocks.values import Frames, Pictures, Spectrogram, Text, Waveform, map_tensors, widest
from core.compiler.compile import compile
from core.compiler.feed import Feed, feeds, sample_graphs
from core.compiler.module import Experiment
from core.compiler.teacher import checkpoint_of, document_of
from core.compiler.weights import load_average, load_weights, read_state
from core.graph.document import Document, End
from core.inference.towers import save_tower
from core.problems import refuse

ONNX_BYTES = 3 << 29  # beyond it weights lie in a file of their own: one ONNX file holds 2 GiB at most


class Program(nn.Module):
    """The towers of a plan with plain tensors in and out; ``names`` are the inputs', ``forms`` those of the carried ends, in order."""

    def __init__(self, experiment: Experiment, sides: tuple[End, End], carried: tuple[End, ...], example: Any) -> None:
        super().__init__()
        self.experiment = experiment
        self._sides = sides
        self.forms = {end: map_tensors(lambda x: x.to("meta"), _by_itself(example[end])) for end in carried}
        self.names = [".".join((end.node, end.port, *part)) for end in carried for part, _ in _parts(example[end])]
        self.lengths = [most for end in carried for _, most in _parts(example[end])]

    def forward(self, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        """Tensors of every carried end in order; a text, pictures of their own sizes or a sound take two."""
        batch: dict[End, Any] = {}
        left = iter(tensors)
        for end, form in self.forms.items():
            batch[end] = map_tensors(lambda _: next(left), form)
        values = self.experiment.run(batch, [end.node for end in self._sides])
        one, other = (F.normalize(values[end].float(), dim=-1) for end in self._sides)
        return one, other


def _parts(value: Any) -> tuple[tuple[tuple[str, ...], int], ...]:
    """What the tensors of a value are called behind its end's name, and the most that the second axis of each may be; 0: it has one size."""
    if isinstance(value, Text):
        return ((("ids",), value.positions), (("mask",), value.positions))
    if isinstance(value, Pictures):
        return ((("patches",), value.most), (("sizes",), 0))
    names: tuple[str, ...] = ()
    if isinstance(value, Waveform | Spectrogram):
        names = ("samples" if isinstance(value, Waveform) else "x", "lengths")
    elif isinstance(value, Frames):
        names = ("x", "starts", "durations")
    return tuple(((name,), 0) for name in names) or (((), 0),)


def _by_itself(value: Any) -> Any:
    """Every sample in a row of its own."""
    return replace(value, pack_B=None) if isinstance(value, Text | Pictures) else value


def opened(folder: Path, document: Document | None = None) -> tuple[Experiment, dict[str, Feed]]:
    """A checkpoint's towers in eval mode, and the data of each task by its source. ``document``: what was drawn, where it is not beside the checkpoint."""
    checkpoint = checkpoint_of(folder)
    plan = compile(document or document_of(checkpoint))
    experiment = Experiment(plan, plan.document.recipe.seed).eval()
    load_weights(experiment, checkpoint)
    load_average(experiment, checkpoint)
    graphs = sample_graphs(plan)
    graphs.prepare(read_state(checkpoint)["transforms"])
    return experiment, feeds(plan, graphs, torch.device("cpu"))


def program(experiment: Experiment, data: Mapping[str, Feed]) -> tuple[Program, tuple[Tensor, ...]]:
    """The module to export, and two samples to export it with: of the first task that has two sides. Raises Refused."""
    plan = experiment.plan
    found = next(((task, sides) for task in plan.tasks for key in task.objectives if (sides := plan.sides(key))), None)
    if found is None:
        raise refuse("This run has no pairwise objective, so there are no two towers to export.")
    task, sides = found
    batch = {end: widest(value) for end, value in data[task.source].fixed_examples(2).items()}
    needed = _needed(experiment, sides)
    carried = tuple(end for end in task.carried if end in needed)
    tensors: list[Tensor] = []
    for end in carried:
        leaves = [leaf for leaf in pytree.tree_leaves(_by_itself(batch[end])) if leaf is not None]
        if not all(isinstance(leaf, Tensor) for leaf in leaves):
            raise refuse("A tower takes raw sentences, which a program of tensors cannot.", node=end.node)
        tensors += leaves
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
    experiment, data = opened(folder, document)
    try:
        module, example = program(experiment, data)
        with TemporaryDirectory(dir=output.parent, prefix=f".{output.name}-") as made, _quiet():
            _write(module, example, Path(made) / output.name)
            for part in Path(made).iterdir():  # very large weights lie beside their ONNX file
                os.replace(part, output.with_name(part.name))
    except OSError as error:
        raise refuse(f"{output} cannot be written: {error.strerror or error}.") from error
    finally:
        for feed in data.values():
            feed.close()
    return output


def _write(module: Program, example: tuple[Tensor, ...], output: Path) -> None:
    batch = torch.export.Dim("batch", min=1, max=65536)
    known = {most: torch.export.Dim(f"length_{most}", min=2, max=most) for most in set(module.lengths) - {0, 1, 2}}
    shapes = tuple({0: batch, 1: known[most]} if most in known else {0: batch} for most in module.lengths)
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
    experiment, data = opened(folder, document)
    for feed in data.values():
        feed.close()
    if node not in experiment.towers():
        raise refuse(f"There is no tower called {node!r}.", hint=f"Known: {', '.join(experiment.towers())}.")
    return save_tower(experiment.node(node), output)
