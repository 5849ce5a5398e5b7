"""The transformer over films: equal to TimeSformer on the same weights, who looks at whom, and time in seconds."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from core.blocks.attention.core import Attention
from core.blocks.attention.options import PLAIN
from core.blocks.attention.space_time import (
    HEIGHT,
    TIME,
    WIDTH,
    SpaceTimeStack,
    Step,
    back_in_place,
    near_in_time,
    rows_along,
)
from core.blocks.encoders.hub_loading import transformers_module
from core.blocks.encoders.video_transformer import VideoTransformer
from core.blocks.values import Frames


def film(x_BTCHW: Tensor, rate: float = 10.0) -> Frames:
    starts_BT = (torch.arange(x_BTCHW.shape[1], dtype=torch.float64) / rate).expand(len(x_BTCHW), -1)
    return Frames(x_BTCHW=x_BTCHW, starts_BT=starts_BT, durations_BT=torch.full_like(starts_BT, 1 / rate))


def tower(x_BTCHW: Tensor, **knobs: Any) -> VideoTransformer:
    torch.manual_seed(0)
    config = VideoTransformer.Config(**{"width": 24, "depth": 2, "heads": 3, **knobs})
    return VideoTransformer(config, {"video": film(x_BTCHW)}).eval()


def awake(block: VideoTransformer) -> VideoTransformer:
    """As after training: no map is zero any more."""
    torch.manual_seed(5)
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.2)
    return block


def tokens(block: VideoTransformer, video: Frames) -> Tensor:
    made: Tensor = block(video)["tokens"].x_BND
    return made


def as_theirs(block: VideoTransformer, theirs: Any) -> None:
    """Copy the weights of transformers' TimesformerModel into the block."""
    embeddings = theirs.embeddings
    with torch.no_grad():
        block.cut.weight.copy_(embeddings.patch_embeddings.projection.weight.flatten(1))
        block.cut.bias.copy_(embeddings.patch_embeddings.projection.bias)
        block.cls_11D.copy_(embeddings.cls_token + embeddings.position_embeddings[:, :1])
        block.place_1GD.copy_(embeddings.position_embeddings[:, 1:])
        block.time_1FD.copy_(embeddings.time_embeddings)
    block.stack.norm.load_state_dict(theirs.layernorm.state_dict())
    for ours, layer in zip(block.stack.layers, theirs.encoder.layer):
        found = [(layer.layernorm_before, layer.attention)]
        if len(ours.steps) == 2:
            found.insert(0, (layer.temporal_layernorm, layer.temporal_attention))
            ours.steps[0].out.load_state_dict(layer.temporal_dense.state_dict())
        for step, (norm, attention) in zip(ours.steps, found):
            step.norm.load_state_dict(norm.state_dict())
            copy_attention(step.attention, attention.attention.qkv, attention.output.dense)
        ours.norm.load_state_dict(layer.layernorm_after.state_dict())
        ours.mlp[0].load_state_dict(layer.intermediate.dense.state_dict())
        ours.mlp[2].load_state_dict(layer.output.dense.state_dict())


def copy_attention(ours: Attention, qkv: nn.Linear, out: nn.Linear) -> None:
    width = ours.query.out_features
    with torch.no_grad():
        ours.query.weight.copy_(qkv.weight[:width])
        ours.query.bias.copy_(qkv.bias[:width])
        ours.key_value.weight.copy_(qkv.weight[width:])
        ours.key_value.bias.copy_(qkv.bias[width:])
    ours.out.load_state_dict(out.state_dict())


@pytest.mark.parametrize(
    ("pattern", "theirs_called"), [("divided", "divided_space_time"), ("joint", "joint_space_time")]
)
def test_equals_timesformer_on_the_same_weights(pattern: str, theirs_called: str) -> None:
    pytest.importorskip("transformers")
    transformers = transformers_module()
    torch.manual_seed(0)
    config = transformers.TimesformerConfig(
        image_size=24, patch_size=8, num_frames=4, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
        intermediate_size=96, attention_type=theirs_called, layer_norm_eps=1e-5, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    theirs = transformers.TimesformerModel(config).eval()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.2)
    x_BTCHW = torch.rand(2, 4, 3, 24, 24)
    ours = tower(x_BTCHW, pattern=pattern, times="learned by frame")
    as_theirs(ours, theirs)
    with torch.no_grad():
        expected = theirs(pixel_values=x_BTCHW * 2 - 1).last_hidden_state
        made = tokens(ours, film(x_BTCHW))
    cells = expected[:, 1:].unflatten(1, (9, 4)).transpose(1, 2).flatten(1, 2)  # theirs lie patch by patch
    torch.testing.assert_close(made[:, 0], expected[:, 0], atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(made[:, 1:], cells, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("axes", [(TIME,), (HEIGHT,), (WIDTH,), (HEIGHT, WIDTH), (TIME, HEIGHT, WIDTH)])
def test_rows_are_put_back_where_they_were(axes: tuple[int, ...]) -> None:
    x_BTHWD = torch.arange(2 * 3 * 4 * 5 * 6).view(2, 3, 4, 5, 6)
    rows = rows_along(x_BTHWD, axes)
    assert rows.shape[1] == torch.tensor(x_BTHWD.shape)[list(axes)].prod()
    assert torch.equal(back_in_place(rows, axes, x_BTHWD.shape[:4]), x_BTHWD)


def test_rows_along_time_are_what_a_loop_over_cells_gives() -> None:
    torch.manual_seed(0)
    step = Step(12, 2, (TIME,), is_last=True, options=PLAIN)
    x_BTHWD = torch.randn(2, 5, 2, 3, 12)
    made, _ = step(x_BTHWD, None, None)
    for row in range(2):
        for column in range(3):
            alone = step.attention(step.norm(x_BTHWD[:, :, row, column]))
            torch.testing.assert_close(made[:, :, row, column], alone)


@pytest.mark.parametrize("pattern", ["divided", "axial", "joint"])
def test_one_frame_alone_is_a_picture(pattern: str) -> None:
    """With nothing else in time, all patterns but axial's rows and columns are attention over the frame."""
    x_BTCHW = torch.rand(2, 1, 3, 16, 16)
    space = tower(x_BTCHW, pattern="space", times="none")
    other = tower(x_BTCHW, pattern=pattern, times="none")
    if pattern == "axial":  # two steps of four pairs where space has one of sixteen
        assert sum(1 for _ in other.stack.layers[0].steps) == 3
        return
    other.stack.load_state_dict(_last_steps(space, other), strict=False)
    other.cut.load_state_dict(space.cut.state_dict())
    other.place_1GD.data.copy_(space.place_1GD)
    other.cls_11D.data.copy_(space.cls_11D)
    torch.testing.assert_close(tokens(other, film(x_BTCHW)), tokens(space, film(x_BTCHW)))


def _last_steps(source: VideoTransformer, goal: VideoTransformer) -> dict[str, Tensor]:
    last = len(goal.stack.layers[0].steps) - 1
    return {name.replace(".steps.0.", f".steps.{last}."): value for name, value in source.stack.state_dict().items()}


def test_a_divided_tower_starts_as_the_one_that_sees_each_frame_alone() -> None:
    x_BTCHW = torch.rand(2, 4, 3, 16, 16)
    space, divided = (tower(x_BTCHW, pattern=pattern) for pattern in ("space", "divided"))
    divided.stack.load_state_dict(_last_steps(space, divided), strict=False)
    for name in ("place_1GD", "cls_11D"):
        getattr(divided, name).data.copy_(getattr(space, name))
    divided.cut.load_state_dict(space.cut.state_dict())
    torch.testing.assert_close(tokens(divided, film(x_BTCHW)), tokens(space, film(x_BTCHW)))


def _pairs(pattern: str, frames: int, side: int) -> float:
    """Pairs that one layer looks at, from the FLOPs of its attention alone: a score and a sum cost 4 E each."""
    width = 24
    with torch.device("meta"):
        stack = SpaceTimeStack(width, 1, 3, pattern)
        with FlopCounterMode(display=False) as counter:
            stack(torch.empty(1, frames, side, side, width))
    flops = counter.get_flop_counts()["Global"]
    attention = sum(count for operation, count in flops.items() if "scaled_dot_product" in str(operation))
    return attention / (4 * width)


@pytest.mark.parametrize(("frames", "side"), [(4, 4), (8, 4), (8, 7), (32, 14)])
def test_pairs_are_those_of_the_papers(frames: int, side: int) -> None:
    cells = frames * side * side
    assert _pairs("joint", frames, side) == cells**2
    assert _pairs("divided", frames, side) == cells * (frames + side * side)
    assert _pairs("axial", frames, side) == cells * (frames + side + side)
    assert _pairs("space", frames, side) == cells * side * side


@pytest.mark.parametrize("pattern", ["divided", "joint", "axial"])
def test_a_temporal_window_as_wide_as_the_clip_is_none(pattern: str) -> None:
    x_BTCHW = torch.rand(2, 4, 3, 16, 16)
    plain, wide, narrow = (awake(tower(x_BTCHW, pattern=pattern, reach=reach)) for reach in (None, 3, 1))
    torch.testing.assert_close(tokens(wide, film(x_BTCHW)), tokens(plain, film(x_BTCHW)), atol=1e-5, rtol=1e-4)
    assert (tokens(narrow, film(x_BTCHW)) - tokens(plain, film(x_BTCHW))).abs().max() > 1e-3


def test_a_temporal_window_is_attention_with_a_band() -> None:
    """Against torch's own attention with the mask of a band."""
    torch.manual_seed(0)
    step = Step(12, 2, (TIME,), is_last=True, options=PLAIN)
    x_BTHWD = torch.randn(1, 7, 1, 1, 12)
    made, _ = step(x_BTHWD, None, 2)
    x_1TD = step.norm(x_BTHWD[:, :, 0, 0])
    theirs = nn.MultiheadAttention(12, 2, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([step.attention.query.weight, step.attention.key_value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([step.attention.query.bias, step.attention.key_value.bias]))
    theirs.out_proj.load_state_dict(step.attention.out.state_dict())
    place = torch.arange(7)
    expected, _ = theirs(x_1TD, x_1TD, x_1TD, attn_mask=(place[:, None] - place).abs() > 2)
    torch.testing.assert_close(made[:, :, 0, 0], expected)
    assert near_in_time(3, 1, 1, 1, torch.device("cpu")).sum() == 16 - 2


def test_the_same_instants_have_the_same_positions_at_fifteen_and_thirty_frames_a_second() -> None:
    """The chapter scales the sines by the rate, which moves nothing to where it was."""
    slow, fast = film(torch.rand(1, 8, 3, 16, 16), 15.0), film(torch.rand(1, 16, 3, 16, 16), 30.0)
    block = tower(slow.x_BTCHW)
    at_slow, at_fast = block._times(slow.starts_BT, 8), block._times(fast.starts_BT, 16)
    torch.testing.assert_close(at_slow, at_fast[:, ::2], atol=1e-5, rtol=0)
    assert (at_slow - at_fast[:, :8]).abs().max() > 1


def test_only_times_tell_the_order() -> None:
    """A shuffled film is the same to a tower that is told no times, and another to one that is."""
    torch.manual_seed(3)
    x_BTCHW, order = torch.rand(1, 6, 3, 16, 16), torch.tensor([4, 0, 5, 2, 1, 3])
    shuffled = film(x_BTCHW[:, order])
    blind, sees = (awake(tower(x_BTCHW, times=times)) for times in ("none", "seconds"))
    torch.testing.assert_close(tokens(blind, shuffled)[:, 0], tokens(blind, film(x_BTCHW))[:, 0], atol=1e-5, rtol=1e-4)
    assert (tokens(sees, shuffled)[:, 0] - tokens(sees, film(x_BTCHW))[:, 0]).abs().max() > 1e-3


def test_bytes_and_shares_are_one_film() -> None:
    bytes_BTCHW = torch.randint(0, 256, (1, 4, 3, 16, 16), dtype=torch.uint8)
    block = tower(bytes_BTCHW)
    torch.testing.assert_close(tokens(block, film(bytes_BTCHW)), tokens(block, film(bytes_BTCHW.float() / 255)))


def test_tubelets_are_a_convolution_over_time() -> None:
    x_BTCHW = torch.rand(2, 4, 3, 16, 16)
    block = tower(x_BTCHW, tubelet=2, depth=0, times="none")
    kernel = nn.Conv3d(3, 24, (2, 8, 8), (2, 8, 8))
    kernel.load_state_dict({"weight": block.cut.weight.view(24, 3, 2, 8, 8), "bias": block.cut.bias})
    made = block.cut(block._cut(x_BTCHW, (2, 2, 2)))
    torch.testing.assert_close(made, kernel(x_BTCHW.transpose(1, 2)).flatten(3).permute(0, 2, 3, 1))


@pytest.mark.parametrize("pattern", ["divided", "joint", "axial", "space"])
def test_maps_over_all_tokens_say_who_looks_where(pattern: str) -> None:
    """Map times values is what a step gives; here values are all numbers of the tokens, so a map must be the step's own."""
    x_BTCHW = torch.rand(2, 2, 3, 16, 16)
    block = awake(tower(x_BTCHW, pattern=pattern, depth=1))
    _, maps = block.watched(video=film(x_BTCHW))
    for name, rows in maps.items():
        assert rows.shape == (2, 3, 9, 9)
        torch.testing.assert_close(rows.sum(-1), torch.ones(2, 3, 9))
        seen = rows[0, 0] > 0
        frame = torch.tensor([-1, 0, 0, 0, 0, 1, 1, 1, 1])
        cell = torch.tensor([-1, 0, 1, 2, 3, 0, 1, 2, 3])
        if name.endswith("time"):
            assert torch.equal(seen, (cell[:, None] == cell))
        if name.endswith("space"):
            own = (frame[:, None] == frame) | (frame[:, None] < 0) | (frame < 0)
            assert torch.equal(seen, own)
        if name.endswith("all"):
            assert seen.all()


def test_what_does_not_divide_is_said() -> None:
    with pytest.raises(ValueError, match="Tubelets of 3 frames do not divide a clip of 4"):
        tower(torch.rand(1, 4, 3, 16, 16), tubelet=3)
    with pytest.raises(ValueError, match="does not divide the frames, 20 x 16"):
        tower(torch.rand(1, 4, 3, 20, 16))
