"""Guidance without a classifier (arXiv:2207.12598), and noise of one stream a sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def guided(weight: float, conditional: Callable[[], Tensor], unconditional: Callable[[], Tensor]) -> Tensor:
    """``u + weight * (c - u)``; at weight 1 the conditional prediction itself, at 0 the other: only what counts is asked."""
    if weight == 1.0:
        return conditional()
    free = unconditional()
    return free if weight == 0.0 else free + weight * (conditional() - free)


def gaussians(streams: Sequence[torch.Generator], shape: Sequence[int], like: Tensor) -> Tensor:
    """[B, *shape]: each row from its own stream, whatever the others; drawn on the processor in float32."""
    rows = [torch.randn(tuple(shape), generator=stream, device="cpu") for stream in streams]
    return torch.stack(rows).to(like)


def between(left: Tensor, right: Tensor, share: float) -> Tensor:
    """Noise a share of the way from one to the other along the great circle, so that it stays as long as Gaussian noise is."""
    angle = torch.acos(torch.clamp(torch.sum(left * right) / (left.norm() * right.norm()), -1, 1))
    if float(angle.sin().abs()) < 1e-6:
        return left + share * (right - left)
    return (torch.sin((1 - share) * angle) * left + torch.sin(share * angle) * right) / angle.sin()
