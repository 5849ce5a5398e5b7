"""One user of torch's random numbers at a time.

The generator belongs to the whole process: two runs in two threads, or a drawing that is checked while a run trains,
would draw from each other's sequence, and the same seed would no longer give the same run.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

RANDOM_NUMBERS = threading.RLock()  # held by a training step from its seed to its update


@contextmanager
def apart(seed: int | None = None, device: torch.device | None = None) -> Iterator[None]:
    """Random numbers of one's own inside, from ``seed`` where it is given; the generator, and that of a GPU, is then as it was."""
    with RANDOM_NUMBERS, torch.random.fork_rng(devices=[device] if device is not None else []):
        if seed is not None:
            torch.manual_seed(seed)
        yield


@contextmanager
def drawing_alike(seed: int) -> Iterator[None]:
    """Inside, every process draws the same random numbers; they do not go on from here."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
