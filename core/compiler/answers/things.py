"""What is asked and what is found in a sample: equal pictures and equal captions are one thing each.

A picture is told by its pixels as the run sees them, a sound by its samples. Captions are one where the source gives them
one label, or where no tokenizer of the run can tell them apart: by case, by how a letter is composed, by which blank stands
between words, or beyond the length at which both are cut. Of a source that says several things of a sample, the captions are what the
run reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from core.data.joining import Joined
from core.data.media import Wave
from core.data.pipeline import SampleGraph
from core.problems import Refused

KINDS = {"image": "image", "audio": "waveform"}  # modality -> kind of the source's port that is compared


class Things:
    """Names for the sides of samples; each sample is read once."""

    def __init__(self, graph: SampleGraph) -> None:
        self._graph, self._source = graph, graph.source
        self._said: dict[int, Hashable] = {}
        self._joined = Joined()
        self._hashes: dict[tuple[int, str], Hashable] = {}
        self._sentences = [name for name, port in self._source.gives.items() if port.kind == "sentence"] or [""]
        self._sentence = self._read_first()

    def _read_first(self) -> str:
        """The first of the source's ports of sentences that the run reads; the first of all where it reads none."""
        node = self._graph.parts[0][0]
        ends = {*self._graph.wanted, *(end for _, _, wires in self._graph.parts for end in wires.values())}
        return next((name for name in self._sentences if (node, name) in ends), self._sentences[0])

    def captions(self, indices: Sequence[int]) -> list[Hashable]:
        """The caption of each sample: equal where captions are one answer."""
        for index in indices:
            if index not in self._said:
                self._said[index] = said = ("said", *self._told(index))
                if self._sentence in self._sentences[:1]:  # a label is the first of them
                    self._joined.join(said, ("label", self._source.label(index)))
        return [self._joined.root(self._said[index]) for index in indices]

    def of(self, indices: Sequence[int], modality: str) -> list[Hashable]:
        """One side of each sample; of a modality that is not compared every sample's is a thing of its own."""
        if modality == "text":
            return self.captions(indices)
        port = next((name for name, port in self._source.gives.items() if port.kind == KINDS.get(modality)), "")
        return [self._hashed(index, port) if port else index for index in indices]

    def cut_alike(self, split: str) -> int:
        """How many captions of a split are cut so that they read like another training caption, cut as well."""
        splits = self._source.splits()
        ours, trained = (
            {index: key for index in splits.get(name, ()) if (key := self._cut(index)) is not None}
            for name in (split, "train")
        )
        known: dict[Hashable, str] = {key: self._source.label(index) for index, key in trained.items()}
        return sum(key in known and known[key] != self._source.label(index) for index, key in ours.items())

    def _cut(self, index: int) -> Hashable | None:
        """What is left of a sample's sentence; None where no tokenizer cuts it."""
        told = self._told(index)
        return told if any(isinstance(part, tuple) for part in told) else None

    def _told(self, index: int) -> tuple[Hashable, ...]:
        """A sample's sentence as every tokenizer reads it."""
        port = self._sentence
        values = self._read(index, port) if port else {}
        if port not in values:
            return (index,)
        return self._graph.reads(str(values[port]))

    def _hashed(self, index: int, port: str) -> Hashable:
        if (index, port) not in self._hashes:
            value = self._read(index, port).get(port)
            told = value.own_S if isinstance(value, Wave) else value
            self._hashes[index, port] = digest(told) if isinstance(told, Tensor) and told.numel() else index
        return self._hashes[index, port]

    def _read(self, index: int, port: str) -> Mapping[str, Any]:
        try:
            return self._source.part(index, (port,))
        except Refused:  # told where it is trained on
            return {}


def digest(value: Tensor) -> bytes:
    """Equal for tensors that are equal in every number."""
    array = np.ascontiguousarray(value.numpy())
    return hashlib.blake2b(array.tobytes(), digest_size=16, key=repr(array.shape).encode()[:64]).digest()
