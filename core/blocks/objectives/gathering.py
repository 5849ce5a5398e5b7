"""One batch over many processes: what every process embedded, gathered with its gradient (arXiv:2103.00020, section 2.5).

Backward sums the gradients that all processes have for this process's part; the usual mean over processes of the parameters'
gradients then gives exactly the gradient of one process with the whole batch. Without a process group nothing happens.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def processes() -> int:
    """How many processes share the batch."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def first_row(rows: int) -> int:
    """Where this process's rows begin in what was gathered."""
    return dist.get_rank() * rows if processes() > 1 else 0


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part_BD: Tensor) -> Tensor:
        parts = [torch.empty_like(part_BD) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, part_BD.contiguous())
        ctx.rows = len(part_BD)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        whole = gradients[0].contiguous()
        dist.all_reduce(whole)
        start = dist.get_rank() * ctx.rows
        return whole[start : start + ctx.rows]


def gathered(part_BD: Tensor) -> Tensor:
    """The rows of every process, in order of their ranks; every process must have as many."""
    if processes() == 1:
        return part_BD
    made: Tensor = _Gather.apply(part_BD)  # type: ignore[no-untyped-call]
    return made
