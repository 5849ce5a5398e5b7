"""What a logged step of five numbers costs, beside TensorBoard's SummaryWriter, in one run on one machine.

Wanted: processor time at most 1/8, the caller's time in the call at most 1/20. Building the event is shown too.
"""

from __future__ import annotations

import gc
import importlib
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.store.database import Store
from core.store.library import Library
from core.telemetry.events import At, Scalars
from studio.benches.figure import Figure

title = "Log call: five numbers a step, beside TensorBoard"
NAMES = ("loss", "temperature", "rate", "gradient", "throughput")
TIGHT_STEPS, PACED_STEPS, ROUNDS = 4000, 1000, 3
WORK = 256  # rows of a square product that takes about a millisecond


Begin = Callable[[], tuple[Callable[[Any], None], Callable[[], Any]]]
Build = Callable[[int, list[float]], Any]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Microseconds a step."""

    processor: float  # of the whole process, closing included
    call: float  # median time in the call itself, with a millisecond of work between two calls
    caller: float  # the same with building what is logged


def measure() -> list[Figure]:
    """Costs of both in microseconds, and the ratios ours / theirs."""
    with tempfile.TemporaryDirectory() as folder:
        rounds = [(_ours(Path(folder) / f"{i}.db"), _theirs(Path(folder) / f"board{i}")) for i in range(ROUNDS)]
    ours, theirs = _typical([pair[0] for pair in rounds]), _typical([pair[1] for pair in rounds])
    return [
        Figure(name="processor time, ours / TensorBoard's", value=ours.processor / theirs.processor, most=0.125),
        Figure(name="caller's time in the call, ours / theirs", value=ours.call / theirs.call, most=0.05),
        Figure(name="the same with building the event", value=ours.caller / theirs.call),
        Figure(name="our processor time a step", value=ours.processor, unit="µs"),
        Figure(name="TensorBoard's", value=theirs.processor, unit="µs"),
        Figure(name="our call", value=ours.call, unit="µs"),
        Figure(name="TensorBoard's call", value=theirs.call, unit="µs"),
    ]


def _ours(path: Path) -> Cost:
    def begin() -> tuple[Callable[[Any], None], Callable[[], Any]]:
        store = Store.open(path)
        library = Library(store)
        recorder = library.recorder(library.create_run("bench", "{}").uid)
        say: Callable[[Any], None] = recorder.say

        def close() -> None:
            if not recorder.close():
                raise RuntimeError(f"not written: {recorder.problems}")
            store.close()

        return say, close

    return _cost(begin, _event)


def _theirs(path: Path) -> Cost:
    writers = importlib.import_module("torch.utils.tensorboard")  # heavy, and wanted by nothing else here

    def begin() -> tuple[Callable[[Any], None], Callable[[], Any]]:
        writer = writers.SummaryWriter(str(path))

        def log(step_and_values: tuple[int, list[float]]) -> None:
            step, values = step_and_values
            for name, value in zip(NAMES, values):
                writer.add_scalar(name, value, step)

        return log, writer.close

    return _cost(begin, lambda step, values: (step, values))


def _event(step: int, values: list[float]) -> Scalars:
    return Scalars(at=At(step=step, seconds=step * 0.1), values=dict(zip(NAMES, values)))


def _cost(begin: Begin, build: Build) -> Cost:
    values = np.random.default_rng(0).normal(size=(TIGHT_STEPS, len(NAMES))).tolist()
    log, close = begin()
    gc.collect()
    start = time.process_time()
    for step in range(TIGHT_STEPS):
        log(build(step, values[step]))
    close()
    processor = (time.process_time() - start) / TIGHT_STEPS
    call, caller = _paced(begin, build, values)
    return Cost(processor=processor * 1e6, call=call * 1e6, caller=caller * 1e6)


def _paced(begin: Begin, build: Build, values: list[list[float]]) -> tuple[float, float]:
    """Median seconds of the call, and of building what is logged and the call."""
    log, close = begin()
    work = np.random.default_rng(1).normal(size=(WORK, WORK))
    calls, whole = [], []
    for step in range(PACED_STEPS):
        _ = work @ work
        start = time.perf_counter()
        entry = build(step, values[step])
        built = time.perf_counter()
        log(entry)
        end = time.perf_counter()
        calls.append(end - built)
        whole.append(end - start)
    close()
    return statistics.median(calls), statistics.median(whole)


def _typical(costs: list[Cost]) -> Cost:
    return Cost(
        processor=statistics.median(cost.processor for cost in costs),
        call=statistics.median(cost.call for cost in costs),
        caller=statistics.median(cost.caller for cost in costs),
    )
