"""Two pathways: which frames each sees, how they meet, and what the fast one costs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from core.blocks.encoders.slow_fast import Across, SlowFast
from core.blocks.encoders.video_cnn import VideoCNN
from core.blocks.values import Frames, Tokens


def film(x_BTCHW: Tensor) -> Frames:
    starts_BT = (torch.arange(x_BTCHW.shape[1], dtype=torch.float64) / 10).expand(len(x_BTCHW), -1)
    return Frames(x_BTCHW=x_BTCHW, starts_BT=starts_BT, durations_BT=torch.full_like(starts_BT, 0.1))


def tower(x_BTCHW: Tensor, **knobs: int) -> SlowFast:
    """As after training: no unit is its shortcut any more."""
    torch.manual_seed(0)
    config = SlowFast.Config(**{"every": 4, "share": 4, "width": 16, "stages": 2, **knobs})
    block = SlowFast(config, {"video": film(x_BTCHW)}).eval()
    for module in block.modules():
        if isinstance(module, nn.GroupNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return block


@pytest.mark.parametrize("every", [1, 2, 4, 8])
def test_what_is_taken_in_lies_around_the_slow_frame(every: int) -> None:
    """A convolution that only looks at its middle gives the very frames that the slow pathway sees."""
    across = Across(3, every)
    nn.init.zeros_(across.weight)
    with torch.no_grad():
        across.weight[range(3), range(3), 2] = 1
    x = torch.rand(2, 3, 16, 4, 4)
    assert torch.equal(across(x)[:, :3], x[:, :, every // 2 :: every])


def test_tokens_are_those_of_slow_frames_with_the_time_of_all() -> None:
    x = torch.rand(2, 8, 3, 16, 16)
    made: Tokens = tower(x)(film(x))["tokens"]
    assert made.grid is not None
    assert made.grid.sizes == (2, 4, 4)
    assert made.x_BND.shape == (2, 32, 32 + 8)
    assert made.spans_BT2 is not None
    torch.testing.assert_close(made.spans_BT2[0], torch.tensor([[0.0, 0.4], [0.4, 0.8]], dtype=torch.float64))


def test_the_fast_pathway_sees_frames_that_the_slow_one_does_not() -> None:
    x = torch.rand(1, 8, 3, 16, 16)
    other = x.clone()
    other[:, 0] = torch.rand(1, 3, 16, 16)  # frames 2 and 6 are the slow ones
    block = tower(x)
    for across in block.across:
        nn.init.zeros_(across.weight)  # type: ignore[arg-type]
    one, two = (block(film(v))["tokens"].x_BND for v in (x, other))
    assert torch.equal(one[..., :32], two[..., :32])
    assert (one[..., 32:] - two[..., 32:]).abs().max() > 1e-3
    block = tower(x)
    one, two = (block(film(v))["tokens"].x_BND for v in (x, other))
    assert (one[..., :32] - two[..., :32]).abs().max() > 1e-4  # which reaches the slow one across


def flops(block: nn.Module, video: Frames) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        block(video)
    return counter.get_total_flops()


def test_all_frames_cost_little_more_than_few() -> None:
    """As in the paper about a fifth of all, where the fast pathway has an eighth of the channels."""
    x = torch.rand(1, 16, 3, 32, 32)
    block = tower(x, every=8, share=8, width=32, stages=3)
    fast = nn.Sequential(block.fast_stem, *block.fast)
    share = flops(fast, x.transpose(1, 2)) / flops(block, film(x))  # type: ignore[arg-type]
    assert share < 0.35
    whole = VideoCNN(VideoCNN.Config(kind="3d", width=32), {"video": film(x)})
    assert flops(block, film(x)) < flops(whole, film(x)) / 3


def test_clips_that_cannot_be_shared_out_are_refused() -> None:
    with pytest.raises(ValueError, match="every 4 does not divide"):
        tower(torch.rand(1, 6, 3, 16, 16))
