"""What the Inspect page shows and wishes for. Frozen; arrays are NumPy's. Axes: H heads, Q queries, K keys, S shares removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from widgets.look.heat.side import Side

MEAN, GREATEST = -1, -2  # as a head: of all heads
Way = Literal["layer", "raw", "rollout", "gradient"]
WAYS: Mapping[Way, str] = {
    "layer": "One layer and head", "raw": "Attention of the last layer", "rollout": "Attention rollout",
    "gradient": "Gradient relevance",
}  # fmt: skip
ROWS: Mapping[Way, str] = {
    "layer": "Each row says how a query shares out its attention among the keys, and sums to one.",
    "raw": "The last layer's attention where the score reads it, mean over heads. It does not know what the score is about.",
    "rollout": "All layers' attention multiplied, half of each the skip connection. Rows sum to one; it does not know the score.",
    "gradient": "What of every layer's attention raises this score, followed to where it comes from. Shares of one.",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Layer:
    """The maps of one layer."""

    key: str  # node/number
    title: str
    weights_HQK: NDArray[np.float32]
    queries: Side
    keys: Side


@dataclass(frozen=True, kw_only=True)
class RuleMap:
    """By one rule: how much each place counts for the score, and each word; with each word alone, how much each place."""

    places: Side | None = None
    place_K: NDArray[np.float32] | None = None
    word_Q: NDArray[np.float32] | None = None
    by_word_QK: NDArray[np.float32] | None = None


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One sample as one checkpoint sees it."""

    uid: str
    step: int
    run: str  # its name
    picture: NDArray[np.uint8] | None  # [H, W, 3]: an image, frames on a sheet, or a spectrogram
    sentence: str
    words: Side | None
    layers: tuple[Layer, ...]
    rules: Mapping[str, RuleMap] = field(default_factory=dict)
    score: float | None = None
    score_kind: str = ""
    says: str = ""  # of a classifier: which class it says, in words
    objective: str = ""
    objectives: Mapping[str, str] = field(default_factory=dict)  # node -> title
    why_no_score: str = ""
    ranks: tuple[str, ...] = ()  # in words, one a direction
    change: str = ""  # what was done to it, in words
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """One map that is drawn and pointed at."""

    weights_QK: NDArray[np.float32]
    queries: Side
    keys: Side
    whole_K: NDArray[np.float32]  # what keys show where nothing is pointed at
    whole_Q: NDArray[np.float32] | None = None
    is_relevance: bool = False


@dataclass(frozen=True, kw_only=True)
class ChangeWish:
    """What is done to one modality of the sample; ``amount``: the share masked, or seconds."""

    modality: str
    how: str
    amount: float = 0.5
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class SampleWish:
    """What is looked at: a sample of a split, or what a person brings."""

    split: str = ""
    index: int | None = None
    sentence: str = ""
    picture: str = ""  # a file
    objective: str = ""
    change: ChangeWish | None = None


@dataclass(frozen=True, kw_only=True)
class Curves:
    """How the score falls and comes back; at random the mean and where 95 % of the draws lie."""

    way: str
    shares: tuple[float, ...]
    deletion_S: NDArray[np.float32]
    insertion_S: NDArray[np.float32]
    random: Mapping[str, tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]]  # mean, low, high
    areas: Mapping[str, float]
    draws: int


@dataclass(frozen=True, kw_only=True)
class Listed:
    """Samples that can be chosen."""

    splits: tuple[str, ...]
    split: str
    samples: tuple[tuple[int, str], ...]  # index, label
    total: int
    brings: frozenset[str]  # of ``picture`` and ``sentence``: what a person can bring
    changes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # modality -> how it can be changed


@dataclass(frozen=True, kw_only=True)
class ChangeRow:
    """What survives of a held-out score with one change."""

    objective: str
    modality: str
    how: str
    score: str
    survives: str


@dataclass(frozen=True, kw_only=True)
class ChangeReport:
    """All changes over a split, in words; ``table`` is what a CSV file gets."""

    title: str
    rows: tuple[ChangeRow, ...]
    flags: tuple[str, ...]
    notes: tuple[str, ...]
    table: tuple[Mapping[str, object], ...]
