"""Keys and values kept while the same context is asked again with the same weights (as transformers' DynamicCache).

One entry, so it cannot grow. It is recognised by the identity of the context as it came (before any norm), and by what
made it: the version counters of context and weights, and a count of optimiser steps. The count is needed because fused
optimisers write weights without raising their version counters. Never used under autograd.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook


class _Updates:
    """How many steps the optimisers of this process have taken."""

    steps = 0

    def count(self, *_: Any) -> None:
        """After every step of any optimiser."""
        self.steps += 1


UPDATES = _Updates()
register_optimizer_step_post_hook(UPDATES.count)  # type: ignore[no-untyped-call]


class KeptKeys:
    """The last keys and values."""

    def __init__(self) -> None:
        self._known: Any = None
        self._context: weakref.ref[Tensor] | None = None
        self._made: tuple[Tensor, Tensor] | None = None
        self.asked = 0
        self.hits = 0

    def find(self, context: Tensor, weights: Iterable[Tensor]) -> tuple[Tensor, Tensor] | None:
        """What was kept for this very context and these weights."""
        if not _usable(context):
            return None
        self.asked += 1
        if self._context is None or self._context() is not context or self._known != _mark(context, weights):
            return None
        self.hits += 1
        return self._made

    def keep(self, context: Tensor, weights: Iterable[Tensor], made: tuple[Tensor, Tensor]) -> None:
        """In place of what was there; let go with the context."""
        if _usable(context):
            self._known, self._made = _mark(context, weights), made
            self._context = weakref.ref(context, self._forget)

    def _forget(self, gone: weakref.ref[Tensor]) -> None:
        if self._context is gone:
            self._context = self._made = self._known = None


def _usable(context: Tensor) -> bool:
    return not torch.is_grad_enabled() and not context.is_inference() and context.device.type != "meta"


def _mark(context: Tensor, weights: Iterable[Tensor]) -> Any:
    return UPDATES.steps, context._version, tuple((weight.data_ptr(), weight._version) for weight in weights)
