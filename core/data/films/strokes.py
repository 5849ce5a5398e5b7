"""Strokes to and fro, as a rower's: quick there and slow back is done well, and nothing but the order of frames tells which way is which.

The thing goes to the right and back again and again, from anywhere in a stroke, over the same way and in the same time; only which share
of a stroke it is on its way to the right differs. Where it is, and how much moves from frame to frame, say nothing of the direction:
one frame, frames in any order, and differences alone are the same for a share and for one minus it.
"""

from __future__ import annotations

import numpy as np

from core.data.films.stage import ACTIONS, SIZE, TURN, Act, Script, X, Y, wobble
from core.telemetry.spans import Span

LEFT, RIGHT = (
    next(place for place, act in enumerate(ACTIONS) if (act.axis, act.sign) == (X, sign)) for sign in (-1, 1)
)
SHARES = (0.2, 0.8)  # of a stroke on the way to the right
_REACH = (0.3, 0.45)  # of a stroke, as a share of the frame
_START = {X: (0.22, 0.33), Y: (0.3, 0.7), SIZE: (0.3, 0.45), TURN: (-0.2, 0.2)}
MOST_SCORE = 100.0


def score_of(share: float) -> float:
    """100 where the way to the right is as quick as it can be, 0 where it is as slow."""
    return MOST_SCORE * (SHARES[1] - share) / (SHARES[1] - SHARES[0])


def strokes_of(share: float, strokes: int, seconds: float, generator: np.random.Generator) -> Script:
    """So many strokes in the time, the first of them begun before it."""
    start = np.array([generator.uniform(*_START[axis]) for axis in (X, Y, SIZE, TURN)])
    period, near = seconds / strokes, float(start[X])
    far, acts = near + generator.uniform(*_REACH), []
    begun = -generator.uniform(0, period)
    for number in range(strokes + 1):
        begin = begun + number * period
        turn, end = begin + share * period, begin + period
        acts.append(Act(action=RIGHT, span=Span(start=begin, end=turn), change=(near, far)))
        acts.append(Act(action=LEFT, span=Span(start=turn, end=end), change=(far, near)))
    return Script(start=start, acts=tuple(acts), wobble_A3=wobble(generator))
