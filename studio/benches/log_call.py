"""What a logged step of five numbers costs, beside TensorBoard's SummaryWriter, in one run on one machine.

Wanted: processor time at most 1/8, the caller's time at most 1/20.
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

title = "Log call: five numbers a step, beside TensorBoard"
NAMES = ("loss", "temperature", "rate", "gradient", "throughput")
TIGHT_STEPS, PACED_STEPS, ROUNDS = 4000, 1000, 3
WORK = 256  # rows of a square product that takes about a millisecond


Log = Callable[[int, list[float]], None]
Clock = Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Microseconds a step."""

    processor: float  # of the whole process, closing included
    caller: float  # median time in the call, with a millisecond of work between two calls
    caller_processor: float  # of the calling thread


def measure() -> dict[str, float | str]:
    """Costs of both in microseconds, and the ratios ours / theirs."""
    with tempfile.TemporaryDirectory() as folder:
        rounds = [(_ours(Path(folder) / f"{i}.db"), _theirs(Path(folder) / f"board{i}")) for i in range(ROUNDS)]
    ours, theirs = _typical([pair[0] for pair in rounds]), _typical([pair[1] for pair in rounds])
    return {
        "processor, microseconds a step": round(ours.processor, 1),
        "TensorBoard's": round(theirs.processor, 1),
        "processor, ratio (wanted: at most 0.125)": round(ours.processor / theirs.processor, 4),
        "caller, microseconds a step": round(ours.caller, 2),
        "TensorBoard's caller": round(theirs.caller, 2),
        "caller, ratio (wanted: at most 0.05)": round(ours.caller / theirs.caller, 4),
        "caller's processor, microseconds a step": round(ours.caller_processor, 2),
        "TensorBoard's caller's processor": round(theirs.caller_processor, 2),
    }


def _ours(path: Path) -> Cost:
    def begin() -> tuple[Log, Callable[[], Any]]:
        store = Store.open(path)
        library = Library(store)
        recorder = library.recorder(library.create_run("bench", "{}").uid)

        def log(step: int, values: list[float]) -> None:
            recorder.say(Scalars(at=At(step=step, seconds=step * 0.1), values=dict(zip(NAMES, values))))

        def close() -> None:
            if not recorder.close():
                raise RuntimeError(f"not written: {recorder.problems}")
            store.close()

        return log, close

    return _cost(begin)


def _theirs(path: Path) -> Cost:
    writers = importlib.import_module("torch.utils.tensorboard")  # heavy, and wanted by nothing else here

    def begin() -> tuple[Log, Callable[[], Any]]:
        writer = writers.SummaryWriter(str(path))

        def log(step: int, values: list[float]) -> None:
            for name, value in zip(NAMES, values):
                writer.add_scalar(name, value, step)

        return log, writer.close

    return _cost(begin)


def _cost(begin: Callable[[], tuple[Log, Callable[[], Any]]]) -> Cost:
    values = np.random.default_rng(0).normal(size=(TIGHT_STEPS, len(NAMES))).tolist()
    log, close = begin()
    gc.collect()
    start = time.process_time()
    for step in range(TIGHT_STEPS):
        log(step, values[step])
    close()
    processor = (time.process_time() - start) / TIGHT_STEPS
    caller = statistics.median(_paced(begin, values, time.perf_counter))
    caller_processor = statistics.fmean(_paced(begin, values, time.thread_time))
    return Cost(processor=processor * 1e6, caller=caller * 1e6, caller_processor=caller_processor * 1e6)


def _paced(begin: Callable[[], tuple[Log, Callable[[], Any]]], values: list[list[float]], clock: Clock) -> list[float]:
    """What each call took by a clock, with about a millisecond of work between two calls."""
    log, close = begin()
    work = np.random.default_rng(1).normal(size=(WORK, WORK))
    took = []
    for step in range(PACED_STEPS):
        _ = work @ work
        before = clock()
        log(step, values[step])
        took.append(clock() - before)
    close()
    return took


def _typical(costs: list[Cost]) -> Cost:
    return Cost(
        processor=statistics.median(cost.processor for cost in costs),
        caller=statistics.median(cost.caller for cost in costs),
        caller_processor=statistics.median(cost.caller_processor for cost in costs),
    )
