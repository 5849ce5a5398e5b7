"""Long films: clips as one batch are clips one by one, nothing is dropped, chunks give the whole, and memory stays flat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from core.blocks.attention.space_time import STEPS
from core.blocks.encoders.long_video import LongVideo
from core.blocks.encoders.streaming_video import StreamingVideo
from core.blocks.values import Frames, Tokens


def film(count: int, batch: int = 2) -> Frames:
    torch.manual_seed(1)
    starts_BT = (5 + torch.arange(count, dtype=torch.float64) * 0.1).expand(batch, -1)
    x = torch.randint(0, 256, (batch, count, 3, 8, 8), dtype=torch.uint8)
    return Frames(x_BTCHW=x, starts_BT=starts_BT, durations_BT=torch.full_like(starts_BT, 0.1))


def awake(block: Any) -> Any:
    """As after training: steps in time that begin at zero do something."""
    for name, parameter in block.named_parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.2, generator=torch.Generator().manual_seed(len(name)))
    return block.double().eval()


def long_video(**knobs: Any) -> LongVideo:
    torch.manual_seed(0)
    config = LongVideo.Config(**{"clip": 4, "patch_size": 4, "width": 12, "clip_depth": 1, "depth": 1, **knobs})
    return awake(LongVideo(config, {"video": film(10)}))  # type: ignore[no-any-return]


def streaming(**knobs: Any) -> StreamingVideo:
    torch.manual_seed(0)
    config = StreamingVideo.Config(**{"patch_size": 4, "width": 12, "depth": 2, "reach": 1, **knobs})
    return awake(StreamingVideo(config, {"video": film(10)}))  # type: ignore[no-any-return]


def in_float64(video: Frames) -> Frames:
    return Frames(x_BTCHW=video.in_unit_range().double(), starts_BT=video.starts_BT, durations_BT=video.durations_BT)


def tokens_of(block: Any, video: Frames) -> Tokens:
    made: Tokens = block(in_float64(video))["tokens"]
    return made


def test_clips_as_one_batch_are_clips_one_by_one() -> None:
    block, video = long_video(), in_float64(film(11))
    each = [block.clips(video.part(first, min(first + 4, 11)))["tokens"].x_BND[:, 0] for first in (0, 4, 8)]
    found: list[Tensor] = []
    block.stack.register_forward_pre_hook(lambda _, given: found.append(given[0]))
    block(video)
    without = found[0] - torch.stack(each, 1)
    torch.testing.assert_close(without[0], without[1])  # only the positions in seconds are left, alike for both films
    assert without.abs().max() <= 1 + 1e-9


def test_films_may_change_places() -> None:
    block, video = long_video(), film(11, batch=3)
    order = torch.tensor([2, 0, 1])
    moved = Frames(
        x_BTCHW=video.x_BTCHW[order], starts_BT=video.starts_BT[order], durations_BT=video.durations_BT[order]
    )
    torch.testing.assert_close(tokens_of(block, moved).x_BND, tokens_of(block, video).x_BND[order])


@pytest.mark.parametrize("count", [1, 3, 4, 8, 11])
def test_nothing_of_a_film_is_dropped(count: int) -> None:
    block, video = long_video(), film(count)
    made = tokens_of(block, video)
    assert made.x_BND.shape[1] == -(-count // 4)
    assert made.spans_BT2 is not None
    torch.testing.assert_close(made.spans_BT2[:, 0, 0], video.starts_BT[:, 0])
    torch.testing.assert_close(made.spans_BT2[:, -1, 1], video.starts_BT[:, -1] + 0.1)
    other = film(count)
    other.x_BTCHW[:, -1] = 255 - other.x_BTCHW[:, -1]
    assert (tokens_of(block, other).x_BND - made.x_BND).abs().max() > 1e-4


def test_the_order_of_clips_is_seen_and_counts_seconds() -> None:
    """Two clips that change places are another film; a film that begins later is the same."""
    block, video = long_video(), film(8)
    swapped = Frames(x_BTCHW=video.x_BTCHW.roll(4, 1), starts_BT=video.starts_BT, durations_BT=video.durations_BT)
    made = tokens_of(block, video).x_BND
    assert (tokens_of(block, swapped).x_BND.roll(1, 1) - made).abs().max() > 1e-3
    later = Frames(x_BTCHW=video.x_BTCHW, starts_BT=video.starts_BT + 60, durations_BT=video.durations_BT)
    torch.testing.assert_close(tokens_of(block, later).x_BND, made)


def gradients(block: Any, video: Frames) -> dict[str, Tensor]:
    block.zero_grad()
    torch.manual_seed(3)
    made = tokens_of(block, video).x_BND
    (made * torch.randn_like(made)).sum().backward()
    return {name: p.grad.clone() for name, p in block.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("at_once", [1, 2])
def test_clips_at_a_time_change_nothing(at_once: int) -> None:
    whole, parts = long_video(), long_video(at_once=at_once)
    torch.testing.assert_close(tokens_of(parts, film(14)).x_BND, tokens_of(whole, film(14)).x_BND)
    one, other = gradients(whole, film(14)), gradients(parts, film(14))
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(other[name], value)


@pytest.mark.parametrize("pattern", list(STEPS))
def test_chunks_give_the_whole_and_a_row_a_frame(pattern: str) -> None:
    whole = streaming(chunk=100, pattern=pattern)
    for count, chunk in ((17, 1), (17, 4), (16, 8), (3, 8)):
        parts = streaming(chunk=chunk, pattern=pattern)
        made, wanted = tokens_of(parts, film(count)), tokens_of(whole, film(count))
        assert made.x_BND.shape[1] == count
        torch.testing.assert_close(made.x_BND, wanted.x_BND)
    one, other = gradients(whole, film(9)), gradients(streaming(chunk=4, pattern=pattern), film(9))
    for name, value in one.items():
        torch.testing.assert_close(other[name], value)


def test_less_context_would_not_give_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frames around a chunk are needed, every one of them."""
    whole, parts = streaming(chunk=100), streaming(chunk=4)
    wanted = tokens_of(whole, film(12)).x_BND
    parts.config = StreamingVideo.Config(**{**vars(parts.config), "depth": 1})
    assert (tokens_of(parts, film(12)).x_BND - wanted).abs().max() > 1e-6


class Largest(TorchDispatchMode):
    """The most numbers that any step made."""

    most = 0

    def __torch_dispatch__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        is_view = isinstance(made, Tensor) and made._is_view()
        if isinstance(made, Tensor) and not is_view:
            self.most = max(self.most, made.numel())
        return made


def largest(block: Any, count: int, *, training: bool) -> int:
    video = film(count)
    with Largest() as seen, torch.set_grad_enabled(training):
        made = block(video)["tokens"].x_BND
        if training:
            made.sum().backward()
    return seen.most


@pytest.mark.parametrize("training", [False, True])
def test_memory_does_not_grow_with_the_film(training: bool) -> None:
    """No step makes more numbers for a film of three times the frames; in one go it would."""
    for block in (streaming(chunk=8).float(), long_video(at_once=2).float()):
        assert largest(block, 96, training=training) == largest(block, 32, training=training)
    block = streaming(chunk=1000).float()
    assert largest(block, 96, training=training) > 2 * largest(block, 32, training=training)


def test_little_is_kept_for_the_backward_pass() -> None:
    """Of a film of three times the frames hardly more than the tokens themselves."""
    for block, most in ((streaming(chunk=8).float(), 12 * 16), (long_video(at_once=2).float(), 12 * 64)):
        kept = []
        for count in (32, 96):
            video, sizes = film(count), {}

            def keep(x: Tensor, sizes: dict[int, int] = sizes) -> Tensor:
                sizes[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
                return x

            with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
                block(video)["tokens"].x_BND.sum()
            sizes.pop(video.x_BTCHW.untyped_storage().data_ptr(), None)
            kept.append(sum(sizes.values()))
        assert kept[1] - kept[0] < 64 * 2 * most * 4
