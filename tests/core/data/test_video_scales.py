"""Further looks at a held-out video are closer, from the middle and from each side; training and the first look are as it came."""

from __future__ import annotations

import numpy as np
import torch

from core.data.media import Film
from core.data.transforms.video_scales import VideoScales

DRAW = np.random.default_rng(0)


def film(channels: int = 3, edge: int = 20) -> Film:
    """Every pixel says where it is: ten levels a row in the first channel, ten a column in the second."""
    down = torch.arange(edge)[:, None].expand(edge, edge) * 10
    frame = torch.stack([down, down.T, torch.zeros_like(down)][:channels]).to(torch.uint8)
    return Film(frames_TCHW=frame[None].repeat(2, 1, 1, 1), starts=(0.0, 0.5), durations=(0.5, 0.5))


def seen(scale: float, look: int) -> torch.Tensor:
    step = VideoScales(VideoScales.Config(scale=scale))
    return step.seen_again({"video": film()}, DRAW, look)["video"].frames_TCHW


def test_training_and_the_first_look_are_as_it_came() -> None:
    step, video = VideoScales(VideoScales.Config(scale=2.0)), film()
    assert step.apply({"video": video}, DRAW)["video"] is video
    assert step.evaluated({"video": video}, DRAW)["video"] is video
    assert torch.equal(seen(1.0, 3), video.frames_TCHW), "once as large is as large as it is"


def test_five_looks_lie_in_the_middle_and_at_each_side() -> None:
    means = [seen(2.0, look).float().mean((0, 2, 3))[:2].tolist() for look in range(1, 6)]
    middle, side = 95.0, 50.0  # a half at one end lies five of twenty pixels off
    wanted = [(0, 0), (0, -side), (0, side), (-side, 0), (side, 0)]
    for (down, across), (low, right) in zip(means, wanted):
        assert abs(down - (middle + low)) < 1.5
        assert abs(across - (middle + right)) < 1.5
    again = seen(2.0, 6).float()
    assert again.shape == (2, 3, 20, 20)
    near, far = (float(one[0, 0, :, 0].float().diff().mean()) for one in (seen(2.0, 1), again))
    assert near < far < 10, "the sixth is half as close as the first"


def test_what_is_no_image_is_shown_whole() -> None:
    flow = Film(frames_TCHW=torch.randn(2, 2, 8, 8), starts=(0.0, 0.5), durations=(0.5, 0.5))
    assert VideoScales(VideoScales.Config()).seen_again({"video": flow}, DRAW, 1)["video"] is flow
