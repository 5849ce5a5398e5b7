"""One batch over many processes: what every process embedded, gathered with its gradient (arXiv:2103.00020, section 2.5).

Backward sums the gradients that all processes have for this process's part; the usual mean over processes of the parameters'
gradients then gives exactly the gradient of one process with the whole batch. Without a process group nothing happens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.utils import _pytree as pytree

from core.blocks.values import Tokens, joined

Key = TypeVar("Key")
_apart: list[bool] = []  # one entry for every ``alone`` that is open


def processes() -> int:
    """How many processes share the batch."""
    return 1 if _apart else joined_processes()


def joined_processes() -> int:
    """How many processes train this run, whatever this one is about."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Which of them this one is."""
    return dist.get_rank() if joined_processes() > 1 else 0


@contextmanager
def alone() -> Iterator[None]:
    """Inside, this process has a whole batch of its own: nothing is gathered, nobody is waited for."""
    _apart.append(True)
    try:
        yield
    finally:
        _apart.pop()


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


class _GatherParts(torch.autograd.Function):
    """As :class:`_Gather`, for parts of different shapes, each for itself."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, shapes: list[tuple[int, ...]]) -> tuple[Tensor, ...]:
        sizes = [torch.Size(shape).numel() for shape in shapes]
        sent = part.new_zeros(max(sizes), dtype=torch.uint8 if part.dtype == torch.bool else part.dtype)
        sent[: part.numel()] = part.reshape(-1).to(sent.dtype)
        parts = [torch.empty_like(sent) for _ in shapes]
        dist.all_gather(parts, sent)
        ctx.shapes, ctx.sizes = shapes, sizes
        return tuple(one[:size].reshape(shape).to(part.dtype) for one, size, shape in zip(parts, sizes, shapes))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        whole = gradients[0].new_zeros(len(ctx.sizes), max(ctx.sizes))
        for row, gradient, size in zip(whole, gradients, ctx.sizes):
            row[:size] = gradient.reshape(-1)
        dist.all_reduce(whole)
        own = dist.get_rank()
        return whole[own, : ctx.sizes[own]].reshape(ctx.shapes[own]), None


def gathered_values(values: Mapping[Key, Any]) -> dict[Key, Any]:
    """What flows on wires in every process, put together in order of ranks, with its gradient; a single number is averaged.

    Sentences and tokens are padded to the widest anywhere, and masked there. Processes may have different numbers of rows.
    """
    if processes() == 1:
        return dict(values)
    flat = {key: pytree.tree_flatten(value) for key, value in values.items()}
    told: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(told, [[_described(leaf) for leaf in leaves] for leaves, _ in flat.values()])
    found = {}
    for number, (key, (leaves, form)) in enumerate(flat.items()):
        columns = [
            _GatherParts.apply(leaf, shapes) if isinstance(leaf, Tensor) else shapes  # type: ignore[no-untyped-call]
            for leaf, shapes in zip(leaves, zip(*(each[number] for each in told)))
        ]
        parts = [pytree.tree_unflatten(list(row), form) for row in zip(*columns)]
        found[key] = _together(parts)
    return found


def _described(leaf: Any) -> Any:
    return tuple(leaf.shape) if isinstance(leaf, Tensor) else leaf


def _together(parts: list[Any]) -> Any:
    if isinstance(parts[0], Tensor) and not parts[0].ndim:
        return torch.stack(parts).mean()
    return [one for part in parts for one in part] if isinstance(parts[0], list) else joined(parts)


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: Tensor) -> Tensor:
        whole = part.clone()
        dist.all_reduce(whole)
        return whole

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        whole = gradients[0].clone()
        dist.all_reduce(whole)
        return whole


def summed(part: Tensor) -> Tensor:
    """The sum over all processes, with its gradient."""
    if processes() == 1:
        return part
    made: Tensor = _Sum.apply(part)  # type: ignore[no-untyped-call]
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
