"""What the store answers: frozen values a picture can be drawn from, numpy only.

These are the reader's promises (:class:`core.store.reader.RunReader`); monitors depend on them and on nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.telemetry.spans import Span

Axis = Literal["step", "epoch", "seconds", "samples"]


IMPORTED = "import"  # the place of runs that came from the records of other programs


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """One row of the library."""

    id: int
    uid: str  # public, never reused
    name: str
    status: str  # core.telemetry.events.Status
    reason: str = ""
    created: float = 0.0  # seconds since 1970, UTC
    seconds: float = 0.0  # running time
    step: int = 0  # last step said
    steps: int = 0  # steps planned
    seed: int = 0
    place: str = "thread"  # thread, process, worker; IMPORTED: somebody else's record
    parent: str = ""  # uid of the run this was forked or continued from
    parent_step: int = 0
    document_id: str = ""
    document_name: str = ""
    tags: tuple[str, ...] = ()
    notes: str = ""
    last: Mapping[str, float] = field(default_factory=dict)  # series -> last value
    best: Mapping[str, float] = field(default_factory=dict)  # series -> best value (lowest loss, highest otherwise)
    deleted: bool = False
    phase: str = ""  # core.telemetry.events.Phase
    done: int = 0  # of what the phase counts
    of: int = 0
    position: float | None = None  # in the queue of runs

    @property
    def waits(self) -> bool:
        """Whether it stands in the queue and nobody has begun it."""
        return self.status == "queued" and self.position is not None

    @property
    def is_imported(self) -> bool:
        """Whether another program trained it: there is no graph to it and no checkpoint."""
        return self.place == IMPORTED


@dataclass(frozen=True, kw_only=True)
class Head:
    """How far a run has come. ``revision`` grows with everything written, so an unchanged one means nothing new."""

    step: int = 0
    seconds: float = 0.0
    epoch: float = 0.0
    samples: int = 0
    steps: int = 0  # planned
    status: str = "queued"
    revision: int = 0
    phase: str = ""  # core.telemetry.events.Phase
    done: int = 0  # of what the phase counts
    of: int = 0
    position: float | None = None  # in the queue of runs

    @property
    def is_live(self) -> bool:
        """Whether something is being said, or will be."""
        return self.status in ("running", "paused")

    @property
    def seconds_left(self) -> float | None:
        """Running time that the steps still to be done take at the pace so far; None before there is a pace."""
        if not self.is_live or self.step <= 0 or self.seconds <= 0 or self.steps < self.step:
            return None
        return (self.steps - self.step) * self.seconds / self.step


@dataclass(frozen=True, kw_only=True)
class SeriesInfo:
    """A named series of a run. Kinds: scalar, device, and those of core.store.snapshots.KINDS."""

    name: str
    kind: str
    count: int = 0
    first_step: int = 0
    last_step: int = 0


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A scalar series reduced to at most ``points`` buckets that keep every extreme.

    Where the series is short, each bucket is one point and low == high == last. NaN and infinity are kept.
    """

    name: str
    x: NDArray[np.float64]  # [n] on the asked axis, at the bucket's last point
    steps: NDArray[np.int64]  # [n]
    low: NDArray[np.float64]  # [n] smallest value in the bucket
    high: NDArray[np.float64]  # [n] largest
    last: NDArray[np.float64]  # [n] last value in the bucket
    count: int = 0  # points behind the picture
    nonfinite: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(0, dtype=np.int64)
    )  # [n] NaN, inf in a bucket


@dataclass(frozen=True, kw_only=True)
class HistogramAt:
    """A histogram at or before a step."""

    name: str
    step: int
    low: float
    high: float
    counts: NDArray[np.uint32]  # [bins]


@dataclass(frozen=True, kw_only=True)
class HistogramStrip:
    """Histograms over time, resampled on common edges, for a heat strip."""

    name: str
    steps: NDArray[np.int64]  # [n]
    low: float
    high: float
    density: NDArray[np.float32]  # [n, bins], each row sums to 1


@dataclass(frozen=True, kw_only=True)
class AttentionAt:
    """An attention map at or before a step."""

    name: str
    step: int
    weights: NDArray[np.float32]  # [samples, heads, queries, keys], rows sum to 1 up to the store's rounding
    queries: Mapping[str, Any]
    keys: Mapping[str, Any]
    exhibit: str


@dataclass(frozen=True, kw_only=True)
class SamplesAt:
    """Nearest answers at or before a step."""

    name: str
    step: int
    truth: NDArray[np.int32]
    nearest: NDArray[np.int32]
    scores: NDArray[np.float32]
    exhibit: str


@dataclass(frozen=True, kw_only=True)
class PairsAt:
    """Wrong partners that look alike, at or before a step; numbers are those of the source."""

    name: str
    step: int
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    cosine: NDArray[np.float32]
    origin: NDArray[np.uint8]  # an index into ``origins``
    origins: tuple[str, ...]
    hardest: int  # so many of the first are the batch's most similar; the rest was drawn at random


@dataclass(frozen=True, kw_only=True)
class PicturesAt:
    """Made pictures at or before a step; names are given to :meth:`core.store.reader.RunReader.file`."""

    name: str
    step: int
    made: tuple[str, ...]
    seeds: tuple[int, ...]
    titles: tuple[str, ...]  # as many, or none
    originals: tuple[str, ...]  # as many, or none
    frames: tuple[
        tuple[float, ...], ...
    ] = ()  # of films, as many: when each frame is shown; a picture is all of them in a row


@dataclass(frozen=True, kw_only=True)
class SoundsAt:
    """Made sounds at or before a step, named as pictures are."""

    name: str
    step: int
    made: tuple[str, ...]
    seeds: tuple[int, ...]
    titles: tuple[str, ...]
    originals: tuple[str, ...]
    hertz: int


@dataclass(frozen=True, kw_only=True)
class SegmentsAt:
    """Labelled spans at or before a step."""

    name: str
    step: int
    spans: tuple[Span, ...]  # from the beginning of what they are over
    labels: tuple[str, ...]
    scores: NDArray[np.float32]  # [n]
    over: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CodesAt:
    """Use of a code book at or before a step."""

    name: str
    step: int
    counts: NDArray[np.uint32]  # [K]
    perplexity: float
    dead: int
    bits: float


@dataclass(frozen=True, kw_only=True)
class OffsetsAt:
    """Offsets of sound and film at or before a step."""

    name: str
    step: int
    seconds: NDArray[np.float32]  # [n]
    scores: NDArray[np.float32]  # [n]
    over: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class EmbeddingsAt:
    """Both sides of a few samples at or before a step; axes may be turned from step to step."""

    name: str
    step: int
    left: NDArray[np.float32]  # [n, D]
    right: NDArray[np.float32]  # [n, D]
    numbers: NDArray[np.int32]  # [n]
    names: tuple[str, str]
    labels: tuple[str, ...]
    groups: tuple[str, ...]


JUDGEMENTS = ("false negative", "duplicate", "truly hard")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What a person said of a pair of a dataset; ``left`` is the smaller number."""

    left: int
    right: int
    mark: str  # one of JUDGEMENTS
    made: float = 0.0  # seconds since 1970
    run: str = ""  # uid of the run whose monitor showed it
    step: int = 0


@dataclass(frozen=True, kw_only=True)
class ExhibitFacts:
    """Pictures and sentences said once by a run."""

    name: str
    pictures: NDArray[np.uint8] | tuple[NDArray[np.uint8], ...]  # [n, H, W, 3], or each of its own height and width
    sentences: tuple[str, ...]
    words: tuple[tuple[str, ...], ...] = ()
    groups: tuple[str, ...] = ()
    frames: tuple[tuple[float, ...], ...] = ()  # of films, when each frame in a picture is shown, in seconds


@dataclass(frozen=True, kw_only=True)
class DeviceCurves:
    """Readings of one device: ``x`` seconds, one array a quantity."""

    device: str
    seconds: NDArray[np.float64]  # [n]
    values: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class MarkFacts:
    """A moment on the timeline."""

    step: int
    seconds: float
    kind: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class LogFacts:
    """One line of the log."""

    step: int
    seconds: float
    level: str
    text: str


@dataclass(frozen=True, kw_only=True)
class CheckpointFacts:
    """A checkpoint on disk."""

    step: int
    path: str
    metric: str = ""
    value: float | None = None
    best: bool = False
    kept: bool = True  # False once retention removed the file


TrialState = Literal["queued", "running", "finished", "failed", "skipped"]
SweepState = Literal["queued", "running", "paused", "finished"]


@dataclass(frozen=True, kw_only=True)
class SweepFacts:
    """One sweep of the store."""

    id: int
    uid: str  # public, never reused
    name: str
    created: float  # seconds since 1970, UTC
    state: str  # SweepState
    document_id: str = ""
    continue_on_error: bool = True
    place: str = "thread"  # thread, process
    position: float = 0.0  # in the queue
    alive: bool = False  # whether the process that runs its trials lives
    counts: Mapping[str, int] = field(default_factory=dict)  # trials by state
    revision: int = 0  # grows with every change

    @property
    def trials(self) -> int:
        """All of them."""
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """Those that need no more work."""
        return self.trials - self.counts.get("queued", 0) - self.counts.get("running", 0)


@dataclass(frozen=True, kw_only=True)
class TrialFacts:
    """One trial: a configuration with a seed."""

    number: int
    configuration: str  # JSON, see core.graph.configurations
    seed: int
    state: str  # TrialState
    run: str = ""  # uid
    value: float | None = None  # the metric
    figures: Mapping[str, float] = field(default_factory=dict)  # what it cost
    reason: str = ""
    step: int = 0  # of its run
    steps: int = 0
    run_status: str = ""
