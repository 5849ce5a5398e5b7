"""The per-sample part of a document: one source and the transforms behind it, run for one index at a time.

What a sample is depends on (seed, epoch, index) and nothing else: every random step draws from a generator keyed by
these and its node, so any number of workers, and a run that is resumed, see the same samples.
"""

from __future__ import annotations

import hashlib
import threading
import weakref
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.random.bit_generator import ISeedSequence

from core.data.base import Source, Transform
from core.data.batch import Key
from core.data.joining import caption_key
from core.data.order import Extent
from core.own.modules import loaded
from core.problems import Problem, Refused, refuse
from core.telemetry.spans import Course, Times

Part = tuple[str, Source | Transform, Mapping[str, Key]]  # node, what it is, incoming port -> (node, port)
TIMED = ("waveform", "spectrogram", "clip", "video")  # kinds that have a time
TOLERATED = 0.01  # share of a split's samples that may be unreadable before a run stops


@dataclass(frozen=True, kw_only=True)
class Description:
    """A graph as values that travel to a worker process: classes by name, knobs and learned states as data."""

    parts: tuple[tuple[str, type, Any, Mapping[str, Any], Mapping[str, Key]], ...]
    wanted: tuple[Key, ...]
    own: Mapping[str, str] = field(default_factory=dict)  # blocks of a person's own -> SHA-256 of their files


@dataclass(frozen=True, eq=False, kw_only=True)
class SampleGraph:
    """Parts in running order, the source first; ``wanted`` are the ends a batch carries."""

    parts: tuple[Part, ...]
    wanted: tuple[Key, ...]
    quarantine: dict[int, str] = field(default_factory=dict)  # index -> why it cannot be read
    changes: list[str] = field(default_factory=list)  # grows when something was learned or loaded
    extents: dict[int, Extent] = field(default_factory=dict)  # index -> how large it is, once it was measured
    _lock: Any = field(default_factory=threading.RLock, repr=False)
    _closing: list[Any] = field(default_factory=list, repr=False)  # what lives as long as the graph: worker pools

    def __post_init__(self) -> None:
        if not self.parts or not isinstance(self.parts[0][1], Source):
            raise ValueError("the first part of a sample graph must be a source")
        if any(isinstance(part, Source) for _, part, _ in self.parts[1:]):
            raise refuse("A run has one source.", node=self.parts[-1][0], hint="Disable the others.")

    @property
    def source(self) -> Source:
        """Where samples come from."""
        return cast(Source, self.parts[0][1])

    @property
    def transforms(self) -> dict[str, Transform]:
        """The steps behind the source, by node."""
        return {node: part for node, part, _ in self.parts if isinstance(part, Transform)}

    # Getting ready -------------------------------------------------------------------------------------------------

    def prepare(self, state: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Open the source, fit what neither has learned yet nor is in ``state``, and settle the splits. Raises Refused."""
        self.open()
        self.load_state(state or {})
        self.fit()
        self.source.settle(self.reads)

    def reads(self, sentence: str) -> tuple[Hashable, ...]:
        """A sentence as every tokenizer reads it: equal for sentences that none can tell apart."""
        told = [key for part in self.transforms.values() if (key := part.reads(sentence)) is not None]
        return tuple(told) or (caption_key(sentence),)

    def open(self) -> None:
        """Read the source's index. Raises Refused where too much of it cannot be used."""
        self.source.open()
        usable = len({index for indices in self.source.splits().values() for index in indices})
        problems, faulty = self.source.problems(), self.source.faulty()
        if usable == 0 or faulty > tolerated(usable + faulty):
            raise too_many_bad(self.parts[0][0], problems, usable, faulty)

    def fit(self) -> None:
        """In order, on the training split without augmentation; what has learned already is left alone."""
        for node, part in self.transforms.items():
            if part.needs_fit:
                part.fit(self.learnable(node))
                self.learned(node)

    def learnable(self, node: str) -> Iterator[dict[str, Any]]:
        """What comes in at a step for every training sample, without augmentation."""
        return self._incoming(next(wires for key, _, wires in self.parts if key == node))

    def _incoming(self, wires: Mapping[str, Key]) -> Iterator[dict[str, Any]]:
        ends = tuple(wires.values())
        for index in self.source.splits().get("train", ()):
            if index in self.quarantine:
                continue
            try:
                values = self._run(index, epoch=0, seed=0, training=False, ends=ends)
            except Refused as refused:
                self.set_aside(index, str(refused))
                continue
            yield {name: values[end] for name, end in wires.items()}

    def state(self) -> dict[str, dict[str, Any]]:
        """What every transform learned, by node, as plain JSON."""
        return learned_by(self.transforms)

    def load_state(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """The inverse. Raises Refused where it belongs to other settings."""
        for node in teach(self.transforms, state):
            self.learned(node)

    def learned(self, node: str) -> None:
        """A step knows something new: what was measured through it is measured again."""
        self.changes.append(node)
        self.extents.clear()

    # Samples -------------------------------------------------------------------------------------------------------

    def sample(self, index: int, epoch: int, seed: int, training: bool) -> dict[Key, Any]:
        """The wanted ends of one sample; where nothing is trained, epochs are further looks at it. Raises Refused naming the file where it cannot be read."""
        values = self._run(index, epoch=epoch, seed=seed, training=training, ends=self.wanted)
        return {end: values[end] for end in self.wanted}

    def course(self, end: Key, index: int, epoch: int, seed: int, training: bool) -> Course:
        """How time runs from the source's sound or film to an end, for one sample: a span that was marked there is found here."""
        values = self._run(index, epoch=epoch, seed=seed, training=training, ends=(end,))
        parts = {node: (part, wires) for node, part, wires in self.parts}
        steps: list[Times] = []
        while isinstance(found := parts[end[0]][0], Transform):
            wires = parts[end[0]][1]
            if training or not found.only_in_training:
                incoming = {name: values[wire] for name, wire in wires.items()}
                step = found.times(incoming, generator(seed, epoch, index, end[0]))
                steps += [] if step is None else [step]
            timed = next((name for name in wires if found.takes[name].kind in TIMED), None)
            if timed is None:
                break
            end = wires[timed]
        return Course(steps=tuple(reversed(steps)))

    def value(self, index: int, end: Key) -> Any:
        """One end of one sample, as in evaluation. Raises Refused naming the file where it cannot be read."""
        return self._run(index, epoch=0, seed=0, training=False, ends=(end,))[end]

    def wires(self, node: str) -> Mapping[str, Key]:
        """What flows into a node."""
        return next(wires for key, _, wires in self.parts if key == node)

    def kinds(self) -> dict[Key, str]:
        """The kind of every end."""
        return {(node, port.name): port.kind for node, part, _ in self.parts for port in part.gives.values()}

    def _run(self, index: int, *, epoch: int, seed: int, training: bool, ends: Sequence[Key]) -> dict[Key, Any]:
        needed = self._needed(ends)
        values: dict[Key, Any] = {}
        for node, part, wires in self.parts:
            if isinstance(part, Source):
                ports = {port for owner, port in needed if owner == node}
                given = part.part(index, ports) if ports else {}
            elif any(owner == node for owner, _ in needed):
                incoming = {name: values[end] for name, end in read_by(part, wires).items()}
                given = self._step(node, part, incoming, (seed, epoch, index), training)
            else:
                continue
            values.update({(node, port): value for port, value in given.items()})
        return values

    def _needed(self, ends: Sequence[Key]) -> frozenset[Key]:
        found = set(ends)
        for node, part, wires in reversed(self.parts):
            if any(owner == node for owner, _ in found):
                found.update(read_by(part, wires).values())
        return frozenset(found)

    def _step(
        self, node: str, part: Transform, incoming: Mapping[str, Any], key: tuple[int, int, int], training: bool
    ) -> dict[str, Any]:
        if part.only_in_training and not training:
            return _passed(part, incoming)
        if not training and key[1]:
            return part.seen_again(incoming, generator(*key, node), key[1])
        step = part.apply if training else part.evaluated
        return step(incoming, generator(*key, node))

    def good_sample(
        self, index: int, others: Sequence[int], epoch: int, seed: int, training: bool
    ) -> tuple[dict[Key, Any], int]:
        """The sample, or where it cannot be read the next good one of ``others``, with the index that was used.

        Bad ones are set aside with their reason. Raises Refused where more than 1 % of ``others`` are bad.
        """
        place = -1
        while True:
            if index not in self.quarantine:
                try:
                    return self.sample(index, epoch, seed, training), index
                except Refused as refused:
                    self.set_aside(index, str(refused))
            self.check_quarantine(others)
            place = (others.index(index) if place < 0 else place) + 1
            index = others[place % len(others)]

    def check_quarantine(self, indices: Sequence[int]) -> None:
        """Raises Refused where more than 1 % of ``indices`` are set aside, or all."""
        if not self.quarantine:
            return
        bad = [index for index in indices if index in self.quarantine]
        if len(bad) > tolerated(len(indices)) or (indices and len(bad) == len(indices)):
            reasons = tuple(Problem(what=self.quarantine[index]) for index in bad)
            raise too_many_bad(self.parts[0][0], reasons, len(indices) - len(bad), len(bad))

    def set_aside(self, index: int, reason: str) -> None:
        """Put a sample in quarantine."""
        with self._lock:
            self.quarantine.setdefault(index, reason)

    # Travelling and ending -----------------------------------------------------------------------------------------

    def describe(self) -> Description:
        """Everything a worker process needs to make the same samples."""
        states = self.state()
        return Description(
            parts=tuple(
                (node, type(part), part.config, states.get(node, {}), dict(wires)) for node, part, wires in self.parts
            ),
            wanted=self.wanted, own={key: file.sha256 for key, file in loaded().items()},
        )  # fmt: skip

    @classmethod
    def from_description(cls, description: Description) -> SampleGraph:
        """The graph again, with what it had learned. Raises Refused where a block of a person's own is another by now."""
        for key, file in loaded().items():
            if description.own.get(key) != file.sha256:
                raise refuse(f"{file.path} was changed while the run was trained.", hint="Begin the run again.")
        parts = tuple((node, kind(config), wires) for node, kind, config, _, wires in description.parts)
        graph = cls(parts=parts, wanted=description.wanted)
        graph.load_state({node: state for node, _, _, state, _ in description.parts if state})
        return graph

    def on_close(self, action: Callable[[], None]) -> None:
        """Call ``action`` when the graph is closed or forgotten."""
        self._closing.append(weakref.finalize(self, action))

    def close(self) -> None:
        """Let worker processes go; the graph can be used again."""
        while self._closing:
            self._closing.pop()()


def learned_by(transforms: Mapping[str, Transform]) -> dict[str, dict[str, Any]]:
    """What each has learned, by node, as plain JSON; nothing of those that learn nothing."""
    return {node: state for node, part in transforms.items() if (state := part.state())}


def teach(transforms: Mapping[str, Transform], state: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The inverse of :func:`learned_by`: each node once it was told. Raises Refused where it belongs to other settings."""
    for node, part in transforms.items():
        if node in state:
            part.load_state(state[node])
            yield node


class _Seed(ISeedSequence):
    """Seeds a bit generator with a hash of a sentence: five times faster than numpy's own, once a node and sample."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence.encode()

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        """``n_words`` numbers, at most 64 bytes."""
        digest = hashlib.blake2b(self._sentence, digest_size=n_words * np.dtype(dtype).itemsize).digest()
        return np.frombuffer(digest, dtype)


def generator(seed: int, epoch: int, index: int, node: str) -> np.random.Generator:
    """The random numbers of one node for one sample at one visit."""
    sequence: Any = _Seed(f"{seed}/{epoch}/{index}/{node}")
    return np.random.Generator(np.random.PCG64(sequence))


def tolerated(count: int) -> int:
    """How many unreadable samples of ``count`` do not stop a run: 1 %, but at least one."""
    return max(1, int(count * TOLERATED))


def too_many_bad(node: str, problems: Sequence[Problem], usable: int, bad: int) -> Refused:
    """The sentence for a set with too many bad files, with the first few of them."""
    if not problems:
        return refuse("The source has no samples.", node=node)
    what = f"{bad:,} of {bad + usable:,} samples cannot be used; at most 1 % may be left out."
    return Refused(Problem(what=what, node=node, hint="Repair or remove them."), *problems[:20])


def read_by(part: Source | Transform, wires: Mapping[str, Key]) -> dict[str, Key]:
    """Of what flows into a step what it needs for one sample."""
    only_fitted = part.learns_from if isinstance(part, Transform) else ()
    return {name: end for name, end in wires.items() if name not in only_fitted}


def _passed(part: Transform, incoming: Mapping[str, Any]) -> dict[str, Any]:
    """What an augmentation gives when it does nothing: each outgoing port takes the incoming value of its kind."""
    given, left = {}, dict(incoming)
    for name, port in part.gives.items():
        taken = name if name in left else next((n for n in left if part.takes[n].kind == port.kind), None)
        if taken is not None:
            given[name] = left.pop(taken)
    return given
