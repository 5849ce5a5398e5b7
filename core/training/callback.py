"""A callback is an optional part of training in a file of its own: methods named after the moments drawn in trainer.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from core.catalog import Catalog
from core.problems import Problem
from core.training.running import Running


class Callback:
    """Override the moments that matter; all others pass in silence."""

    key: ClassVar[str]
    title: ClassVar[str] = ""
    order: ClassVar[int] = 50  # lower comes first at every moment
    shards: ClassVar[bool] = False  # can be used where each process keeps a part of the weights

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """No knobs."""

    def __init__(self, config: Any) -> None:
        self.config = config

    def problems(self, trainer: Running) -> list[Problem]:
        """Hints about using this callback with this plan."""
        return []

    def began(self, run: Running) -> None:
        """Once, after everything is built or resumed."""

    def resumed(self, run: Running) -> None:
        """Once after ``began``, where the run goes on from a checkpoint: what its last step still owes."""

    def stage_began(self, run: Running) -> None:
        """At the first step of every stage."""

    def step_began(self, run: Running) -> None:
        """``run.batch`` is there."""

    def gradient_ready(self, run: Running) -> None:
        """``run.losses`` and every ``.grad`` are there; the optimiser has not stepped."""

    def updated(self, run: Running) -> None:
        """The optimiser has stepped."""

    def step_ended(self, run: Running) -> None:
        """``run.position`` counts the step."""

    def evaluated(self, run: Running) -> None:
        """``run.held_out`` is fresh."""

    def ended(self, run: Running) -> None:
        """Once, whatever the reason."""

    def state(self) -> dict[str, Any]:
        """Plain JSON data a resumed run needs."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`state`."""

    def tensors(self) -> dict[str, Tensor]:
        """Tensors a resumed run needs."""
        return {}

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """The inverse of :meth:`tensors`."""


callbacks: Catalog[Callback] = Catalog("core.training.callbacks", "training option")
