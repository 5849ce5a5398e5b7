"""Flow: what moves how far, how steps are stacked, and that standing still adds nothing to the stream of images."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch
from torch import Tensor

from core.blocks.encoders.video_cnn import VideoCNN
from core.blocks.values import Frames
from core.data.films import flow
from core.data.media import Film, picture_of
from core.data.transforms.optical_flow import OpticalFlow, stacked
from core.problems import Refused

needs_opencv = pytest.mark.skipif(importlib.util.find_spec("cv2") is None, reason="OpenCV is not installed")
TEXTURE = 32


def moving(right: int, down: int, count: int = 4) -> Tensor:
    """Smooth texture that moves by whole pixels every frame, uint8 [T, 3, H, W]."""
    noise = torch.rand(1, 3, TEXTURE // 4, TEXTURE // 4, generator=torch.Generator().manual_seed(0))
    picture = torch.nn.functional.interpolate(noise, (TEXTURE, TEXTURE), mode="bicubic").clamp(0, 1).mul(255).byte()
    return torch.cat([picture.roll((down * t, right * t), (2, 3)) for t in range(count)])


def film(frames_TCHW: Tensor) -> Film:
    count = len(frames_TCHW)
    return Film(frames_TCHW=frames_TCHW, starts=tuple(t / 10 for t in range(count)), durations=(0.1,) * count)


def made(frames_TCHW: Tensor, **knobs: float) -> Film:
    step = OpticalFlow(OpticalFlow.Config(**knobs))  # type: ignore[arg-type]
    found: Film = step.apply({"video": film(frames_TCHW)}, np.random.default_rng(0))["flow"]
    return found


@needs_opencv
@pytest.mark.parametrize(("right", "down"), [(2, 0), (0, 2), (-1, 1)])
def test_flow_says_how_far_and_which_way(right: int, down: int) -> None:
    inside = flow.optical_flow(moving(right, down))[:, :, 8:-8, 8:-8]
    assert inside.shape[:2] == (3, 2)
    wanted = torch.tensor([right, down]).float()
    torch.testing.assert_close(inside.median(3).values.median(2).values, wanted.expand(3, -1), atol=0.3, rtol=0)


@needs_opencv
def test_what_stands_still_is_a_half_everywhere() -> None:
    found = made(moving(0, 0), steps=3)
    assert found.frames_TCHW.shape == (4, 6, TEXTURE, TEXTURE)
    assert torch.equal(found.frames_TCHW, torch.full_like(found.frames_TCHW, 0.5))
    assert found.starts == (0.0, 0.1, 0.2, 0.3)


@needs_opencv
def test_bytes_and_shares_have_one_flow_and_tiny_frames_are_refused() -> None:
    frames = moving(1, 0)
    assert torch.equal(flow.optical_flow(frames), flow.optical_flow(frames.float() / 255))
    assert flow.optical_flow(frames[:1]).shape == (0, 2, TEXTURE, TEXTURE)
    with pytest.raises(Refused, match="at least 12 pixels"):
        flow.optical_flow(frames[..., :8, :8])


def test_every_frame_has_the_steps_that_follow_it() -> None:
    steps = torch.arange(3.0)[:, None, None, None] * torch.tensor([1.0, -1.0])[None, :, None, None]
    found = stacked(steps.expand(-1, -1, 2, 2), frames=4, steps=2, most=2.0)
    assert found.shape == (4, 4, 2, 2)
    motion = (found[..., 0, 0] - 0.5) * 4
    wanted = [[0, 0, 1, -1], [1, -1, 2, -2], [2, -2, 0, 0], [0, 0, 0, 0]]  # behind the last step nothing moves
    assert motion.tolist() == wanted
    fast = stacked(torch.full((1, 2, 1, 1), 99.0), frames=2, steps=1, most=2.0)
    assert float(fast.max()) == 1.0


def test_two_streams_without_motion_are_the_stream_of_images() -> None:
    """A tower over flow that stands still gives nothing at the beginning, so both streams added are the first alone."""
    times = torch.zeros(2, 4, dtype=torch.float64)
    still = Frames(x_BTCHW=torch.full((2, 4, 6, 16, 16), 0.5), starts_BT=times, durations_BT=times)
    images = Frames(x_BTCHW=torch.rand(2, 4, 3, 16, 16), starts_BT=times, durations_BT=times)
    for kind in ("(2+1)d", "3d", "shift", "2d"):
        torch.manual_seed(0)
        knobs = VideoCNN.Config(kind=kind, width=8, stages=2)
        motion, pictures = VideoCNN(knobs, {"video": still}), VideoCNN(knobs, {"video": images})
        one = pictures(images)["tokens"].x_BND
        assert torch.equal(one + motion(still)["tokens"].x_BND, one)
        assert one.abs().max() > 0


def test_without_opencv_a_run_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow.importlib.util, "find_spec", lambda name: None)
    times = torch.empty(2, 4, dtype=torch.float64, device="meta")
    video = Frames(x_BTCHW=torch.empty(2, 4, 3, 16, 16, device="meta"), starts_BT=times, durations_BT=times)
    with pytest.raises(Refused, match="needs OpenCV") as caught:
        OpticalFlow(OpticalFlow.Config()).meta({"video": video}, 2)
    assert "opencv-python-headless" in caught.value.problems[0].hint


def test_shapes_are_known_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow.importlib.util, "find_spec", lambda name: object())
    times = torch.empty(2, 4, dtype=torch.float64, device="meta")
    video = Frames(x_BTCHW=torch.empty(2, 4, 3, 16, 16, device="meta"), starts_BT=times, durations_BT=times)
    found = OpticalFlow(OpticalFlow.Config(steps=3)).meta({"video": video}, 2)["flow"]
    assert found.x_BTCHW.shape == (2, 4, 6, 16, 16)


def test_motion_is_no_picture_of_a_sample() -> None:
    motion, images = film(torch.rand(4, 10, 8, 8)), film(torch.zeros(4, 3, 8, 8, dtype=torch.uint8))
    assert picture_of([motion]) is None
    shown = picture_of([motion, images])
    assert shown is not None
    assert shown.shape == (3, 8, 8)
    assert (motion.is_seen, images.is_seen) == (False, True)
