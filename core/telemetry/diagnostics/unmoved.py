"""Forwards that leave nothing behind: in training mode, and as evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import nn


class Modal(Protocol):
    """A module, as far as its modes go."""

    def modules(self) -> Iterator[nn.Module]: ...
    def eval(self) -> Any: ...


@contextmanager
def unmoved(*modules: nn.Module) -> Iterator[None]:
    """Inside, buffers may move, such as batch norm's statistics and counts; after it they are what they were."""
    kept = [(buffer, buffer.clone()) for module in modules for buffer in module.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, before in kept:
                buffer.copy_(before)


@contextmanager
def in_eval(module: Modal) -> Iterator[None]:
    """Inside: in eval mode; each part is in its own mode again after it."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode


@contextmanager
def at_rest(module: Modal) -> Iterator[None]:
    """Inside: evaluated, not compiled, without gradients; each part is in its own mode again after it."""
    with in_eval(module), torch.no_grad(), torch.compiler.set_stance("force_eager"):
        yield
