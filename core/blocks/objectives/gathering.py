"""One batch over many processes: what every process embedded, gathered with its gradient (arXiv:2103.00020, section 2.5).

Backward sums the gradients that all processes have for this process's part; the usual mean over processes of the parameters'
gradients then gives exactly the gradient of one process with the whole batch. Without a process group nothing happens.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from core.blocks.values import Tokens


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


def count_a_process(count: Tensor) -> Tensor:
    """A process's fair share of what all processes counted, at least one.

    A sum over it, averaged over processes, is the mean over everything counted, however unequal the processes' parts are.
    """
    if processes() > 1:
        count = count.clone()
        dist.all_reduce(count)
    return count.clamp_min(1) / processes()


def gathered_tokens(tokens: Tokens) -> Tokens:
    """The tokens [B, N, D] of every process; shorter ones are padded to the longest anywhere, and masked there."""
    if processes() == 1:
        return tokens
    x_BND, mask_BN = tokens.x_BND, tokens.mask_BN
    if mask_BN is None:
        mask_BN = torch.ones(x_BND.shape[:2], dtype=torch.bool, device=x_BND.device)
    longest = torch.tensor(x_BND.shape[1], device=x_BND.device)
    dist.all_reduce(longest, op=dist.ReduceOp.MAX)
    missing = int(longest) - x_BND.shape[1]
    mask_BN = gathered(F.pad(mask_BN, (0, missing)).to(x_BND.dtype)) > 0
    return Tokens(x_BND=gathered(F.pad(x_BND, (0, 0, 0, missing))), mask_BN=mask_BN, modality=tokens.modality)
