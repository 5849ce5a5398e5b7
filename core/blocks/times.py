"""Tokens and time: a sound's tokens as a row of frames, spans of classes to frames, and runs of frames back to spans.

A frame stands for the time nearest to its centre: half a step to either side. Spans that begin and end there come back as they were.
Axes: B batch, N tokens or spans, T frames, K classes, D width.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.blocks.values import Grid, Segments, Tokens
from core.telemetry.spans import Span


@dataclass(frozen=True, kw_only=True)
class Marked:
    """A span of a sample's time, with what it is of and how sure that is."""

    span: Span
    code: int  # a class, or which piece of its sentence
    score: float = 1.0


def in_time(tokens: Tokens) -> Tokens:
    """One token a frame of time: of cells of frequency and time the mean over frequency. Raises ValueError for tokens without seconds."""
    grid = tokens.grid
    if grid is None or grid.kind not in ("times", "bins") or not grid.step:
        raise ValueError("These tokens have no times; wire the tokens of an audio encoder.")
    if grid.kind == "times" and not grid.extra:
        return tokens
    mask_BN = tokens.mask_BN
    bands = grid.sizes[0] if grid.kind == "bins" else 1
    cells_BFTD = tokens.zeroed().x_BND[:, grid.extra :].unflatten(1, (bands, -1))
    mask_BT = None if mask_BN is None else mask_BN[:, grid.extra :].unflatten(1, (bands, -1))[:, 0]
    row = replace(grid, kind="times", sizes=(cells_BFTD.shape[2],), extra=0)
    return tokens.with_x(cells_BFTD.mean(1), mask_BN=mask_BT, grid=row, cells_BN=None)


def real_frames(frames: Tokens) -> Tensor:
    """True where a frame is within its clip, [B, T]."""
    if frames.mask_BN is not None:
        return frames.mask_BN
    return torch.ones(frames.x_BND.shape[:2], dtype=torch.bool, device=frames.x_BND.device)


def centres(grid: Grid, device: torch.device) -> Tensor:
    """Seconds of each frame's centre, float64 [T]."""
    return grid.first + grid.step * torch.arange(grid.sizes[-1], dtype=torch.float64, device=device)


def frames_of(segments: Segments, grid: Grid, classes: int) -> Tensor:
    """Which classes' spans hold each frame's centre, [B, T, K]."""
    centre_T = centres(grid, segments.times_BN2.device)
    start_BN1, end_BN1 = segments.times_BN2.unsqueeze(-1).unbind(2)
    holds_BNT = (start_BN1 <= centre_T) & (centre_T < end_BN1) & segments.mask_BN[..., None]
    of_BNK = segments.class_BN[..., None] == torch.arange(classes, device=segments.class_BN.device)
    return torch.einsum("bnt,bnk->btk", holds_BNT.float(), of_BNK.float()) > 0


def clips_of(segments: Segments, classes: int) -> Tensor:
    """Which classes a clip has a span of, [B, K]."""
    return (segments.class_BN[..., None] == torch.arange(classes, device=segments.class_BN.device)).any(1)


def runs_of(active_T: Tensor) -> list[range]:
    """Each stretch of frames that are all true."""
    edge_T = torch.nn.functional.pad(active_T.int(), (1, 1)).diff()
    return [
        range(start, end)
        for start, end in zip(edge_T.eq(1).nonzero()[:, 0].tolist(), edge_T.eq(-1).nonzero()[:, 0].tolist())
    ]


def span_of(frames: range, grid: Grid) -> Span:
    """From half a step before the first centre, not before the clip, to half a step behind the last."""
    start, end = (grid.first + (place - 0.5) * grid.step for place in (frames.start, frames.stop))
    return Span(start=max(0.0, round(start, 9)), end=max(0.0, round(end, 9)))
