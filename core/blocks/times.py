"""Tokens and time: the tokens of a sound or film as a row of frames, spans of classes to frames, and runs of frames back to spans.

A sound's frame stands for the time nearest to its centre, half a step to either side; a film's for as long as it is shown. Spans that
begin and end there come back as they were.
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


@dataclass(frozen=True, kw_only=True, eq=False)
class When:
    """In which seconds each frame of time lies."""

    spans_BT2: Tensor  # float64; B is 1 where the frames of all samples lie alike

    @classmethod
    def of(cls, tokens: Tokens) -> When:
        """Of a row of frames: as a film's were shown, else half a step to either side of a sound's centres."""
        if tokens.spans_BT2 is not None:
            return cls(spans_BT2=tokens.spans_BT2)
        assert tokens.grid is not None
        return cls.on(tokens.grid, tokens.x_BND.device)

    @classmethod
    def on(cls, grid: Grid, device: torch.device) -> When:
        """Even frames of sounds."""
        place_T = torch.arange(grid.sizes[-1], dtype=torch.float64, device=device)
        centre_T = grid.first + grid.step * place_T
        return cls(spans_BT2=torch.stack([centre_T - grid.step / 2, centre_T + grid.step / 2], -1)[None])

    @property
    def centre_BT(self) -> Tensor:
        """Seconds of each frame's middle."""
        return self.spans_BT2.mean(-1)

    def span(self, frames: range, sample: int = 0) -> Span:
        """From when the first frame is shown, not before the clip, to when the last one ends."""
        row_T2 = self.spans_BT2[sample if len(self.spans_BT2) > 1 else 0]
        start, end = float(row_T2[frames.start, 0]), float(row_T2[frames.stop - 1, 1])
        return Span(start=max(0.0, round(start, 9)), end=max(0.0, round(end, 9)))


def in_time(tokens: Tokens) -> Tokens:
    """One token a frame of time: the mean over a sound's bands, or over a film's rows and columns, each as what it was merged into.

    Raises ValueError for tokens without seconds.
    """
    tokens = tokens.unmerged()
    grid = tokens.grid
    if grid is None or grid.kind not in ("times", "bins", "frames") or not (grid.step or tokens.spans_BT2 is not None):
        raise ValueError("These tokens have no times; wire the tokens of an audio or video encoder.")
    if grid.kind == "times" and not grid.extra:
        return tokens
    x_BND, mask_BN = tokens.zeroed().x_BND[:, grid.extra :], tokens.mask_BN
    mask_BN = None if mask_BN is None else mask_BN[:, grid.extra :]
    if grid.kind == "frames":
        x_BTD, mask_BT = x_BND.unflatten(1, (grid.sizes[0], -1)).mean(2), None
        if mask_BN is not None:
            mask_BT = mask_BN.unflatten(1, (grid.sizes[0], -1)).any(2)
    else:
        bands = grid.sizes[0] if grid.kind == "bins" else 1
        x_BTD = x_BND.unflatten(1, (bands, -1)).mean(1)
        mask_BT = None if mask_BN is None else mask_BN.unflatten(1, (bands, -1))[:, 0]
    row = replace(grid, kind="times", sizes=(x_BTD.shape[1],), extra=0)
    return tokens.with_x(x_BTD, mask_BN=mask_BT, grid=row, cells_BN=None)


def real_frames(frames: Tokens) -> Tensor:
    """True where a frame is within its clip, [B, T]."""
    if frames.mask_BN is not None:
        return frames.mask_BN
    return torch.ones(frames.x_BND.shape[:2], dtype=torch.bool, device=frames.x_BND.device)


def frames_of(segments: Segments, when: When, classes: int) -> Tensor:
    """Which classes' spans hold each frame's centre, [B, T, K]."""
    centre_B1T = when.centre_BT.to(segments.times_BN2.device)[:, None]
    start_BN1, end_BN1 = segments.times_BN2.unsqueeze(-1).unbind(2)
    holds_BNT = (start_BN1 <= centre_B1T) & (centre_B1T < end_BN1) & segments.mask_BN[..., None]
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
