"""Sources and transforms: nodes that run per sample, in loader workers.

A sample value on an ``image`` port is a float32 tensor C H W in [0, 1]; on ``pictures`` its :class:`Patches`; on ``sentence`` a str;
on ``text`` a :class:`core.blocks.values.Text`-like pair made by a tokenizer (:class:`Pieces`); on ``waveform``, ``spectrogram``,
``segments`` and ``video`` a :class:`core.data.media.Wave`, ``Bands``, ``Marks`` or ``Film``, which carry rate, true length and times.
Randomness comes only from the generator handed in, keyed by (seed, epoch, index): the same for any number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from core.data.contents import Cancelled
from core.data.sounds import Heard
from core.graph.dataset import SoundsReport
from core.graph.ports import Port
from core.knobs import in_words
from core.problems import Fix, Problem, Refused, refuse
from core.telemetry.spans import Times


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """A tokenized sentence before batching: ``ids`` int64 [L] padded, ``real`` of them count; ``words`` for pictures."""

    ids: Any  # Tensor [L]
    real: int
    vocabulary: int
    words: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Patches:
    """A picture of its own size before batching: ``patches`` float32 [rows * columns, C], a patch its channels, rows and columns."""

    patches: Any  # Tensor [N, C]
    rows: int
    columns: int
    patch: int  # edge in pixels
    most: int  # patches of the largest picture there can be

    def picture(self) -> Any:
        """The picture again, float32 [C, H, W]."""
        edge = self.patch
        grid = self.patches.unflatten(0, (self.rows, self.columns)).unflatten(
            2, (-1, edge, edge)
        )  # rows columns C edge edge
        return grid.permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Who waits for a data check: told how far it is, and may stop it."""

    progress: Callable[[int, int], None] = lambda done, of: None
    is_cancelled: Callable[[], bool] = lambda: False

    def go_on(self, done: int, of: int, *, every: int = 1) -> None:
        """Say how far it is. Raises Cancelled where nobody wants to wait any more."""
        if self.is_cancelled():
            raise Cancelled
        if done % every == 0:
            self.progress(done, of)


UNWATCHED = Watch()


@dataclass(frozen=True, kw_only=True)
class DataReport:
    """What the data panel shows."""

    counts: Mapping[str, int]  # split -> samples
    problems: tuple[
        Problem, ...
    ] = ()  # a file that cannot be used, or what many have in common; warnings: used, but odd
    left_out: int = 0  # rows and files that are not used
    shared_groups: tuple[str, ...] = ()  # groups that straddle two splits
    exact_duplicates: tuple[tuple[int, int], ...] = ()  # pairs of indices in different splits
    near_duplicates: tuple[tuple[int, int], ...] = ()
    sounds: SoundsReport | None = None  # of a source of sounds without images
    facts: Mapping[str, str] = field(default_factory=dict)  # licence, origin, size
    fingerprint: str = ""  # hash of what the samples are, kept with a run


@dataclass(frozen=True, kw_only=True)
class Wired:
    """A source that leads into another one, as plain values: what a join needs to make it again, in a worker process too."""

    port: str  # of the one that takes
    node: str  # the one that gives,
    block: str  # its kind
    knobs: tuple[tuple[str, Any], ...]  # and settings,
    given: str  # and which of its ports


class _Sampled:
    """What sources and transforms share: ports, knobs, a catalogue key."""

    key: ClassVar[str]
    title: ClassVar[str] = ""
    modality: ClassVar[str] = "any"
    takes: ClassVar[Mapping[str, Port]] = {}
    gives: ClassVar[Mapping[str, Port]] = {}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """No knobs."""

    def hears(self, incoming: Mapping[str, Heard]) -> tuple[Mapping[str, Heard], Sequence[Problem]]:
        """Rate and length of the sounds it gives, by port, and what contradicts those that come in.

        A fix may leave out ``node`` where it means this one.
        """
        return {}, ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.takes = MappingProxyType({name: replace(port, name=name) for name, port in cls.takes.items()})
        cls.gives = MappingProxyType({name: replace(port, name=name) for name, port in cls.gives.items()})


class Source(_Sampled):
    """A dataset. Making one is cheap and touches no file; :meth:`open` reads the index."""

    def __init__(self, config: Any) -> None:
        self.config = in_words(config)

    def open(self) -> None:
        """Read the index (not the media). Raises Refused with a sentence about what is missing. Idempotent."""
        raise NotImplementedError

    def settle(self, reads: Callable[[str], Hashable]) -> None:
        """Rows whose sentences a run ``reads`` alike are one group from now on; most sources have no such rows."""

    def unready(self) -> Problem | None:
        """What a person must still choose before anything can be read, from the configuration alone."""
        return None

    def missing(self) -> Problem | None:
        """What the configuration names and this machine does not have: a quick look, before a run is begun."""
        return None

    def __len__(self) -> int:
        raise NotImplementedError

    def splits(self) -> Mapping[str, Sequence[int]]:
        """Indices by split: ``train``, ``validation``, ``test`` (unseen groups), and others a source names."""
        raise NotImplementedError

    def sample(self, index: int) -> dict[str, Any]:
        """One sample by outgoing port. Deterministic. Raises Refused naming the file where it cannot be read."""
        raise NotImplementedError

    def size(self, index: int) -> tuple[int, int] | None:
        """Height and width of a sample's picture where they are known without decoding it. Raises Refused as sample does."""
        return None

    def part(self, index: int, ports: Collection[str]) -> dict[str, Any]:
        """Only these ports of a sample: a caption without decoding its picture, where a source can do that."""
        sample = self.sample(index)
        return {port: sample[port] for port in ports}

    def problems(self) -> tuple[Problem, ...]:
        """Rows and files that :meth:`open` found unusable and left out."""
        return ()

    def faulty(self) -> int:
        """How many rows and files :meth:`open` could not use for a fault of theirs."""
        return sum(problem.severity == "error" for problem in self.problems())

    def left_out(self) -> int:
        """How many rows and files :meth:`open` did not take, faulty or of another kind; a problem may speak of many."""
        return self.faulty()

    def facts(self) -> Mapping[str, str]:
        """Licence, origin, what is held out: lines for the data panel."""
        return {}

    def fingerprint(self) -> str:
        """A hash of what the samples are and how they are split, kept with a run: of contents, wherever they lie.

        Reads :meth:`media` that was not read before (:mod:`core.data.contents`).
        """
        raise NotImplementedError

    def named_columns(self) -> tuple[str, ...]:
        """What :meth:`column` knows, once it is open."""
        return ()

    def column(self, name: str) -> Sequence[str]:
        """A named column's value of every sample, empty where it has none. Raises Refused where there is no such column."""
        raise self.lacks(name)

    def lacks(self, name: str) -> Refused:
        """That there is no such column, and which there are."""
        known = self.named_columns()
        hint = f"It has: {', '.join(known)[:300]}." if known else "Its samples have no columns to join by."
        return refuse(f"{self.title} has no column {name!r}.", hint=hint)

    def media(self) -> Sequence[Path]:
        """The files whose contents samples are made of; none where they come with the program."""
        return ()

    def former_fingerprints(self) -> tuple[str, ...]:
        """What earlier versions of the program called the data as it is now."""
        return ()

    def group(self, index: int) -> str:
        """What must not straddle splits: a name family, a recording, a speaker."""
        raise NotImplementedError

    def held_out_by(self, split: str) -> str:
        """What a whole split has that training has not, besides its samples: unseen speakers, say; empty where that is nothing."""
        return ""

    def picture(self, index: int) -> Hashable:
        """Equal for samples that show the same picture; without one, every sample is its own."""
        return index

    def label(self, index: int) -> str:
        """A short caption for lists; equal labels count as equal answers in retrieval."""
        raise NotImplementedError

    def class_names(self, index: int) -> tuple[str, ...]:
        """The nested classes a sample belongs to, coarse to fine; empty where the data does not say."""
        return ()

    def code_names(self, port: str) -> Sequence[str]:
        """What the codes on a port of labels or segments stand for, in order; empty where the data does not say."""
        return ()

    def meta(self, batch: int) -> dict[str, Any]:
        """A batch of what this source gives, on meta tensors, from the configuration alone. Sentences give None."""
        raise NotImplementedError

    compared: ClassVar[Sequence[str]] = ()  # the ports that the data check reads of every sample; empty: all

    def report(self, watch: Watch = UNWATCHED) -> DataReport:
        """Counts, unreadable files, and the split check. May take seconds; never called on the window's thread.

        Raises Cancelled where it was stopped.
        """
        raise NotImplementedError

    def mend(self) -> Fix | None:
        """What would keep groups out of two splits where the data's own splits do not, as a change of a setting; None: nothing here."""
        return None


class Transform(_Sampled):
    """A step on single samples: augment, tokenize, spectrogram."""

    draws: ClassVar[bool] = (
        False  # gives random numbers alone, whatever comes in: what is made has them from its own seed
    )
    only_in_training: ClassVar[bool] = False  # augmentations: skipped when evaluating
    plants: ClassVar[bool] = (
        False  # makes a fault that is told, to learn and score by: what a person brings passes as it is
    )
    alternatives: ClassVar[bool] = False  # each outgoing port passes on whichever incoming one of its kind is there
    hangs_on: ClassVar[
        Mapping[str, tuple[str, ...]]
    ] = {}  # outgoing port -> the incoming ones that it alone hangs on; else on all
    learns_from: ClassVar[
        Sequence[str]
    ] = ()  # ports that only :meth:`fit` reads; what a person gives need not have them

    def cells(self, height: int, width: int) -> tuple[int, int] | None:
        """Rows and columns of patches that a picture of this size becomes; None where that cannot be told from its size."""
        return None

    def __init__(self, config: Any) -> None:
        self.config = in_words(config)

    def fit(self, samples: Iterable[Mapping[str, Any]]) -> None:
        """Learn from the training split (a vocabulary); most transforms learn nothing."""

    @property
    def needs_fit(self) -> bool:
        """Whether :meth:`fit` must be called before the first sample."""
        return False

    def state(self) -> dict[str, Any]:
        """What fit learned, as plain JSON data: kept in checkpoints."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`state`."""

    def reads(self, sentence: str) -> Hashable | None:
        """What a sentence is to this step: equal for sentences that it cannot tell apart. None where it reads none."""
        return None

    def decode(self, ids: Iterable[int]) -> str:
        """The sentence that numbers stand for, of a step that cuts sentences."""
        raise NotImplementedError

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """From incoming to outgoing port values of one sample."""
        raise NotImplementedError

    def evaluated(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """The same where nothing is trained; a step that draws only in training overrides it."""
        return self.apply(values, generator)

    def seen_again(self, values: Mapping[str, Any], generator: np.random.Generator, look: int) -> dict[str, Any]:
        """The same at a further look, 1, 2 ...: another view of a held-out sample, whose scores are averaged. Most have one."""
        return self.evaluated(values, generator)

    def times(self, values: Mapping[str, Any], generator: np.random.Generator) -> Times | None:
        """How time runs through this step for the sample that :meth:`apply` makes of the same values and random numbers.

        None: it stays as it is.
        """
        return None

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """A batch of what this transform gives, on meta tensors."""
        raise NotImplementedError
