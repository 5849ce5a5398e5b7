"""Convolutions over films: shifts against a loop, what each kind sees of time, and what it costs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from core.blocks.encoders.video_cnn import AlongTime, Gate, OverFrames, VideoCNN, shifted
from core.blocks.values import Frames


def film(x_BTCHW: Tensor) -> Frames:
    starts_BT = (torch.arange(x_BTCHW.shape[1], dtype=torch.float64) / 10).expand(len(x_BTCHW), -1)
    return Frames(x_BTCHW=x_BTCHW, starts_BT=starts_BT, durations_BT=torch.full_like(starts_BT, 0.1))


def tower(x_BTCHW: Tensor, kind: str) -> VideoCNN:
    """As after training: no unit is its shortcut any more."""
    torch.manual_seed(0)
    block = VideoCNN(VideoCNN.Config(kind=kind, width=8, stages=2), {"video": film(x_BTCHW)}).eval()
    for module in block.modules():
        if isinstance(module, nn.GroupNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return block


def by_frame(block: VideoCNN, x_BTCHW: Tensor) -> Tensor:
    """What it gives of each frame [B, T, cells, D]."""
    tokens = block(film(x_BTCHW))["tokens"]
    made: Tensor = tokens.x_BND.unflatten(1, (x_BTCHW.shape[1], -1))
    return made


def test_shift_is_what_a_loop_says_and_loses_only_what_leaves() -> None:
    x = torch.rand(2, 16, 5, 3, 3)
    made = shifted(x)
    for t in range(5):
        behind = x[:, :2, t + 1] if t < 4 else torch.zeros(2, 2, 3, 3)
        before = x[:, 2:4, t - 1] if t else torch.zeros(2, 2, 3, 3)
        assert torch.equal(made[:, :, t], torch.cat([behind, before, x[:, 4:, t]], 1))
    left = x[:, :2, 0].sum() + x[:, 2:4, 4].sum()
    torch.testing.assert_close(made.sum(), x.sum() - left)
    assert torch.equal(shifted(x, 0), x)


def test_single_frames_are_seen_alone_and_others_are_not() -> None:
    """Another frame in the middle of seven: 2d changes only there; the others change nearby."""
    x = torch.rand(1, 7, 3, 16, 16)
    other = x.clone()
    other[:, 3] = torch.rand(1, 3, 16, 16)
    for kind, is_alone in (("2d", True), ("(2+1)d", False), ("3d", False), ("shift", False)):
        block = tower(x, kind)
        for norm in [m for m in block.modules() if isinstance(m, nn.GroupNorm)]:
            norm.forward = lambda given, n=norm: given * n.weight[:, None, None, None]  # type: ignore[method-assign]
        changed = (by_frame(block, x) - by_frame(block, other)).abs().amax((0, 2, 3)) > 1e-6
        assert bool(changed[3])
        assert bool(changed[2] or changed[4]) != is_alone, kind


def test_over_frames_and_along_time_are_convolutions_in_three_dimensions() -> None:
    torch.manual_seed(0)
    x = torch.rand(2, 4, 5, 6, 6)
    flat, along = OverFrames(4, 8, 3, 2, 1, bias=False), AlongTime(4, 8)
    whole = nn.Conv3d(4, 8, (1, 3, 3), (1, 2, 2), (0, 1, 1), bias=False)
    whole.load_state_dict({"weight": flat.weight[:, :, None]})
    torch.testing.assert_close(flat(x), whole(x))
    whole = nn.Conv3d(4, 8, (3, 1, 1), 1, (1, 0, 0), bias=False)
    whole.load_state_dict({"weight": along.weight[..., None]})
    torch.testing.assert_close(along(x), whole(x))


def test_shift_costs_nothing_beside_single_frames() -> None:
    x = torch.rand(1, 4, 3, 16, 16)
    counts = {kind: sum(p.numel() for p in tower(x, kind).parameters()) for kind in ("2d", "shift", "(2+1)d", "3d")}
    assert counts["2d"] == counts["shift"] < counts["(2+1)d"] < counts["3d"]


@pytest.mark.parametrize("kind", ["(2+1)d", "3d", "shift", "2d"])
def test_bytes_and_shares_are_one_film(kind: str) -> None:
    x = torch.randint(0, 256, (1, 4, 3, 16, 16), dtype=torch.uint8)
    block = tower(x, kind)
    torch.testing.assert_close(by_frame(block, x), by_frame(block, x.float() / 255))


def test_gates_weigh_channels_by_the_whole_film_and_begin_alike() -> None:
    gate, x = Gate(8), torch.rand(2, 8, 3, 4, 4)
    torch.testing.assert_close(gate(x), x / 2)
    nn.init.normal_(gate.asked.weight)
    wanted = torch.stack([film * torch.sigmoid(gate.asked(film.mean((1, 2, 3))))[:, None, None, None] for film in x])
    torch.testing.assert_close(gate(x), wanted)


@pytest.mark.parametrize("kind", ["(2+1)d", "3d", "shift"])
def test_before_any_step_a_loud_start_sees_motion_and_a_quiet_one_sees_every_frame_alone(kind: str) -> None:
    """The mean of all tokens of a video and of its frames in another order, which is all that a linear score reads at first."""
    torch.manual_seed(0)
    x_BTCHW, order_T = torch.rand(1, 7, 3, 16, 16), torch.tensor([4, 0, 6, 2, 5, 1, 3])
    for is_quiet in (True, False):
        block = VideoCNN(VideoCNN.Config(kind=kind, width=8, quiet_start=is_quiet), {"video": film(x_BTCHW)}).eval()
        for norm in [m for m in block.modules() if isinstance(m, nn.GroupNorm)]:  # without what a whole video shares
            norm.forward = lambda given, n=norm: given * n.weight[:, None, None, None]  # type: ignore[method-assign]
        shown_BD, changed_BD = (block(film(x))["tokens"].x_BND.mean(1) for x in (x_BTCHW, x_BTCHW[:, order_T]))
        moved = ((shown_BD - changed_BD).abs().max() / shown_BD.abs().max()).item()
        assert moved < 1e-5 if is_quiet else moved > 1e-3
