"""Batch norm over the batch of all processes (as torch.nn.SyncBatchNorm, which asks for GPUs): arXiv:1502.03167.

Axes: B batch, C channels, and whatever follows.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.objectives.gathering import processes, summed


def has_batch_norm(module: nn.Module) -> bool:
    """Whether anything inside compares samples in that way."""
    return any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in module.modules())


def share_batch_norm(module: nn.Module) -> None:
    """Every batch norm inside normalises by the mean and variance of all processes' samples from now on."""
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.forward = MethodType(_forward, part)  # type: ignore[method-assign]


def _forward(norm: Any, x: Tensor) -> Tensor:
    own: Tensor
    if not norm.training or processes() == 1:
        own = type(norm).forward(norm, x)
        return own
    axes = [axis for axis in range(x.ndim) if axis != 1]
    shape = [1, -1, *[1] * (x.ndim - 2)]
    wide = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
    count = summed(wide.new_tensor(float(x.numel() // x.shape[1])))
    mean_C = summed(wide.sum(axes)) / count
    centred = wide - mean_C.view(shape)
    variance_C = summed(centred.pow(2).sum(axes)) / count
    if norm.track_running_stats:
        _follow(norm, mean_C.detach(), variance_C.detach() * count / (count - 1))
    made = centred * (variance_C + norm.eps).rsqrt().view(shape)
    made = made * norm.weight.view(shape) + norm.bias.view(shape) if norm.affine else made
    return made.to(x.dtype)


def _follow(norm: Any, mean_C: Tensor, variance_C: Tensor) -> None:
    norm.num_batches_tracked += 1
    speed = norm.momentum if norm.momentum is not None else 1.0 / float(norm.num_batches_tracked)
    norm.running_mean.lerp_(mean_C, speed)
    norm.running_var.lerp_(variance_C, speed)
