"""Batches in an order that is a pure function of (seed, epoch), from any batch on, the same for any number of workers.

With no workers a thread prepares the next batches while the device computes; with workers, processes do
(:mod:`core.data.workers`), and they stay for the next epoch.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from core.data.batch import Batch, pinned
from core.data.pipeline import SampleGraph
from core.data.workers import Job, make, pool_of
from core.problems import refuse

AHEAD = 2  # batches prepared in advance by a thread, and by each worker
TIMEOUT = 120.0  # seconds a worker may take for one batch
_ORDER = 0x6F726465  # keeps the shuffle's random numbers apart from the samples'


def order(indices: Sequence[int], seed: int, epoch: int, training: bool) -> list[int]:
    """The epoch's order: shuffled when training, as given otherwise."""
    if not training:
        return [int(index) for index in indices]
    shuffle = np.random.Generator(np.random.PCG64([seed, epoch, _ORDER])).permutation(len(indices))
    return [int(indices[place]) for place in shuffle]


def batches_in(count: int, batch_size: int, drop_last: bool) -> int:
    """Batches of one epoch."""
    return count // batch_size if drop_last else -(-count // batch_size)


def batches(
    graph: SampleGraph,
    indices: Sequence[int],
    batch_size: int,
    *,
    seed: int = 0,
    epoch: int = 0,
    start_batch: int = 0,
    workers: int = 0,
    drop_last: bool = True,
    training: bool = True,
    trim: bool = False,
    pin: bool = False,
    timeout_seconds: float = TIMEOUT,
) -> Iterator[Batch]:
    """One epoch's batches from ``start_batch`` on. Close the iterator to stop early.

    Each batch maps (node, port) to a tensor, Text or list, and ``indices`` to the samples in it, int64 [B]. Raises
    Refused at once where there are fewer samples than a batch, and during the epoch where too many cannot be read or
    workers keep dying.
    """
    if len(indices) == 0 or (drop_last and len(indices) < batch_size):
        raise refuse(
            f"There are {len(indices):,} samples, fewer than one batch of {batch_size:,}; an epoch would train nothing.",
            hint="Choose a smaller batch.",
        )
    inside = [int(index) for index in indices]
    ordered = order(inside, seed, epoch, training)
    jobs = [
        Job(number=number, indices=tuple(ordered[number * batch_size : (number + 1) * batch_size]),
            epoch=epoch, seed=seed, training=training, trim=trim)
        for number in range(start_batch, batches_in(len(ordered), batch_size, drop_last))
    ]  # fmt: skip
    made = (
        _by_workers(graph, jobs, inside, workers, timeout_seconds) if workers > 0 else _by_thread(graph, jobs, inside)
    )
    return map_closing(made) if pin else made


def map_closing(made: Iterator[Batch]) -> Iterator[Batch]:
    """Every batch in page-locked memory."""
    try:
        for batch in made:
            yield pinned(batch)
    finally:
        made.close()  # type: ignore[attr-defined]


def _by_workers(
    graph: SampleGraph, jobs: Sequence[Job], inside: Sequence[int], workers: int, timeout: float
) -> Iterator[Batch]:
    pool = pool_of(graph, workers)
    yield from pool.run(graph, jobs, inside, timeout)


def _by_thread(graph: SampleGraph, jobs: Sequence[Job], inside: Sequence[int]) -> Iterator[Batch]:
    """A thread stays two batches ahead; it ends with the iterator."""
    ready: queue.Queue[Any] = queue.Queue(maxsize=AHEAD)
    stop = threading.Event()
    thread = threading.Thread(target=_prepare, args=(graph, jobs, inside, ready, stop), name="batches", daemon=True)
    thread.start()
    try:
        for _ in jobs:
            made = ready.get()
            if isinstance(made, BaseException):
                raise made
            yield made
    finally:
        stop.set()
        while not ready.empty():
            ready.get_nowait()
        thread.join()


def _prepare(
    graph: SampleGraph, jobs: Sequence[Job], inside: Sequence[int], ready: queue.Queue[Any], stop: threading.Event
) -> None:
    for job in jobs:
        try:
            made: Any = make(graph, job, inside)
        except BaseException as error:  # handed to the thread that asked
            made = error
        while not stop.is_set():
            try:
                ready.put(made, timeout=0.1)
                break
            except queue.Full:
                continue
        if stop.is_set() or isinstance(made, BaseException):
            return
