"""Sounds of what is done on a stage, made: a tone as loud as the motion is fast, and a knock where it begins and ends.

What is heard when is known exactly, because it was made so. Axes: S samples.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.data.films.stage import ACTIONS, Act, Script
from core.telemetry.spans import samples_in

LOWEST = 260.0  # hertz of the first kind of motion
STEP = 1.6  # times higher for each further kind
GLIDE = 0.35  # octaves that a tone rises, or falls, in the course of its action
HISS = 0.01  # standard deviation of the noise that is always there
TONE, KNOCK = 0.25, 0.5  # full scale is 1
KNOCK_SECONDS = 0.03
Samples = NDArray[np.float64]


def heard(script: Script, seconds: float, hertz: int, generator: np.random.Generator, *, is_silent: bool) -> Tensor:
    """Float32 [S]. ``is_silent``: only the noise is heard, whatever is done."""
    made_S = generator.normal(0.0, HISS, samples_in(seconds, hertz))
    time_S = np.arange(len(made_S)) / hertz
    for act in () if is_silent else script.acts:
        made_S += _tone(act, time_S) + _knock(time_S - act.span.start) + _knock(time_S - act.span.end)
    return torch.from_numpy(made_S.astype(np.float32))


def _tone(act: Act, time_S: Samples) -> Samples:
    action = ACTIONS[act.action]
    share_S = np.clip((time_S - act.span.start) / act.span.seconds, 0.0, 1.0)
    speed_S = 4 * share_S * (1 - share_S)  # of the smooth step that the motion is, its largest is 1
    hertz_S = LOWEST * STEP**action.axis * 2.0 ** (action.sign * GLIDE * (share_S - 0.5))
    step = 0.0 if len(time_S) < 2 else time_S[1] - time_S[0]
    return TONE * speed_S * np.sin(2 * np.pi * np.cumsum(hertz_S) * step)


def _knock(since_S: Samples) -> Samples:
    """A short beat that dies away."""
    loud_S = np.where(since_S >= 0, np.exp(-np.maximum(since_S, 0.0) / (KNOCK_SECONDS / 3)), 0.0)
    return KNOCK * loud_S * np.sin(2 * np.pi * 1800.0 * np.maximum(since_S, 0.0))
