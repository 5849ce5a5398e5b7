"""One token per frame: what it is made of, and that what comes first can be told from what comes last."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from core.blocks.connectors.frame_tokens import FrameTokens
from core.blocks.connectors.pool import example_tokens
from core.blocks.values import Grid, Tokens

TIMES = torch.arange(4, dtype=torch.float64) / 8


def cells(starts: torch.Tensor = TIMES) -> Tokens:
    generator = torch.Generator().manual_seed(0)
    spans = torch.stack([starts, starts + 0.125], -1)[None]
    x_BND = torch.randn(1, 4 * 6, 5, generator=generator)
    return Tokens(x_BND=x_BND, modality="video", grid=Grid(kind="frames", sizes=(4, 2, 3)), spans_BT2=spans)


def made(tokens: Tokens, **knobs: Any) -> tuple[FrameTokens, Tokens]:
    torch.manual_seed(1)
    block = FrameTokens(FrameTokens.Config(width=16, **knobs), {"tokens": tokens})
    return block, block(tokens)["tokens"]


def test_all_cells_of_a_frame_are_in_its_token() -> None:
    tokens = cells()
    block, row = made(tokens, times="none")
    assert row.x_BND.shape == (1, 4, 16)
    frame_F = tokens.x_BND[0].reshape(4, -1)[2]
    torch.testing.assert_close(row.x_BND[0, 2], block.norm(block.linear(frame_F)))


def test_the_mean_of_cells_forgets_where_they_are() -> None:
    tokens = cells()
    moved = replace(tokens, x_BND=tokens.x_BND.unflatten(1, (4, 6)).flip(2).flatten(1, 2))
    block, row = made(tokens, cells="mean")
    torch.testing.assert_close(block(moved)["tokens"].x_BND, row.x_BND)
    block, row = made(tokens, cells="stacked")
    assert (block(moved)["tokens"].x_BND - row.x_BND).abs().max() > 0.1


def test_a_mean_over_frames_knows_their_order_only_by_positions() -> None:
    """The same frames backwards: what a pool makes of them is the same without positions, and another with them."""
    tokens = cells()
    back = replace(tokens, x_BND=tokens.x_BND.unflatten(1, (4, 6)).flip(1).flatten(1, 2))
    for times, differs in (("none", False), ("seconds", True)):
        block, row = made(tokens, times=times)
        ahead, behind = (torch.relu(one.x_BND).mean(1) for one in (row, block(back)["tokens"]))
        assert (not torch.allclose(ahead, behind, atol=1e-5)) == differs, times


def test_positions_are_of_seconds_from_the_first_frame() -> None:
    block, row = made(cells())
    torch.testing.assert_close(block(cells(TIMES + 7))["tokens"].x_BND, row.x_BND, atol=1e-4, rtol=0)
    assert (block(cells(TIMES * 2))["tokens"].x_BND - row.x_BND)[:, 0].abs().max() < 1e-6
    assert (block(cells(TIMES * 2))["tokens"].x_BND - row.x_BND)[:, 3].abs().max() > 0.1


def test_tokens_without_times_are_refused() -> None:
    with pytest.raises(ValueError, match="no times"):
        made(replace(example_tokens(), modality="video"))
