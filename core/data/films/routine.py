"""Hops to either side and back: how often the side changes is how well it is done, and nothing but the order of frames tells.

Every routine has as many hops to the left as to the right, each out and back alike, so one frame, all frames in any order, and how much
moves from frame to frame are the same for the best and the worst.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from core.data.films.stage import ACTIONS, SHARE, SIZE, TURN, Act, Script, X, Y, wobble
from core.telemetry.spans import Span

LEFT, RIGHT = (
    next(place for place, act in enumerate(ACTIONS) if (act.axis, act.sign) == (X, sign)) for sign in (-1, 1)
)
_REACH = (0.2, 0.3)  # of a hop, as a share of the frame
_START = {X: (0.45, 0.55), Y: (0.3, 0.7), SIZE: (0.3, 0.45), TURN: (-0.2, 0.2)}
MOST_SCORE = 100.0


def sides_of(hops: int, generator: np.random.Generator) -> tuple[int, ...]:
    """To which side each of an even number of hops goes; every number of changes, from one to all, is as likely."""
    runs = int(generator.integers(2, hops + 1))
    order = [LEFT, RIGHT] if generator.integers(2) else [RIGHT, LEFT]
    lasting = [_parts(hops // 2, (runs + 1) // 2, generator), _parts(hops // 2, runs // 2, generator)]
    return tuple(side for run in range(runs) for side in [order[run % 2]] * lasting[run % 2][run // 2])


def _parts(whole: int, count: int, generator: np.random.Generator) -> list[int]:
    """A number as a sum of so many, none of them 0."""
    cuts = np.sort(generator.permutation(np.arange(1, whole))[: count - 1])
    return np.diff([0, *cuts, whole]).tolist()


def score_of(sides: Sequence[int]) -> float:
    """100 where every hop goes to the other side than the one before, 0 where the side changes once."""
    return MOST_SCORE * (changes_of(sides) - 1) / (len(sides) - 2)


def changes_of(sides: Sequence[int]) -> int:
    """How often the side changes."""
    return sum(one != other for one, other in pairwise(sides))


def routine_of(sides: Sequence[int], seconds: float, generator: np.random.Generator) -> Script:
    """A hop in each equal part of the time, out and back."""
    start = np.array([generator.uniform(*_START[axis]) for axis in (X, Y, SIZE, TURN)])
    part, middle, acts = seconds / len(sides), float(start[X]), []
    for number, side in enumerate(sides):
        lasting = generator.uniform(*SHARE) * part
        begin = number * part + generator.uniform(0, part - lasting)
        there = middle + ACTIONS[side].sign * generator.uniform(*_REACH)
        turn = begin + lasting / 2
        acts.append(Act(action=side, span=Span(start=begin, end=turn), change=(middle, there)))
        back = RIGHT if side == LEFT else LEFT
        acts.append(Act(action=back, span=Span(start=turn, end=begin + lasting), change=(there, middle)))
    return Script(start=start, acts=tuple(acts), wobble_A3=wobble(generator))
