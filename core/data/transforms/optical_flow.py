"""Motion as a film of its own: for every frame the optical flow of the steps that follow, stacked (two streams, arXiv:1406.2199).

Right and down of each of L steps are 2 L channels in [0, 1], where a half is standing still and either end is the largest motion that is
told apart, as in TSN (arXiv:1608.00859). Where the clip ends nothing moves any more. Frames should be neighbours (stretches, not equal
parts): flow between frames that are far apart says little. Axes: T frames, L steps, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.values import Frames
from core.data.base import Transform
from core.data.catalog import transforms
from core.data.films.flow import optical_flow, want_opencv
from core.data.media import Film
from core.graph.ports import port
from core.knobs import knob


def stacked(flow_TCHW: Tensor, frames: int, steps: int, most: float) -> Tensor:
    """The flow [T - 1, 2, H, W] of ``frames`` T as [T, 2 L, H, W] in [0, 1], each frame with the steps that follow it."""
    missing = frames + steps - 1 - len(flow_TCHW)
    share_TCHW = (0.5 + flow_TCHW / (2 * most)).clamp(0, 1)
    share_TCHW = F.pad(share_TCHW, (0, 0, 0, 0, 0, 0, 0, missing), value=0.5)
    return torch.cat([share_TCHW[step : step + frames] for step in range(steps)], 1)


@transforms.register("transforms.optical_flow")
class OpticalFlow(Transform):
    """Makes a video of motion: the optical flow between neighbouring frames, several steps stacked."""

    title = "Optical flow"
    modality = "video"
    takes = {"video": port("video", "neighbouring frames with their times")}
    gives = {"flow": port("video", "the same times with two channels of motion per step")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How many steps, and how fast."""

        steps: int = knob(
            5,
            "Steps from frame to frame that are stacked; each gives two channels.",
            low=1,
            high=64,
            title="Flow steps",
        )
        most: float = knob(
            8.0, "Motion from one frame to the next that fills the range; what is faster is cut off.", low=0.1, high=1000, unit="px",
            title="Largest motion",
        )  # fmt: skip

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``video`` [T, C, H, W] to ``flow`` [T, 2 L, H, W]. Raises Refused without OpenCV."""
        film: Film = values["video"]
        flow_TCHW = optical_flow(film.frames_TCHW)
        stacked_TCHW = stacked(flow_TCHW, len(film.frames_TCHW), self.config.steps, self.config.most)
        return {"flow": Film(frames_TCHW=stacked_TCHW, starts=film.starts, durations=film.durations)}

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """As many frames of motion. Raises Refused without OpenCV, so that a run is not begun without it."""
        want_opencv()
        video: Frames = incoming["video"]
        count, _, height, width = video.x_BTCHW.shape[1:]
        flow = torch.empty(batch, count, 2 * self.config.steps, height, width, device="meta")
        return {"flow": replace(video, x_BTCHW=flow)}
