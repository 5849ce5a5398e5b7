"""What the query page is told: which runs can be asked, and what they answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.graph.reel import Reel
from core.store.answers import CheckpointFacts


@dataclass(frozen=True, kw_only=True)
class Askable:
    """A run with the checkpoints it can be asked at."""

    uid: str
    name: str
    checkpoints: tuple[CheckpointFacts, ...]
    why_not: str = ""  # a sentence where the run cannot be asked


@dataclass(frozen=True, kw_only=True)
class Ways:
    """How a run can be asked: what a ``sentence``, a ``picture``, ``both``, a ``sound`` or a ``film`` find (pictures, sentences, sounds, films)."""

    finds: Mapping[str, str]
    why_not: Mapping[str, str] = field(default_factory=dict)  # a sentence for each way that there is not
    answers: Mapping[str, str] = field(default_factory=dict)  # kind of answer -> why it cannot be given; empty: it can
    paints_sentences: bool = False  # what is generated is made from a sentence
    guidance: float | None = (
        None  # how far what is generated is moved towards it, as trained; None: it cannot be turned
    )
    walks: bool = False  # what lies between two can be generated
    of_sound: Mapping[str, str] = field(default_factory=dict)  # the same for an audio file; empty: it takes none
    of_film: Mapping[str, str] = field(default_factory=dict)  # the same for a video
    has_codes: bool = False  # there is a code book that images are drawn from

    def gives(self, kind: str) -> bool:
        """Whether a kind of answer is known to be possible."""
        return self.answers.get(kind, "unknown") == ""

    def hears(self, kind: str) -> bool:
        """Whether a kind of answer to an audio file is known to be possible."""
        return self.of_sound.get(kind, "unknown") == ""

    def sees(self, kind: str) -> bool:
        """Whether a kind of answer to a video is known to be possible."""
        return self.of_film.get(kind, "unknown") == ""


EITHER = Ways(finds={"sentence": "pictures", "picture": "sentences"})  # until more is known


@dataclass(frozen=True, kw_only=True, eq=False)
class Sounding:
    """A sound that is shown and played."""

    samples: NDArray[np.float32]  # [S], 1 is full scale
    hertz: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.hertz


@dataclass(frozen=True, kw_only=True, eq=False)
class Filming:
    """A video that is shown: frames of equal parts of its time."""

    tiles: tuple[NDArray[np.uint8], ...]  # [H, W, 3] each
    seconds: float
    frames: int  # of the whole video
    reel: Reel | None = None  # to be played


@dataclass(frozen=True, kw_only=True, eq=False)
class FilmLooks:
    """Where in a video an answer comes from: frames as the model saw them, and how much of it lies in each of their cells."""

    frames: tuple[NDArray[np.uint8], ...]  # [H, W, 3] each
    starts: tuple[float, ...]  # seconds
    end: float  # of the last
    by_way: Mapping[str, NDArray[np.float32]]  # way of following -> [T, h, w], which sums to one
    words: tuple[str, ...] = ()
    by_word: NDArray[np.float32] | None = None  # [L, T, h, w], each sums to one


@dataclass(frozen=True, kw_only=True)
class FilmLookWish:
    """Where in a video does one of the answers about it come from?"""

    path: str
    kind: str  # of answers
    answer: str = ""  # a sentence, or the name of a class


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The question: a sentence, an image, both, a sound, or a video."""

    sentence: str = ""
    picture: NDArray[np.uint8] | None = None  # [H, W, 3], as the model saw it
    words: tuple[str, ...] = ()  # what the text tokens stand for
    sound: Sounding | None = None  # as the model heard it
    film: Filming | None = None
    looks: FilmLooks | None = None  # where in that video what was written comes from


@dataclass(frozen=True, kw_only=True)
class MakingWish:
    """Images to make. ``to``: the sentence (empty: the same) and the seed at the other end of a walk."""

    count: int
    seed: int
    sentence: str = ""
    to: tuple[str, int] | None = None


@dataclass(frozen=True, kw_only=True)
class QueryAnswer:
    """One ranked answer. ``picture_heat`` lies over its picture (or over the asked one), ``word_heat`` over its words."""

    score: float | None = None  # cosine; None where nothing was ranked
    sentence: str = ""
    picture: NDArray[np.uint8] | None = None  # [H, W, 3]
    picture_heat: NDArray[np.float32] | None = None  # [h, w]
    words: tuple[str, ...] = ()
    word_heat: tuple[float, ...] = ()  # one a word
    word_maps: NDArray[np.float32] | None = None  # [words, h, w]: where each word was attended to over its picture
    close: NDArray[np.uint8] | None = None  # [H, W, 3], shown close up instead of its picture
    group: str = ""  # concept or family, where the data knows it
    sound: Sounding | None = None
    reel: Reel | None = None  # of a video that was found
    span: tuple[float, float] | None = None  # seconds of the asked sound or video


@dataclass(frozen=True, kw_only=True)
class QueryAnswers:
    """Everything one question gave."""

    asked: Asked
    kind: Literal[
        "pictures", "sentences", "sounds", "films", "classes", "made", "written", "codes", "transcribed", "aligned", "events", "actions", "offsets"
    ]  # fmt: skip
    answers: tuple[QueryAnswer, ...]  # best first
    pool: str = ""  # among what was searched: 167 held-out pictures
    seconds: float = 0.0
    made: int = 0  # images that were made (their originals stand before them and do not count), codes that there are, or parts with an offset
    offset: float | None = None  # seconds that audio is late, the median of its parts; None: that cannot be told
    written: str = ""  # the sentence that was written; its words are the answers
    is_partial: bool = False  # cancelled: what there was by then
    asked_heat: NDArray[np.float32] | None = field(default=None)  # [h, w] over the asked picture
    asked_word_heat: tuple[float, ...] = ()
    chances: NDArray[np.float32] | None = field(
        default=None
    )  # [L, T]: how likely each answer is at each frame of the sound
    frames: tuple[tuple[float, float], ...] = ()  # seconds of each frame
