"""Time, in one file: half-open spans in seconds, one rounding rule, and seconds <-> samples <-> hops <-> frames.

A sample, a hop and a frame are whole numbers, a second is none: what is counted is added as whole numbers and turned into
seconds once, at the end (lhotse's ``add_durations``). Rounding is half up, on the decimal number that a person reads: 0.05 s
at 10 Hz is half a sample, so one, whatever the binary fraction is. Ranges are half open everywhere, as in torchcodec.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

Seconds = float | int | Fraction


def half_up(number: Seconds) -> int:
    """The nearest whole number; of two equally near ones the greater. The one rounding of times."""
    return math.floor(exact(number) + Fraction(1, 2))


def exact(number: Seconds) -> Fraction:
    """The decimal number that is written for a float. Raises ValueError where it is none that is finite."""
    if isinstance(number, (int, Fraction)):
        return Fraction(number)
    if not math.isfinite(number):
        raise ValueError(f"a time must be a finite number of seconds, not {number!r}")
    return Fraction(repr(float(number)))


@lru_cache(maxsize=4096)  # asked again for every sample of a run
def samples_in(seconds: Seconds, hertz: int) -> int:
    """How many samples a duration is, and which sample a time is."""
    return half_up(exact(seconds) * hertz)


def counted(seconds: Seconds, hertz: int) -> Fraction:
    """A time in samples, parts of them too; one that is a sample's own, as :func:`seconds_of` says it, is that whole number.

    Halves of whole numbers are then equally near two others, and not a little nearer one for a float's last digit.
    """
    whole = samples_in(seconds, hertz)
    return Fraction(whole) if seconds_of(whole, hertz) == seconds else exact(seconds) * hertz


@lru_cache(maxsize=4096)
def samples_lasting(seconds: Seconds, hertz: int) -> int:
    """The fewest samples that last as long: what is read so that nothing lacks at another rate."""
    return math.ceil(exact(seconds) * hertz)


def seconds_of(samples: int, hertz: int) -> float:
    """When a sample is, and how long so many are; :func:`samples_in` is the inverse."""
    return samples / hertz


def sum_of(durations: Iterable[Seconds], hertz: int) -> float:
    """How long things are one after another: added in samples, so that thousands of them leave no error."""
    return seconds_of(sum(samples_in(seconds, hertz) for seconds in durations), hertz)


def samples_at(samples: int, hertz: int, other: int) -> int:
    """As many samples at another rate as hold all of these: what a resampler gives."""
    return -(-samples * other // hertz)


def hops_in(samples: int, hop: int) -> int:
    """Frames of a spectrogram whose frames are centred on every ``hop`` th sample, from the first on; none of nothing."""
    return samples // hop + 1 if samples > 0 else 0


def hop_at(sample: int, hop: int) -> int:
    """The frame whose centre is nearest; :func:`sample_of_hop` is the inverse."""
    return half_up(Fraction(sample, hop))


def sample_of_hop(frame: int, hop: int) -> int:
    """Where a frame's centre is."""
    return frame * hop


def frame_at(seconds: Seconds, starts: Sequence[float]) -> int:
    """The film frame that is shown: the last that has begun, the first before any has. ``starts`` rise."""
    return max(0, bisect_right(starts, seconds) - 1)


def durations_of(starts: Sequence[float], end: float) -> tuple[float, ...]:
    """How long each frame of a film is shown: until the next one starts, the last until ``end``."""
    return tuple(later - start for start, later in zip(starts, (*starts[1:], end)))


@dataclass(frozen=True, kw_only=True, order=True)
class Span:
    """From ``start`` on, up to but without ``end``, in seconds; ordered by start, then end. Empty where they are one."""

    start: float
    end: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and math.isfinite(self.end) and self.start <= self.end):
            raise ValueError(f"a span ends where it starts or later, not [{self.start!r}, {self.end!r})")

    @classmethod
    def of_samples(cls, samples: range, hertz: int) -> Span:
        """The inverse of :meth:`samples`."""
        return cls(start=seconds_of(samples.start, hertz), end=seconds_of(max(samples.start, samples.stop), hertz))

    @classmethod
    def of_hops(cls, frames: range, hertz: int, hop: int) -> Span:
        """The inverse of :meth:`hops`: from the first frame's centre to that of the frame behind the last."""
        return cls.of_samples(range(sample_of_hop(frames.start, hop), sample_of_hop(frames.stop, hop)), hertz)

    @classmethod
    def of_frames(cls, frames: range, starts: Sequence[float], end: float) -> Span:
        """The inverse of :meth:`frames`: from a frame's start to where the frame behind the last one starts."""
        edges = (*starts, end)
        return cls(start=edges[frames.start], end=edges[max(frames.start, frames.stop)])

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start

    @property
    def is_empty(self) -> bool:
        """Whether no time lies in it."""
        return self.start == self.end

    def __contains__(self, seconds: float) -> bool:
        return self.start <= seconds < self.end

    def common(self, other: Span) -> Span | None:
        """What lies in both; None where nothing does."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Span(start=start, end=end) if start < end else None

    def shifted(self, samples: int, hertz: int) -> Span:
        """Later by so many samples, counted from the samples that its ends are."""
        first, last = samples_in(self.start, hertz) + samples, samples_in(self.end, hertz) + samples
        return Span.of_samples(range(first, last), hertz)

    def samples(self, hertz: int) -> range:
        """Its samples. Neighbouring spans have neighbouring samples: none is lost or told twice."""
        return range(samples_in(self.start, hertz), samples_in(self.end, hertz))

    def hops(self, hertz: int, hop: int) -> range:
        """The spectrogram frames whose centres lie in it."""
        samples = self.samples(hertz)
        return range(-(-samples.start // hop), -(-samples.stop // hop))

    def frames(self, starts: Sequence[float]) -> range:
        """The film frames that are shown at some time in it."""
        if self.is_empty:
            return range(0)
        first, last = frame_at(self.start, starts), max(0, bisect_right(starts, self.end) - 1)
        return range(first, last + (starts[last] < self.end))


@dataclass(frozen=True, kw_only=True)
class Times:
    """How time runs through one step: ``after = (before - first / hertz) / speed``, of which ``samples`` are kept.

    ``first`` is negative where silence was put in front; ``samples`` are counted at ``hertz`` behind the step, None: all.
    Spans come out on whole samples.
    """

    hertz: int
    first: int = 0
    samples: int | None = None
    speed: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        if self.hertz < 1 or self.speed <= 0:
            raise ValueError(f"time runs forward and is counted: not at {self.hertz} Hz with speed {self.speed}")

    def forward(self, span: Span) -> Span | None:
        """Where a span before the step lies behind it; None where nothing of it is left."""
        edges = [
            half_up((counted(edge, self.hertz) - self.first) / self.speed) for edge in (span.start, span.end)
        ]  # in samples behind the step
        most = edges[1] if self.samples is None else min(edges[1], self.samples)
        first = max(edges[0], 0)
        return Span.of_samples(range(first, most), self.hertz) if first < most else None

    def back(self, span: Span) -> Span:
        """Where a span behind the step lay before it."""
        edges = [half_up(counted(edge, self.hertz) * self.speed) + self.first for edge in (span.start, span.end)]
        return Span.of_samples(range(edges[0], edges[1]), self.hertz)


@dataclass(frozen=True, kw_only=True)
class Course:
    """Several steps, one after another."""

    steps: tuple[Times, ...] = ()

    def forward(self, span: Span) -> Span | None:
        """Where a span before all of them lies behind them; None where nothing of it is left."""
        found: Span | None = span
        for step in self.steps:
            found = None if found is None else step.forward(found)
        return found

    def back(self, span: Span) -> Span:
        """Where a span behind all of them lay before them."""
        for step in reversed(self.steps):
            span = step.back(span)
        return span
