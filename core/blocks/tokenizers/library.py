"""The one place where vector-quantize-pytorch is imported: only when a quantizer is built, as it costs a second."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.objectives.gathering import processes, summed


def made(name: str, **settings: Any) -> nn.Module:
    """A quantizer of the library, on the current device.

    Built on the processor first: constructors there read values, and meta tensors have none.
    """
    kind = getattr(importlib.import_module("vector_quantize_pytorch"), name)
    _mean_over_processes()
    where = torch.empty(0).device
    with torch.device("cpu"):
        module: nn.Module = kind(**settings)
    return module.to(where)


def rotated(x_MD: Tensor, chosen_MD: Tensor) -> Tensor:
    """The chosen vectors, whose gradient is turned and scaled on its way as each token was (arXiv:2410.06424)."""
    inside = importlib.import_module("vector_quantize_pytorch.vector_quantize_pytorch")
    found: Tensor = inside.rotate_to(x_MD, chosen_MD)
    return found


def _mean_over_processes() -> None:
    """LFQ's mean use of codes over all processes that share the batch.

    The library's own leaves out the sum (findings/lookup_free_processes.sh), and asks every process also where one is about
    something of its own, such as a batch of a held-out split.
    """
    inside: Any = importlib.import_module("vector_quantize_pytorch.lookup_free_quantization")
    inside.maybe_distributed_mean = lambda part: summed(part) / processes()
