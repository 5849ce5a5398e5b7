"""What a run says. Frozen values, numpy only; the vocabulary is the architecture.

Every event carries ``at``: the step it belongs to and the seconds since the run began (monotonic, pauses left out).
A run says events to a :class:`Listener`; the recorder (:mod:`core.store.recorder`) is the one that keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from core.telemetry.spans import Span

Level = Literal["info", "warning", "error"]
Status = Literal["queued", "running", "paused", "finished", "stopped", "failed", "diverged", "interrupted"]
Phase = Literal["", "preparing", "training", "evaluating", "saving", "stopping"]
ENDED: frozenset[str] = frozenset({"finished", "stopped", "failed", "diverged", "interrupted"})


ORIGINS = (
    "in-batch",
    "queue",
    "mined",
    "random",
    "level 1",
    "level 2",
    "level 3",
    "marked",
)  # where a negative comes from


@dataclass(frozen=True, kw_only=True)
class At:
    """When something was said."""

    step: int
    seconds: float  # since the run began
    epoch: float = 0.0
    samples: int = 0  # seen so far


@dataclass(frozen=True, kw_only=True)
class Scalars:
    """Numbers at a step, by series name: ``loss``, ``loss/info_nce``, ``temperature/info_nce``, ``rate/vit``,
    ``gradient/vit``, ``gradient/modality/image``, ``throughput``, ``retrieval/seen/image_to_text/R@1`` ..."""

    at: At
    values: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Counts between edges. Series: ``similarity/<objective>/positive``, ``.../negative`` (cosine), and
    ``.../negative/<origin>`` where negatives were chosen."""

    at: At
    series: str
    low: float
    high: float
    counts: NDArray[np.uint32]  # [bins]


@dataclass(frozen=True, kw_only=True)
class AttentionMap:
    """One layer's attention on the diagnostic batch. Rows sum to one; ``weights`` is quantised only in the store.

    Where ``queries`` say ``"measure": "cosine"`` it is no attention: cosines from -1 to 1 of each query with each key.

    ``queries`` and ``keys`` say what the axes are: ``{"kind": "patches", "height": 8, "width": 8, "extra": 1}`` (extra
    leading tokens such as CLS) or ``{"kind": "words"}`` (the exhibit's words). ``each`` has every sample's height and width where
    they differ; a sample's own tokens come first.
    """

    at: At
    series: str  # attention/<node>/<layer number>
    weights: NDArray[np.float16]  # [samples, heads, queries, keys]
    queries: Mapping[str, Any]
    keys: Mapping[str, Any]
    exhibit: str = "probe"  # which exhibit's samples these are


@dataclass(frozen=True, kw_only=True)
class Samples:
    """The nearest answers for each diagnostic question. Series: ``samples/image_to_text`` and the reverse."""

    at: At
    series: str
    truth: NDArray[np.int32]  # [questions] the right answer's index in the exhibit
    nearest: NDArray[np.int32]  # [questions, k] indices in the exhibit, best first
    scores: NDArray[np.float32]  # [questions, k] cosine
    exhibit: str = "held out"


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Wrong partners of one step that look alike, by their numbers in the source. Series: ``pairs/<objective>``.

    The first ``hardest`` are the most similar of the batch, best first; the others were drawn at random from the rest.
    """

    at: At
    series: str
    left: NDArray[np.int32]  # [n]
    right: NDArray[np.int32]  # [n]
    cosine: NDArray[np.float32]  # [n] of the left's first side with the right's second
    origin: NDArray[np.uint8]  # [n] an index into ``origins``
    origins: tuple[str, ...]
    hardest: int = 0


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """Pictures and sentences that other events point into, said once when the run begins."""

    at: At
    name: str
    pictures: NDArray[np.uint8]  # [n, H, W, 3], may be empty
    sentences: tuple[str, ...]
    words: tuple[tuple[str, ...], ...] = ()  # what the text tokens stand for, per sentence
    groups: tuple[str, ...] = ()
    sizes: tuple[
        tuple[int, int], ...
    ] = ()  # height and width of each picture where they differ; it lies at the upper left
    frames: tuple[
        tuple[float, ...], ...
    ] = ()  # of films, when each frame is shown, in seconds: a picture is then all frames side by side


Images = tuple[bytes, ...] | NDArray[np.uint8]  # PNG or lossless WebP files, or [n, H, W, C], C of 1 or 3


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Pictures that a block made or reconstructed at a step. Series: ``made/<node>/<port>``.

    Files are kept as they are; arrays are encoded by the store, without loss. Picture i was made from ``seeds[i]``.
    """

    at: At
    series: str
    pictures: Images
    seeds: tuple[int, ...]
    titles: tuple[str, ...] = ()  # what each stands for, where something was given: its caption
    originals: Images = ()  # what each should look like, where the block reconstructs
    frames: tuple[tuple[float, ...], ...] = ()  # as in Exhibit: of films


@dataclass(frozen=True, kw_only=True)
class Sounds:
    """Sounds that a block made or reconstructed at a step. Series: ``made/<node>/<port>``.

    FLAC files are kept as they are; samples in [-1, 1] are encoded by the store with 24 bits, and cut beyond that range.
    """

    at: At
    series: str
    sounds: tuple[bytes, ...] | NDArray[np.float32]  # [n, S]
    hertz: int
    seeds: tuple[int, ...]
    titles: tuple[str, ...] = ()
    originals: tuple[bytes, ...] | NDArray[np.float32] = ()  # [n, S]


@dataclass(frozen=True, kw_only=True)
class Segments:
    """Labelled spans of time, half open, over a recording or a film. Series: ``segments/<node>``."""

    at: At
    series: str
    spans: tuple[Span, ...]  # from the beginning of what they are over
    labels: tuple[str, ...]
    scores: tuple[float, ...]
    over: tuple[str, ...]  # of each, what it is over: ``test/17``, a split and a sample's number


@dataclass(frozen=True, kw_only=True)
class Codes:
    """Use of a code book of K codes on the diagnostic's samples. Series: ``codes/<node>``, or ``codes/<node>/<book>`` of several."""

    at: At
    series: str
    counts: NDArray[np.uint32]  # [K]
    perplexity: float  # 1 to K: exp of the entropy of the use
    dead: int  # codes below the share of use at which they count as dead
    bits: float  # a pixel of images, at the length that all codes have


@dataclass(frozen=True, kw_only=True)
class Offsets:
    """By how much sound and film of samples are apart, as a model hears it. Series: ``offsets/<node>``."""

    at: At
    series: str
    seconds: NDArray[np.float32]  # [n] positive: the sound comes later
    scores: NDArray[np.float32]  # [n]
    over: tuple[str, ...]  # as in Segments


@dataclass(frozen=True, kw_only=True)
class Embeddings:
    """Both sides of the same held-out samples in the space they share, at most a few hundred. Series: ``embeddings/<objective>``.

    Axes may be turned from step to step: only what lies between the points is told.
    """

    at: At
    series: str
    left: NDArray[np.float16]  # [n, D]
    right: NDArray[np.float16]  # [n, D]
    numbers: NDArray[np.int32]  # [n] of the samples in the source
    names: tuple[str, str]  # modalities of the left and the right side
    labels: tuple[str, ...]  # captions
    groups: tuple[str, ...] = ()  # classes, where the data has some


@dataclass(frozen=True, kw_only=True)
class DeviceLoad:
    """One reading of one device: ``cpu`` or ``gpu0``. Units in the names: percent, mebibytes, watts, celsius, megahertz."""

    at: At
    device: str
    values: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A sentence about the run."""

    at: At
    text: str
    level: Level = "info"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A moment worth jumping to: stage, checkpoint, best, warning, note."""

    at: At
    kind: Literal["stage", "checkpoint", "best", "warning", "note"]
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)  # checkpoint: path, metric, value


@dataclass(frozen=True, kw_only=True)
class StatusChange:
    """The run went from one state to another; ``reason`` is a sentence where it failed or stopped."""

    at: At
    status: Status
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class PhaseChange:
    """What a run that goes on is about now. ``done`` of ``of`` where that is counted (an evaluation: samples)."""

    at: At
    phase: Phase
    done: int = 0
    of: int = 0


Event = (
    PhaseChange
    | Scalars
    | Histogram
    | AttentionMap
    | Samples
    | Pairs
    | Exhibit
    | Pictures
    | Sounds
    | Segments
    | Codes
    | Offsets
    | Embeddings
    | DeviceLoad
    | LogLine
    | Mark
    | StatusChange
)


class Listener(Protocol):
    """Whoever a run talks to. Must return within microseconds and never raise."""

    def say(self, event: Event) -> None:
        """Take an event."""


class Silence:
    """A listener that forgets everything: for tests and benches."""

    def say(self, event: Event) -> None:
        """Forget it."""
