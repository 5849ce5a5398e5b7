"""What of this machine matters to advice: its memory, and packages with weights that are installed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

import psutil

WEIGHTS: Final = ("aisfx",)  # packages that bring trained weights
MEBIBYTE: Final = 2**20


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Memory for training, and which packages are there."""

    mebibytes: float = 0.0  # 0: not known
    packages: frozenset[str] = frozenset()


def this_machine() -> Machine:
    """As it is now."""
    found = frozenset(name for name in WEIGHTS if find_spec(name) is not None)
    return Machine(mebibytes=psutil.virtual_memory().total / MEBIBYTE, packages=found)
