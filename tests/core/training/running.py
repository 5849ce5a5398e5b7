"""Trainers for tests: on the CPU, listening to a list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from core.compiler.compile import compile
from core.compiler.feed import sample_graphs
from core.graph.document import Document
from core.telemetry.events import Event
from core.training.control import Control
from core.training.state import restore, state_of, write_tensors
from core.training.trainer import Trainer


class Said(list[Event]):
    """A listener that keeps everything."""

    def say(self, event: Event) -> None:
        self.append(event)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self if isinstance(event, kind)]

    def scalars(self, name: str) -> list[tuple[int, float]]:
        from core.telemetry.events import Scalars

        return [(e.at.step, e.values[name]) for e in self.of(Scalars) if name in e.values]


def trainer(document: Document, *, control: Control | None = None, transforms: dict[str, Any] | None = None) -> Trainer:
    torch.set_num_threads(1)
    plan = compile(document)
    graph = sample_graphs(plan)
    if transforms is not None:
        graph.open()
        graph.load_state(transforms)
    else:
        graph.prepare()
    return Trainer(plan, graph, device=torch.device("cpu"), listener=Said(), control=control)


def checkpoint(run: Trainer, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(run, folder)
    return state_of(run)


def resumed(document: Document, folder: Path, state: dict[str, Any]) -> Trainer:
    run = trainer(document, transforms=state["transforms"])
    restore(run, folder, state)
    return run


def weights(run: Trainer) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in run.experiment.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
