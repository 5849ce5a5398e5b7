"""Batches whose order and members are a pure function of (seed, epoch) and of how large samples are, from any batch on, the same
for any number of workers.

With no workers a thread prepares the next batches while the device computes; with workers, processes do
(:mod:`core.data.workers`), and they stay for the next epoch.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from core.data.batch import Batch, pinned
from core.data.batching.fixed import Fixed
from core.data.extents import extents
from core.data.order import Batching, Group, order
from core.data.pipeline import SampleGraph
from core.data.workers import Job, make, pool_of
from core.problems import Refused

AHEAD = 2  # batches prepared in advance by a thread, and by each worker
TIMEOUT = 120.0  # seconds a worker may take for one batch
FIXED = Fixed()


def grouped(
    graph: SampleGraph,
    indices: Sequence[int],
    batch_size: int,
    *,
    way: Batching = FIXED,
    seed: int = 0,
    epoch: int = 0,
    training: bool = True,
) -> list[Group]:
    """One epoch's batches as groups of samples. Raises Refused where an epoch would train nothing.

    What is longer than a way allows is refused by it; samples are measured once, as they are without augmentation.
    """
    problem = way.problem(len(indices), batch_size if training else 1)
    if problem is not None:
        raise Refused(problem)
    ordered = order(indices, seed, epoch, training)
    measured = extents(graph, ordered) if way.measures and (training or way.packs_rows) else []
    if training:
        return way.shuffled(ordered, measured, batch_size, seed, epoch)
    return way.in_order(ordered, measured, batch_size)


def batches(
    graph: SampleGraph,
    indices: Sequence[int],
    batch_size: int,
    *,
    way: Batching = FIXED,
    groups: Sequence[Group] | None = None,
    seed: int = 0,
    epoch: int = 0,
    start_batch: int = 0,
    workers: int = 0,
    training: bool = True,
    pin: bool = False,
    timeout_seconds: float = TIMEOUT,
) -> Iterator[Batch]:
    """One epoch's batches from ``start_batch`` on: shuffled when training, else every sample once in order.

    Each batch maps (node, port) to a tensor, Text, Pictures or list, and ``indices`` to the samples in it, int64 [B]; sentences
    are cut to the longest of their batch. ``groups``: what :func:`grouped` gave, where it is known. Close the iterator to stop
    early. Raises Refused at once where an epoch would train nothing, and during the epoch where too many samples cannot be
    read or workers keep dying.
    """
    if groups is None:
        groups = grouped(graph, indices, batch_size, way=way, seed=seed, epoch=epoch, training=training)
    inside = [int(index) for index in indices]
    jobs = [
        Job(number=number, indices=group.indices, packs=group.packs, epoch=epoch, seed=seed, training=training)
        for number, group in enumerate(groups)
    ][start_batch:]
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
