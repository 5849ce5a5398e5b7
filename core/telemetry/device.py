"""How busy the machine is: every GPU through NVML, processor and memory through psutil, in a thread of its own.

A machine without NVML gives processor and memory and says why there is no GPU. Every NVML error is survived: the quantity
is left out of that reading, and where the driver itself went away it is asked again after a while.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import psutil
import pynvml

from core.telemetry.events import At, DeviceLoad, Listener

MEBIBYTE = 1 << 20
LONGEST_STEP_SECONDS = 30.0  # a clock that stands still for longer is a pause: nothing is said until it goes on
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 60.0  # between two tries to reach a lost driver
QUANTITIES = (
    "utilisation_percent", "memory_mebibytes", "memory_total_mebibytes", "process_memory_mebibytes", "power_watts",
    "power_limit_watts", "temperature_celsius", "clock_megahertz", "memory_clock_megahertz",
)  # fmt: skip


class Gpus:
    """Readings of every NVIDIA GPU. No call raises."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.why_no_gpu = ""
        self._clock = clock
        self._handles: list[Any] = []
        self._ready = False
        self._wait = FIRST_WAIT_SECONDS
        self._next_try = 0.0

    def read(self) -> dict[str, dict[str, float]]:
        """Values by device, ``gpu0`` first; a quantity that cannot be read now is left out."""
        if not self._ready and not self._start():
            return {}
        readings: dict[str, dict[str, float]] = {}
        lost: Exception | None = None
        for index, handle in enumerate(self._handles):
            values, error = _read_one(handle)
            lost = lost or error
            if values:
                readings[f"gpu{index}"] = values
        if lost is not None and not readings:
            self._lose(lost)
        elif readings:
            self._wait = FIRST_WAIT_SECONDS
            self.why_no_gpu = ""
        return readings

    def close(self) -> None:
        """Let go of the driver."""
        if self._ready:
            self._ready = False
            _shut_down()

    def _start(self) -> bool:
        if self._clock() < self._next_try:
            return False
        try:
            pynvml.nvmlInit()
        except Exception as error:
            self._lose(error)
            return False
        self._ready = True
        try:
            self._handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        except Exception as error:
            self._lose(error)
            return False
        if not self._handles:
            self._lose(None)
        return self._ready

    def _lose(self, error: Exception | None) -> None:
        """Forget the driver and try again later, less and less often."""
        self.why_no_gpu = _sentence(error)
        self._handles = []
        if self._ready:
            self._ready = False
            _shut_down()
        self._next_try = self._clock() + self._wait
        self._wait = min(self._wait * 2, LONGEST_WAIT_SECONDS)


class Machine:
    """Readings of the processor and of memory, for the machine and for this process with its children."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        psutil.cpu_percent()  # the first call only starts the measurement

    def read(self) -> dict[str, float]:
        """Values of ``cpu``; what the system does not tell is left out."""
        values: dict[str, float] = {}
        for read in (self._processor, self._memory, self._own_memory):
            try:
                values.update(read())
            except (psutil.Error, OSError, RuntimeError, AttributeError):
                continue
        return values

    def _processor(self) -> dict[str, float]:
        return {"utilisation_percent": psutil.cpu_percent()}

    def _memory(self) -> dict[str, float]:
        memory = psutil.virtual_memory()
        used = memory.total - memory.available
        return {"memory_mebibytes": used / MEBIBYTE, "memory_total_mebibytes": memory.total / MEBIBYTE}

    def _own_memory(self) -> dict[str, float]:
        own = self._process.memory_info().rss
        for child in self._process.children(recursive=True):
            try:
                own += child.memory_info().rss
            except psutil.Error:
                continue
        return {"process_memory_mebibytes": own / MEBIBYTE}


class DeviceWatch:
    """Says the load of every device ``hertz`` times a second until closed.

    ``clock`` gives where the run is; between two of its answers the seconds run on, so a long step has readings too.
    """

    def __init__(
        self, listener: Listener, clock: Callable[[], At], *, hertz: float = 4.0, gpus: Gpus | None = None,
        machine: Machine | None = None,
    ) -> None:  # fmt: skip
        self.hertz = min(10.0, max(2.0, hertz))
        self._listener = listener
        self._clock = clock
        self._gpus = gpus or Gpus()
        self._machine = machine or Machine()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crossmodal-devices", daemon=True)
        self._seen: At | None = None
        self._seen_when = 0.0
        self._said_seconds = -1.0

    @property
    def why_no_gpu(self) -> str:
        """A sentence where there is no GPU to read now; empty where there is one, or before the first reading."""
        return self._gpus.why_no_gpu

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self, timeout: float = 5.0) -> None:
        """End the thread; harmless where it never began."""
        self._done.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def read(self) -> None:
        """Read every device once and say it."""
        at = self._now()
        if at is None:
            return
        readings: Mapping[str, Mapping[str, float]] = {"cpu": self._machine.read(), **self._gpus.read()}
        for device, values in readings.items():
            if values:
                self._listener.say(DeviceLoad(at=at, device=device, values=values))

    def _run(self) -> None:
        due = time.monotonic()
        while not self._done.is_set():
            with suppress(Exception):  # a reading that fails must never end the watch, let alone the run
                self.read()
            due = max(due + 1 / self.hertz, time.monotonic())
            self._done.wait(due - time.monotonic())
        self._gpus.close()

    def _now(self) -> At | None:
        """Where the run is; None while it stands still (a pause) or has not come beyond what was said."""
        at, now = self._clock(), time.monotonic()
        if self._seen is None or at.seconds != self._seen.seconds:
            self._seen_when = now
        self._seen = at
        since = now - self._seen_when
        seconds = at.seconds + since
        if since > LONGEST_STEP_SECONDS or seconds <= self._said_seconds:
            return None
        self._said_seconds = seconds
        return At(step=at.step, seconds=seconds, epoch=at.epoch, samples=at.samples)


def _read_one(handle: Any) -> tuple[dict[str, float], Exception | None]:
    """Every quantity that one GPU tells, and the error of the last call that failed."""
    values: dict[str, float] = {}
    failed: Exception | None = None
    for read in (_utilisation, _memory, _power, _power_limit, _temperature, _clocks, _own_memory):
        try:
            values.update(read(handle))
        except Exception as error:
            failed = error
    return values, failed


def _utilisation(handle: Any) -> dict[str, float]:
    return {"utilisation_percent": float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)}


def _memory(handle: Any) -> dict[str, float]:
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return {"memory_mebibytes": memory.used / MEBIBYTE, "memory_total_mebibytes": memory.total / MEBIBYTE}


def _power(handle: Any) -> dict[str, float]:
    return {"power_watts": pynvml.nvmlDeviceGetPowerUsage(handle) / 1000}  # told in milliwatts


def _power_limit(handle: Any) -> dict[str, float]:
    return {"power_limit_watts": pynvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000}


def _temperature(handle: Any) -> dict[str, float]:
    return {"temperature_celsius": float(pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU))}


def _clocks(handle: Any) -> dict[str, float]:
    return {
        "clock_megahertz": float(pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM)),
        "memory_clock_megahertz": float(pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_MEM)),
    }


def _own_memory(handle: Any) -> dict[str, float]:
    """Memory of every compute process on the GPU that the driver attributes."""
    used = [process.usedGpuMemory for process in pynvml.nvmlDeviceGetComputeRunningProcesses(handle)]
    known = [size for size in used if isinstance(size, int) and size >= 0]
    return {"process_memory_mebibytes": sum(known) / MEBIBYTE} if known else {}


def _shut_down() -> None:
    try:
        pynvml.nvmlShutdown()
    except Exception:
        return


def _sentence(error: Exception | None) -> str:
    if error is None:
        return "NVML finds no NVIDIA GPU, so only processor and memory are shown."
    if isinstance(error, pynvml.NVMLError_LibraryNotFound):
        return "There is no NVIDIA driver (NVML) on this machine, so only processor and memory are shown."
    return f"The NVIDIA driver does not answer ({error}), so only processor and memory are shown; it is asked again."
