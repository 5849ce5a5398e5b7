"""Layers over the cells of a film: which cells look at each other, one step of attention after another.

``divided`` looks along time, then over each frame (TimeSformer, arXiv:2102.05095); ``joint`` over all cells at once (ViViT's first
model, arXiv:2103.15691, and VideoMAE, arXiv:2203.12602); ``axial`` along time, height and width in turn (arXiv:1912.12180);
``space`` over each frame alone. Pairs a layer looks at, for T frames of H x W cells: T H W times (T + H W), T H W, (T + H + W) or
H W. A leading token for the whole film takes part in the last step: there it stands in front of every row, and goes on as the mean
of what the rows made of it.

Axes: B batch, T time, H height, W width, D width of a cell; R rows that attend apart from each other, N cells of a row, A heads,
K all tokens of a film.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from core.blocks.attention.core import Attention
from core.blocks.attention.options import PLAIN, AttentionKnobs

TIME, HEIGHT, WIDTH = 1, 2, 3
Axes = tuple[int, ...]
STEPS: dict[str, tuple[Axes, ...]] = {
    "divided": ((TIME,), (HEIGHT, WIDTH)),
    "joint": ((TIME, HEIGHT, WIDTH),),
    "axial": ((TIME,), (HEIGHT,), (WIDTH,)),
    "space": ((HEIGHT, WIDTH),),
}
_NAMES = {
    (TIME,): "time",
    (HEIGHT,): "height",
    (WIDTH,): "width",
    (HEIGHT, WIDTH): "space",
    (TIME, HEIGHT, WIDTH): "all",
}


def _order(axes: Axes) -> list[int]:
    """The batch and the axes that rows do not run along, then those that they do."""
    return [axis for axis in (0, TIME, HEIGHT, WIDTH) if axis not in axes] + list(axes)


def rows_along(x_BTHW: Tensor, axes: Axes) -> Tensor:
    """Cells in rows along some axes [R, N, ...]; a film's rows lie behind one another."""
    apart = 4 - len(axes)
    turned = x_BTHW.permute(*_order(axes), *range(4, x_BTHW.ndim))
    return turned.flatten(apart, 3).flatten(0, apart - 1)


def back_in_place(rows_RN: Tensor, axes: Axes, sizes: Sequence[int]) -> Tensor:
    """The inverse of :func:`rows_along`; ``sizes`` are B, T, H and W."""
    order = _order(axes)
    apart = rows_RN.reshape(*(sizes[axis] for axis in order), *rows_RN.shape[2:])
    return apart.permute(*(order.index(axis) for axis in range(4)), *range(4, apart.ndim))


def near_in_time(frames: int, cells: int, reach: int, lead: int, device: torch.device) -> Tensor:
    """Pairs of a row that runs along time whose frames are at most ``reach`` apart, [lead + N, lead + N].

    ``cells`` of each frame lie side by side; ``lead`` tokens in front see all and are seen by all.
    """
    frame_N = torch.arange(frames * cells, device=device) // cells
    near_NN = (frame_N[:, None] - frame_N).abs() <= reach
    return nn.functional.pad(near_NN, (lead, 0, lead, 0), value=True)


class Step(nn.Module):
    """Attention along some axes, after a norm. All steps but a layer's last end in a map that starts at zero.

    A layer then starts as its last step alone, as TimeSformer starts as the picture tower it is made from.
    """

    def __init__(self, width: int, heads: int, axes: Axes, *, is_last: bool, options: AttentionKnobs) -> None:
        super().__init__()
        self.axes = axes
        self.norm, self.attention = nn.LayerNorm(width), Attention(width, heads, options=options)
        self.out = None if is_last else nn.Linear(width, width)
        if self.out is not None:
            nn.init.zeros_(self.out.weight)
            nn.init.zeros_(self.out.bias)

    def forward(self, x_BTHWD: Tensor, whole_B1D: Tensor | None, reach: int | None) -> tuple[Tensor, Tensor | None]:
        """What is added to the cells, and to the token for the whole film where it takes part."""
        batch, frames = x_BTHWD.shape[:2]
        rows_RND = rows_along(x_BTHWD, self.axes)
        if whole_B1D is not None:
            each_R1D = whole_B1D.repeat_interleave(len(rows_RND) // batch, 0)
            rows_RND = torch.cat([each_R1D, rows_RND], 1)
        lead = int(whole_B1D is not None)
        mask = None
        if reach is not None and TIME in self.axes:
            cells = (rows_RND.shape[1] - lead) // frames
            mask = near_in_time(frames, cells, reach, lead, x_BTHWD.device).expand(len(rows_RND), -1, -1)
        given_RND = self.attention(self.norm(rows_RND), mask_BM=mask)
        given_BTHWD = back_in_place(given_RND[:, lead:], self.axes, x_BTHWD.shape[:4])
        given_BTHWD = given_BTHWD if self.out is None else self.out(given_BTHWD)
        if whole_B1D is None:
            return given_BTHWD, None
        return given_BTHWD, given_RND[:, :1].unflatten(0, (batch, -1)).mean(1)


class SpaceTimeLayer(nn.Module):
    """Steps of attention and a GELU feed-forward, each after a norm and around a residual."""

    def __init__(
        self, width: int, heads: int, pattern: str, *, ratio: float = 4.0, dropout: float = 0.0, reach: int | None = None,
        options: AttentionKnobs = PLAIN,
    ) -> None:  # fmt: skip
        super().__init__()
        steps = STEPS[pattern]
        self.reach = reach
        self.steps = nn.ModuleList(
            Step(width, heads, axes, is_last=axes is steps[-1], options=options) for axes in steps
        )
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, int(width * ratio)), nn.GELU(), nn.Linear(int(width * ratio), width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BTHWD: Tensor, whole_B1D: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Cells in, cells out; the token for the whole film with them where there is one."""
        for step in self.steps[:-1]:
            x_BTHWD = x_BTHWD + self.dropout(step(x_BTHWD, None, self.reach)[0])
        given, given_whole = self.steps[-1](x_BTHWD, whole_B1D, self.reach)
        x_BTHWD = x_BTHWD + self.dropout(given)
        x_BTHWD = x_BTHWD + self.dropout(self.mlp(self.norm(x_BTHWD)))
        if whole_B1D is None:
            return x_BTHWD, None
        whole_B1D = whole_B1D + self.dropout(given_whole)
        return x_BTHWD, whole_B1D + self.dropout(self.mlp(self.norm(whole_B1D)))


class SpaceTimeStack(nn.Module):
    """Layers in a row and a last norm. ``recompute`` trades time for memory (arXiv:1604.06174)."""

    def __init__(
        self, width: int, depth: int, heads: int, pattern: str, *, ratio: float = 4.0, dropout: float = 0.0,
        reach: int | None = None, options: AttentionKnobs = PLAIN,
    ) -> None:  # fmt: skip
        super().__init__()
        self.layers = nn.ModuleList(
            SpaceTimeLayer(width, heads, pattern, ratio=ratio, dropout=dropout, reach=reach, options=options)
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)
        self.recompute = False

    def forward(self, x_BTHWD: Tensor, whole_B1D: Tensor | None = None) -> Tensor:
        """Cells to tokens [B, K, D]: the one for the whole film first, then frame by frame, row by row."""
        for layer in self.layers:
            if self.recompute and self.training:
                x_BTHWD, whole_B1D = checkpoint(layer, x_BTHWD, whole_B1D, use_reentrant=False)  # type: ignore[misc]
            else:
                x_BTHWD, whole_B1D = layer(x_BTHWD, whole_B1D)
        x_BKD = x_BTHWD.flatten(1, 3)
        made: Tensor = self.norm(x_BKD if whole_B1D is None else torch.cat([whole_B1D, x_BKD], 1))
        return made

    def attentions(self) -> dict[str, nn.Module]:
        """The attention of each step by ``layer step``."""
        return {name: step.attention for name, step in self._named()}  # type: ignore[misc]

    def over_all(self, name: str, rows_RANN: Tensor, sizes: Sequence[int], lead: int) -> Tensor:
        """A step's map as one of all tokens of each film [B, A, K, K], rows summing to one; ``sizes`` are B, T, H and W.

        A token that takes no part looks at itself.
        """
        axes = dict(self._named())[name].axes
        batch, cells = sizes[0], sizes[1] * sizes[2] * sizes[3]
        place = torch.arange(lead, lead + cells, device=rows_RANN.device).view(1, *sizes[1:]).expand(*sizes)
        place_RN = rows_along(place, axes)
        takes_part = rows_RANN.shape[-1] - place_RN.shape[1]
        if takes_part:
            place_RN = nn.functional.pad(place_RN, (takes_part, 0), value=0)
        rows_BRANN, place_BRN = (part.unflatten(0, (batch, -1)) for part in (rows_RANN, place_RN))
        all_BAKK = rows_RANN.new_zeros(batch, rows_RANN.shape[1], lead + cells, lead + cells)
        each = torch.arange(batch, device=rows_RANN.device)[:, None]
        for row_BANN, place_BN in zip(rows_BRANN.unbind(1), place_BRN.unbind(1)):
            all_BAKK[each[..., None], :, place_BN[:, :, None], place_BN[:, None]] += row_BANN.permute(0, 2, 3, 1)
        if takes_part:
            all_BAKK[:, :, 0] /= rows_BRANN.shape[1]
        elif lead:
            all_BAKK[:, :, 0, 0] = 1
        return all_BAKK

    def _named(self) -> list[tuple[str, Step]]:
        return [
            (f"{number} {_NAMES[step.axes]}", step)  # type: ignore[union-attr, index, misc]
            for number, layer in enumerate(self.layers)
            for step in layer.steps  # type: ignore[union-attr]
        ]
