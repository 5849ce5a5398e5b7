"""Which frames of a film are looked at: pure functions of when frames are shown, and of random numbers that are handed in.

Everything is counted in seconds, so films whose frames last unevenly are divided by time and not by number. Ways: middles of equal
parts; a moment drawn in each part (segments of TSN, arXiv:1608.00859); stretches of neighbouring frames (arXiv:1705.07750), one or
several for long films; moments that share out the motion evenly (arXiv:2104.09952 and its kin); and key frames, where the picture has
changed. Axes: T frames of the film, N frames that are chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.telemetry.spans import Span

Seconds = NDArray[np.floating[Any]]
Places = NDArray[np.int64]
SLACK = 1e-6  # seconds: times are sums of fractions


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """A stretch of a film: when each of its frames begins, and when the last one ends. Times of the whole film."""

    starts_T: Seconds  # rising
    end: float

    def __post_init__(self) -> None:
        rising = len(self.starts_T) > 0 and bool((np.diff(self.starts_T) > 0).all()) and self.starts_T[-1] <= self.end
        if not rising:
            raise ValueError("frames must begin one after another, and end after the last has begun")

    @property
    def begin(self) -> float:
        """When its first frame begins."""
        return float(self.starts_T[0])

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.begin

    def at(self, times_N: Seconds) -> Places:
        """The frames shown at times: each the last that has begun."""
        found = np.searchsorted(self.starts_T, times_N + SLACK, side="right") - 1
        return np.clip(found, 0, len(self.starts_T) - 1)

    def within(self, span: Span) -> Shown:
        """The part that is shown at some time in a span. Raises ValueError where nothing is."""
        first, last = self.at(np.array([span.start, max(span.start, span.end - 2 * SLACK)]))
        if span.start >= self.end or span.end <= self.begin:
            raise ValueError(
                f"nothing is shown from {span.start:g} to {span.end:g} s; the video runs from {self.begin:g} to {self.end:g} s"
            )
        end = float(self.starts_T[last + 1]) if last + 1 < len(self.starts_T) else self.end
        return Shown(starts_T=self.starts_T[first : last + 1], end=min(end, max(span.end, float(self.starts_T[last]))))


def middles(shown: Shown, count: int) -> Seconds:
    """Middles of equal parts of its time [N]."""
    return shown.begin + (np.arange(count) + 0.5) * (shown.seconds / count)


def in_segments(shown: Shown, count: int, jitter: float = 0.0, generator: np.random.Generator | None = None) -> Places:
    """A frame of each of equal parts of its time; a film with fewer frames than parts shows some several times.

    ``jitter``: how far from the part's middle a moment may be drawn, as a share of the part: 0 takes the middles, 1 draws from the
    whole part, so that every frame can be met. Frames never go backwards.
    """
    moved = generator.uniform(-0.5, 0.5, count) if generator is not None and jitter else np.zeros(count)
    return shown.at(middles(shown, count) + moved * jitter * (shown.seconds / count))


def in_stretches(
    shown: Shown, count: int, *, step_seconds: float, stretches: int = 1, generator: np.random.Generator | None = None
) -> Places:
    """``count`` frames, ``step_seconds`` apart, in equally many of each of ``stretches`` parts of the film.

    In each part where the generator says, else in its middle. Behind the film's end its last frame stands still.
    """
    if count % stretches:
        raise ValueError(f"{count} frames cannot be shared out equally over {stretches} stretches")
    each, part = count // stretches, shown.seconds / stretches
    spare = max(part - (each - 1) * step_seconds, 0.0)
    offset_S = generator.uniform(0, spare, stretches) if generator is not None else np.full(stretches, spare / 2)
    begin_S = shown.begin + np.arange(stretches) * part + offset_S
    return shown.at((begin_S[:, None] + np.arange(each) * step_seconds).ravel())


def by_motion(shown: Shown, count: int, motion_T: Seconds, *, least_gap: float = 0.0, floor: float = 0.1) -> Places:
    """Frames that divide the motion into equal parts: many where much moves, few where nothing does.

    ``motion_T`` [T]: how much each frame differs from the one before, per second or in any other unit; a share ``floor`` of the
    choice is by time alone, so that a still stretch is not left out. Frames are at least ``least_gap`` seconds apart. Even motion gives
    the middles of equal parts. Raises ValueError where so many frames cannot be so far apart.
    """
    edges = np.append(shown.starts_T, shown.end)
    lasting_T = np.diff(edges)
    rate_T = np.maximum(np.nan_to_num(motion_T), 0.0)
    total = float((rate_T * lasting_T).sum())
    even = 1.0 / max(shown.seconds, SLACK)
    density_T = even if total <= 0 else (1 - floor) * rate_T / total + floor * even
    reached = np.concatenate([[0.0], np.cumsum(density_T * lasting_T)])
    times = np.interp((np.arange(count) + 0.5) / count * reached[-1], reached, edges)
    return apart(shown, times, least_gap)


def apart(shown: Shown, times_N: Seconds, least_gap: float) -> Places:
    """The frames at rising times, moved as little as needed (in squares) to begin ``least_gap`` seconds apart.

    Raises ValueError where they cannot.
    """
    if least_gap <= 0:
        return shown.at(times_N)
    count = len(times_N)
    steps = np.arange(count) * least_gap
    low, high = shown.begin, float(shown.starts_T[-1]) - steps[-1]
    wished = np.clip(_rising(times_N - steps), low, max(low, high)) + steps
    places = shown.at(wished)
    for number in range(1, count):
        earliest = np.searchsorted(shown.starts_T, shown.starts_T[places[number - 1]] + least_gap - SLACK)
        places[number] = max(places[number], earliest)
        if places[number] >= len(shown.starts_T):
            places[number:] = len(shown.starts_T) - 1
            break
    for number in range(count - 2, -1, -1):
        latest_start = shown.starts_T[places[number + 1]] - least_gap + SLACK
        latest = int(np.searchsorted(shown.starts_T, latest_start, side="right")) - 1
        if latest < 0:
            raise ValueError(
                f"{count} frames that are {least_gap:g} s apart do not fit into {shown.seconds:.2f} s; "
                "take fewer or let them be nearer"
            )
        places[number] = min(places[number], latest)
    return places


def _rising(values_N: Seconds) -> Seconds:
    """The nearest sequence, in squares, that never falls: neighbours that do are pooled at their mean."""
    blocks: list[tuple[float, int]] = []
    for value in values_N:
        blocks.append((float(value), 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (left, before), (right, after) = blocks[-2:]
            blocks[-2:] = [((left * before + right * after) / (before + after), before + after)]
    return np.concatenate([np.full(size, mean) for mean, size in blocks])


def key_frames(looks_T: NDArray[np.float64], threshold: float) -> Places:
    """Frames whose picture has changed since the last key frame, the first of all among them.

    ``looks_T`` [T, H]: histograms that sum to one (:func:`histogram`); the difference is the share of pixels that lie in another
    cell, 0 to 1. It is taken to the last *key frame*: a slow fade differs little from frame to frame, and is found all the same.
    """
    found = [0]
    for place in range(1, len(looks_T)):
        if difference(looks_T[found[-1]], looks_T[place]) > threshold:
            found.append(place)
    return np.array(found)


def histogram(frame_HWC: NDArray[np.uint8], cells: int = 8) -> NDArray[np.float64]:
    """Shares of pixels in ``cells`` cells of each channel's values, [C * cells]; sums to one."""
    counts = [
        np.bincount(channel.ravel() // (256 // cells), minlength=cells) for channel in np.moveaxis(frame_HWC, -1, 0)
    ]
    made = np.concatenate(counts).astype(np.float64)
    return made / made.sum()


def difference(one_H: NDArray[np.float64], other_H: NDArray[np.float64]) -> float:
    """The share of pixels that lie in another cell, 0 (alike) to 1."""
    return float(np.abs(one_H - other_H).sum() / 2)


def around_keys(shown: Shown, keys: Places, count: int) -> Places:
    """``count`` frames from key frames: of too many the ones that lie evenly among them, of too few the widest gaps are halved."""
    if len(keys) >= count:
        return keys[np.round(np.linspace(0, len(keys) - 1, count)).astype(np.int64)] if count > 1 else keys[:1]
    times = [float(shown.starts_T[place]) for place in keys]
    while len(times) < count:
        edges = [*times, shown.end]
        widest = max(range(len(times)), key=lambda place: edges[place + 1] - edges[place])
        times.insert(widest + 1, (edges[widest] + edges[widest + 1]) / 2)
    return shown.at(np.array(times))


def motion(frames_THWC: NDArray[np.uint8]) -> Seconds:
    """How much each frame differs from the one before, in mean absolute grey levels of 255 [T]; the first as the second."""
    if len(frames_THWC) < 2:
        return np.zeros(len(frames_THWC))
    grey = frames_THWC.astype(np.float32).mean(-1)
    moved = np.abs(np.diff(grey, axis=0)).mean((1, 2)).astype(np.float64)
    return np.concatenate([moved[:1], moved])
