"""Loader processes: each makes whole batches, so what a batch holds does not depend on how many there are.

Never forked beside a window's threads: on Linux they come from a server process that has read torch once and does nothing
else, so that all but the first cost milliseconds; elsewhere each starts fresh (spawn). They stay from epoch to epoch and end
with the graph. A worker that dies or hangs costs one restart of all from the same batch; the second time the run is refused
with the samples that were in flight.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import Any

import torch

from core.data.batch import Batch, collate, flattened, restored
from core.data.pipeline import Description, SampleGraph
from core.problems import Problem, Refused, refuse

AHEAD = 2  # batches a worker has in hand
EVERY_TURN = -1  # of a worker that can make no batch at all


@dataclass(frozen=True, kw_only=True)
class Job:
    """One batch to be made."""

    number: int
    indices: tuple[int, ...]
    epoch: int
    seed: int
    training: bool
    packs: tuple[int, ...] | None = None  # which samples share a row of tokens


class WorkerLost(Exception):
    """A worker died or took too long; ``job`` is what it was at."""

    def __init__(self, job: Job, reason: str) -> None:
        super().__init__(reason)
        self.job = job
        self.reason = reason


class Pool:
    """Worker processes for one graph."""

    def __init__(self, graph: SampleGraph, count: int) -> None:
        self.count = count
        self._graph_parts = graph.describe()
        self._links: list[tuple[BaseProcess, Connection]] = []
        self._inside: tuple[int, ...] = ()
        self._turn = 0  # tells this epoch's answers from those of one that was left early

    def _start(self) -> None:
        context = _context()
        surroundings = dict(os.environ)  # the server has those of when it was started
        for number in range(self.count):
            here, there = context.Pipe()
            process = context.Process(
                target=work, args=(there, self._graph_parts, surroundings), name=f"batches {number + 1}", daemon=True
            )
            process.start()
            there.close()
            self._links.append((process, here))
        self._inside = ()

    @property
    def process_ids(self) -> list[int]:
        """Of the living workers."""
        return [process.pid or 0 for process, _ in self._links if process.is_alive()]

    def run(self, graph: SampleGraph, jobs: Sequence[Job], inside: Sequence[int], timeout: float) -> Iterator[Batch]:
        """Batches in the order of ``jobs``; one restart is forgiven."""
        done, restarts = 0, 0
        while done < len(jobs):
            try:
                for batch in self._attempt(graph, jobs[done:], tuple(inside), timeout):
                    done += 1
                    yield batch
            except WorkerLost as lost:
                self.close()
                restarts += 1
                if restarts > 1:
                    raise _lost(graph, lost) from lost

    def _attempt(
        self, graph: SampleGraph, jobs: Sequence[Job], inside: tuple[int, ...], timeout: float
    ) -> Iterator[Batch]:
        if not self._links:
            self._start()
        self._turn += 1
        turn = self._turn
        in_hand: list[deque[Job]] = [deque() for _ in self._links]
        self._introduce(inside, jobs[0])
        sent = 0
        for place in range(len(jobs)):
            if self._turn != turn:
                return  # another iterator has taken the workers; the rest is asked for again
            while sent < len(jobs) and sent < place + AHEAD * self.count:
                self._send(sent % self.count, (turn, jobs[sent]), jobs[sent])
                in_hand[sent % self.count].append(jobs[sent])
                sent += 1
            yield self._receive(graph, place % self.count, in_hand[place % self.count].popleft(), turn, timeout)

    def _introduce(self, inside: tuple[int, ...], job: Job) -> None:
        if inside != self._inside:
            for number in range(self.count):
                self._send(number, inside, job)
            self._inside = inside

    def _send(self, number: int, message: Any, job: Job) -> None:
        try:
            self._links[number][1].send(message)
        except (OSError, BrokenPipeError) as error:
            raise WorkerLost(job, "it died") from error

    def _receive(self, graph: SampleGraph, number: int, job: Job, turn: int, timeout: float) -> Batch:
        process, link = self._links[number]
        deadline = time.monotonic() + timeout
        while True:
            if not wait([link], max(0.0, deadline - time.monotonic())):
                raise WorkerLost(job, f"it took longer than {timeout:g} seconds")
            try:
                answered, rows, quarantine, problems = link.recv()
            except (EOFError, OSError) as error:
                process.join(1)
                raise WorkerLost(job, f"it ended with code {process.exitcode}") from error
            for index, reason in quarantine.items():
                graph.set_aside(index, reason)
            graph.check_quarantine(self._inside)
            if answered not in (turn, EVERY_TURN):
                continue  # left over from an epoch that was not finished
            if problems:
                raise Refused(*problems)
            return restored(rows)

    def close(self) -> None:
        """End every worker."""
        links, self._links = self._links, []
        for process, link in links:
            link.close()
            if process.is_alive():
                process.terminate()
        for process, _ in links:
            process.join(5)
            if process.is_alive():
                process.kill()
                process.join()


def _context() -> SpawnContext | ForkServerContext:
    """How a worker is started."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


_pools: dict[int, tuple[Pool, int]] = {}  # id of a graph -> its workers and how much it had learned


def pool_of(graph: SampleGraph, count: int) -> Pool:
    """The graph's workers, started when first needed and again when it has learned something new."""
    known = _pools.get(id(graph))
    if known is not None and known[0].count == count and known[1] == len(graph.changes):
        return known[0]
    graph.close()
    pool, key = Pool(graph, count), id(graph)
    _pools[key] = (pool, len(graph.changes))

    def end() -> None:
        _pools.pop(key, None)
        pool.close()

    graph.on_close(end)
    return pool


def make(graph: SampleGraph, job: Job, inside: Sequence[int]) -> Batch:
    """One batch, here and now."""
    pairs = [graph.good_sample(index, inside, job.epoch, job.seed, job.training) for index in job.indices]
    return collate([sample for sample, _ in pairs], [index for _, index in pairs], packs=job.packs)


def work(link: Connection, description: Description, surroundings: Mapping[str, str]) -> None:
    """A worker's life: make what is asked for until the other end closes."""
    os.environ.clear()
    os.environ.update(surroundings)
    torch.set_num_threads(1)
    try:
        graph = SampleGraph.from_description(description)
    except Refused as refused:
        link.send((EVERY_TURN, None, {}, refused.problems))
        return
    asked: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(link, asked), name="asked", daemon=True).start()
    inside: tuple[int, ...] = ()
    told: set[int] = set()
    while (message := asked.get()) is not None:
        if not isinstance(message[-1], Job):
            inside = message
            continue
        turn, job = message
        rows, problems = _answer(graph, job, inside)
        news = {index: reason for index, reason in graph.quarantine.items() if index not in told}
        told |= set(news)
        try:
            link.send((turn, rows, news, problems))
        except (OSError, KeyboardInterrupt):
            return


def _listen(link: Connection, asked: queue.SimpleQueue[Any]) -> None:
    """Take messages as they come, so that neither side ever waits for the other with a full pipe."""
    try:
        while True:
            asked.put(link.recv())
    except (EOFError, OSError):
        asked.put(None)


def _answer(graph: SampleGraph, job: Job, inside: Sequence[int]) -> tuple[Any, tuple[Problem, ...]]:
    try:
        return flattened(make(graph, job, inside)), ()
    except Refused as refused:
        return None, refused.problems
    except Exception as error:  # a programmer's mistake is told in full, in the parent
        return None, (Problem(what=f"A loader process failed: {type(error).__name__}: {str(error)[:300]}"),)


def _lost(graph: SampleGraph, lost: WorkerLost) -> Refused:
    names = [f"{graph.source.label(index)} ({index})" for index in lost.job.indices[:8]]
    more = f" and {len(lost.job.indices) - 8} more" if len(lost.job.indices) > 8 else ""
    return refuse(
        f"A loader process was lost twice: {lost.reason}. It was at batch {lost.job.number}: {', '.join(names)}{more}.",
        hint="One of these files may crash its decoder, or memory ran out. Set workers to 0 to see the error itself.",
    )
