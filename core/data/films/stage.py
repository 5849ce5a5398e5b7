"""Films that are drawn: one thing that does something, one action after another, before a background that moves.

What is done cannot be told from one frame: an action and its opposite pass through the same states in the other order, from
anywhere, and whoever does nothing wobbles all the time. Axes: N frames, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from core.data.films.choosing import Seconds
from core.telemetry.spans import Span

X, Y, SIZE, TURN = range(4)  # of a state: centre and edge as shares of the frame, angle in radians
State = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Action:
    """One number of a state that rises or falls."""

    words: str  # moves left
    axis: int
    sign: int


ACTIONS: tuple[Action, ...] = (
    Action(words="moves left", axis=X, sign=-1), Action(words="moves right", axis=X, sign=1),
    Action(words="moves up", axis=Y, sign=-1), Action(words="moves down", axis=Y, sign=1),
    Action(words="shrinks", axis=SIZE, sign=-1), Action(words="grows", axis=SIZE, sign=1),
    Action(words="turns left", axis=TURN, sign=-1), Action(words="turns right", axis=TURN, sign=1),
)  # fmt: skip
OPPOSITE = {
    place: other for place, action in enumerate(ACTIONS) for other, another in enumerate(ACTIONS)
    if (another.axis, another.sign) == (action.axis, -action.sign)
}  # fmt: skip
_LIMITS = {X: (0.2, 0.8), Y: (0.2, 0.8), SIZE: (0.25, 0.5), TURN: (-1.0, 1.0)}
_REACH = {X: (0.3, 0.45), Y: (0.3, 0.45), SIZE: (0.12, 0.2), TURN: (0.8, 1.4)}  # how far an action goes
_WOBBLE = {X: 0.015, Y: 0.015, SIZE: 0.01, TURN: 0.06}
SHARE = (0.5, 0.85)  # of an action's part of the film in which it acts


@dataclass(frozen=True, kw_only=True)
class Act:
    """An action with when it is done, and from where to where."""

    action: int  # of ACTIONS
    span: Span
    change: tuple[float, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Script:
    """Everything that one thing does."""

    start: State
    acts: tuple[Act, ...]
    wobble_A3: NDArray[np.float64]  # of each number of the state: amplitude, times a second, phase

    def at(self, times_N: Seconds) -> NDArray[np.float64]:
        """States [N, 4]."""
        states = np.repeat(self.start[None], len(times_N), 0)
        for act in self.acts:
            share = np.clip((times_N - act.span.start) / act.span.seconds, 0, 1)
            smooth = share * share * (3 - 2 * share)
            states[:, ACTIONS[act.action].axis] += (act.change[1] - act.change[0]) * smooth
        amplitude, rate, phase = self.wobble_A3.T
        return states + amplitude * np.sin(2 * np.pi * (rate * times_N[:, None] + phase))


def script_of(actions: Sequence[int], seconds: float, generator: np.random.Generator) -> Script:
    """Where a thing starts, when each action is done and how far it goes; pauses lie between them."""
    part = seconds / max(len(actions), 1)
    start = np.array([generator.uniform(*_LIMITS[axis]) for axis in (X, Y, SIZE, TURN)])
    now, acts = start.copy(), []
    for number, place in enumerate(actions):
        action = ACTIONS[place]
        low, high = _LIMITS[action.axis]
        reach = generator.uniform(*_REACH[action.axis])
        lasting = generator.uniform(*SHARE) * part
        begin = number * part + generator.uniform(0, part - lasting)
        if not any(
            ACTIONS[before].axis == action.axis for before in actions[:number]
        ):  # so that the opposite is its mirror
            now[action.axis] = generator.uniform(low, high - reach) + (reach if action.sign < 0 else 0)
            start[action.axis] = now[action.axis]
        goal = float(np.clip(now[action.axis] + action.sign * reach, low, high))
        acts.append(
            Act(
                action=place,
                span=Span(start=begin, end=begin + lasting),
                change=(float(now[action.axis]), goal),
            )
        )
        now[action.axis] = goal
    return Script(start=start, acts=tuple(acts), wobble_A3=wobble(generator))


def wobble(generator: np.random.Generator) -> NDArray[np.float64]:
    """How whoever does nothing moves all the time: of each number of a state amplitude, times a second and phase."""
    amplitudes = np.array([_WOBBLE[axis] for axis in (X, Y, SIZE, TURN)]) * generator.uniform(0.5, 1.0, 4)
    return np.stack([amplitudes, generator.uniform(0.4, 1.2, 4), generator.uniform(0, 1, 4)], 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """Things in front of a background that scrolls."""

    things: tuple[tuple[Tensor, Script], ...]  # colours and opacity [4, H, W] in [0, 1], back to front
    background_CHW: Tensor  # in [0, 1]; goes on where it ends
    drift: tuple[float, float]  # how many of its heights and widths it moves a second

    def drawn(self, times_N: Seconds, size: int) -> Tensor:
        """Frames uint8 [N, 3, size, size]."""
        frames_NCHW = self._behind(times_N, size)
        for thing_4HW, script in self.things:
            frames_NCHW = _over(frames_NCHW, thing_4HW, script.at(times_N))
        return (frames_NCHW.clamp(0, 1) * 255).round().byte()

    def _behind(self, times_N: Seconds, size: int) -> Tensor:
        down, across = (torch.from_numpy(times_N * speed).float() for speed in self.drift)
        place_H = (torch.arange(size) + 0.5) / size
        rows, columns = ((place_H + moved[:, None]) % 1 * 2 - 1 for moved in (down, across))
        grid_NHW2 = torch.stack([columns[:, None, :].expand(-1, size, -1), rows[:, :, None].expand(-1, -1, size)], -1)
        around = F.pad(self.background_CHW[None], (1, 1, 1, 1), mode="circular")
        inside = torch.tensor([n / (n + 2) for n in (self.background_CHW.shape[2], self.background_CHW.shape[1])])
        return F.grid_sample(
            around.expand(len(times_N), -1, -1, -1), grid_NHW2 * inside, mode="bilinear", align_corners=False
        )


def _over(frames_NCHW: Tensor, thing_4HW: Tensor, states_N4: NDArray[np.float64]) -> Tensor:
    """The thing in its states, in front of what there is."""
    size = frames_NCHW.shape[-1]
    edge = max(4, round(float(states_N4[:, SIZE].max()) * size))
    small = F.interpolate(thing_4HW[None], (edge, edge), mode="bilinear", antialias=True, align_corners=False)
    x, y, share, turn = (torch.from_numpy(states_N4[:, axis]).float() for axis in (X, Y, SIZE, TURN))
    place = (torch.arange(size) + 0.5) / size
    down, across = torch.meshgrid(place, place, indexing="ij")
    right, below = ((across - x[:, None, None]), (down - y[:, None, None]))
    cos, sin, half = turn.cos()[:, None, None], turn.sin()[:, None, None], share[:, None, None] / 2
    grid_NHW2 = torch.stack([(cos * right + sin * below) / half, (cos * below - sin * right) / half], -1)
    seen = F.grid_sample(small.expand(len(states_N4), -1, -1, -1), grid_NHW2, align_corners=False)
    opaque = seen[:, 3:]
    return frames_NCHW * (1 - opaque) + seen[:, :3] * opaque


def cloth(generator: np.random.Generator, cells: int = 6, contrast: float = 0.2) -> Tensor:
    """A background of soft patches around one colour, [3, 24, 24]; it ends as it begins."""
    base = torch.from_numpy(generator.uniform(0.35, 0.9, 3)).float()
    patches = torch.from_numpy(generator.uniform(-contrast, contrast, (1, 3, cells, cells))).float()
    around = F.pad(patches, (1, 1, 1, 1), mode="circular")
    smooth = F.interpolate(around, scale_factor=4, mode="bilinear", align_corners=False)[0, :, 4:-4, 4:-4]
    return (base[:, None, None] + smooth).clamp(0, 1)


def words_of(actions: Sequence[int]) -> str:
    """What is done, in order: ``moves left, then grows``."""
    return ", then ".join(ACTIONS[place].words for place in actions)


def turned(actions: Sequence[int]) -> tuple[int, ...]:
    """The same actions in the opposite order; one alone is turned into its opposite.

    An order that reads the same both ways has its opposites instead, so that it is never what it was.
    """
    back = tuple(reversed(actions))
    return back if back != tuple(actions) else tuple(OPPOSITE[place] for place in actions)
