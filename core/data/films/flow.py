"""Where everything in a film moves to from one frame to the next: dense optical flow by OpenCV's DIS (arXiv:1603.03590).

OpenCV is looked for when flow is first wanted. Axes: T frames, C channels, H height, W width; 2 is right and down, in pixels.
"""

from __future__ import annotations

import importlib
import importlib.util
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.problems import refuse

LEAST_EDGE = 12  # pixels: DIS takes nothing smaller
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, as in ITU-R BT.601


def want_opencv() -> None:
    """Raise Refused where OpenCV is not installed."""
    if importlib.util.find_spec("cv2") is None:
        raise refuse(
            "Optical flow needs OpenCV, which is not installed.", hint="Install it: pip install opencv-python-headless"
        )


def grey_levels(frames_TCHW: Tensor) -> NDArray[np.uint8]:
    """Frames in bytes or in [0, 1] as grey levels [T, H, W]."""
    x_TCHW = frames_TCHW if frames_TCHW.dtype == torch.uint8 else (frames_TCHW.clamp(0, 1) * 255).round()
    if x_TCHW.shape[1] == 1:
        return x_TCHW[:, 0].byte().numpy()
    grey_THW = torch.einsum("tchw,c->thw", x_TCHW[:, :3].float(), torch.tensor(LUMA))
    return grey_THW.round().byte().numpy()


def optical_flow(frames_TCHW: Tensor) -> Tensor:
    """Of every frame but the last, where its pixels are in the next [T - 1, 2, H, W]. Raises Refused without OpenCV."""
    want_opencv()
    library: Any = importlib.import_module("cv2")  # optional: only where it is installed
    grey_THW = grey_levels(frames_TCHW)
    height, width = grey_THW.shape[1:]
    if min(height, width) < LEAST_EDGE:
        raise refuse(
            f"Optical flow needs frames of at least {LEAST_EDGE} pixels each way; these have {height} x {width}."
        )
    library.setNumThreads(1)  # workers share the processor among them
    flow = library.DISOpticalFlow_create(library.DISOPTICAL_FLOW_PRESET_MEDIUM)
    made = [flow.calc(one, other, None) for one, other in pairwise(grey_THW)]
    if not made:
        return torch.zeros(0, 2, height, width)
    return torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2).contiguous()
