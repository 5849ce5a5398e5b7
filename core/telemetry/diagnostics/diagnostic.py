"""A diagnostic looks at a run and says what it saw; it has the same moments as a callback and changes nothing.

Diagnostics see the run only through the few names of :class:`Watched`, so telemetry stays below training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from core.catalog import Catalog
from core.knobs import knob
from core.telemetry.events import At, Event


class Watched(Protocol):
    """What a diagnostic may look at."""

    plan: Any
    experiment: Any
    feed: Any
    groups: Any
    position: Any
    task: Any
    active_nodes: frozenset[str]
    indices: list[int]
    sides: dict[str, tuple[Tensor, Tensor]]
    negatives: dict[str, Any]
    held_out: dict[str, Any]

    def at(self) -> At: ...
    def each_task(self) -> Iterator[Any]: ...
    def named(self, name: str) -> str: ...
    def indices_of(self, objective: str) -> list[int]: ...
    def say(self, event: Event) -> None: ...
    def warn(self, text: str) -> None: ...
    def averaged(self) -> AbstractContextManager[None]: ...


class Diagnostic:
    """Override the moments that matter."""

    key: ClassVar[str]
    title: ClassVar[str] = ""
    at_ends: ClassVar[bool] = True  # one that looks at every n-th step also looks at the first and the last

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """No knobs."""

    def __init__(self, config: Any) -> None:
        self.config = config

    def is_due(self, run: Watched) -> bool:
        """Whether one with a knob ``every`` looks at this step: the n-th, and where it looks ``at_ends`` the first and the last."""
        step = run.position.step
        return step % self.config.every == 0 or (self.at_ends and step in (1, run.plan.document.recipe.steps))

    def began(self, run: Watched) -> None: ...
    def stage_began(self, run: Watched) -> None: ...
    def step_began(self, run: Watched) -> None: ...
    def gradient_ready(self, run: Watched) -> None: ...
    def updated(self, run: Watched) -> None: ...
    def step_ended(self, run: Watched) -> None: ...
    def evaluated(self, run: Watched) -> None: ...
    def ended(self, run: Watched) -> None: ...


def group_norm(parameters: list[nn.Parameter]) -> Tensor:
    """Euclidean norm of the gradients of some parameters."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    return (
        torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g.float()) for g in gradients]))
        if gradients
        else torch.zeros(())
    )


def modality_groups(run: Watched, trained: Mapping[str, list[nn.Parameter]]) -> dict[str, list[nn.Parameter]]:
    """Parameters that learn, by modality."""
    groups: dict[str, list[nn.Parameter]] = {}
    for node, parameters in trained.items():
        groups.setdefault(run.plan.modality_of_weights(node), []).extend(parameters)
    return groups


class ClipsDiagnostic(Diagnostic):
    """What objectives find in the same held-out clips every time."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How often and how many."""

        every: int = knob(
            50, "Look at every n-th step, at the first and at the last.", low=1, high=100_000, unit="steps"
        )
        samples: int = knob(8, "Held-out clips that are looked at.", low=1, high=64, unit="samples")

    def step_ended(self, run: Watched) -> None:
        """Every objective of every task."""
        if self.is_due(run):
            for task in run.each_task():
                for key in task.objectives:
                    self.look(run, key)

    def look(self, run: Watched, objective: str) -> None:
        """Say what one objective finds."""
        raise NotImplementedError


diagnostics: Catalog[Diagnostic] = Catalog("core.telemetry.diagnostics", "diagnostic")
