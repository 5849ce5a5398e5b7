"""Forwards in training mode that leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


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
