"""Reads the weights of a CTranslate2 model (``model.bin``, format 6): names and plain arrays, of which nothing is run.

The form: a version, the model's kind and its revision, how many arrays; each with its name, sizes, kind of number and bytes; at the
end other names for some of them. Files may be parts of one, in order, as packages with a limit on their size carry them.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.problems import Refused, refuse

VERSION = 6
KINDS = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}  # bfloat16 is none of numpy's
MOST_DIMENSIONS = 8


@dataclass(frozen=True, kw_only=True)
class Arrays:
    """What a file holds: the model's kind, as ``WhisperSpec``, and its arrays by name."""

    kind: str
    named: dict[str, Tensor]


def read_arrays(files: Sequence[Path]) -> Arrays:
    """All arrays of a model, its parts joined. Raises Refused where the bytes are not of that form."""
    try:
        data = b"".join(file.read_bytes() for file in files)
    except OSError as error:
        raise refuse(f"The model cannot be read: {error.strerror or type(error).__name__}.") from error
    try:
        return _Bytes(data).arrays()
    except ValueError as error:
        raise _unreadable(files, str(error)) from error


def _unreadable(files: Sequence[Path], why: str) -> Refused:
    names = ", ".join(file.name for file in files)
    return refuse(
        f"{names} is no whole model of CTranslate2's format {VERSION}: {why}.",
        hint="Name model.bin, or all of its parts in order.",
    )


class _Bytes:
    """The bytes and how far they are read."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def arrays(self) -> Arrays:
        """Everything, to the last byte."""
        if (version := self.number("I")) != VERSION:
            raise ValueError(f"its version is {version}")
        kind, _, count = self.text(), self.number("I"), self.number("I")
        named = dict(self.array() for _ in range(count))
        for _ in range(self.number("I")):
            other, name = self.text(), self.text()
            if name not in named:
                raise ValueError(f"{other!r} is another name for {name!r}, which is not there")
            named[other] = named[name]
        if self.place != len(self.data):
            raise ValueError(f"{len(self.data) - self.place:,} bytes are left behind its end")
        return Arrays(kind=kind, named=named)

    def number(self, form: str) -> int:
        """The next whole number."""
        (value,) = struct.unpack(f"<{form}", self._bytes(struct.calcsize(f"<{form}")))
        return int(value)

    def text(self) -> str:
        """The next name; a zero ends it."""
        return self._bytes(self.number("H")).removesuffix(b"\0").decode("utf-8")

    def array(self) -> tuple[str, Tensor]:
        """The next array with its name."""
        name, rank = self.text(), self.number("B")
        if rank > MOST_DIMENSIONS:
            raise ValueError(f"{name!r} has {rank} axes")
        sizes = [self.number("I") for _ in range(rank)]
        kind, size = KINDS.get(self.number("B")), self.number("I")
        if kind is None:
            raise ValueError(f"the numbers of {name!r} are of a kind that is not known here")
        if math.prod(sizes) * np.dtype(kind).itemsize != size:
            raise ValueError(f"{name!r} has {size:,} bytes for sizes {sizes}")
        return name, torch.from_numpy(np.frombuffer(self._bytes(size), kind).reshape(sizes).copy())

    def _bytes(self, count: int) -> bytes:
        found = self.data[self.place : self.place + count]
        if len(found) < count:
            raise ValueError("it ends too early")
        self.place += count
        return found
