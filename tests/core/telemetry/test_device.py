"""Every NVML error on every call is survived, and the readings come back when the driver does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import psutil
import pynvml
import pytest

from core.telemetry.device import DeviceWatch, Gpus, Machine
from core.telemetry.events import At, DeviceLoad

CALLS = (
    "nvmlInit", "nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex", "nvmlDeviceGetUtilizationRates",
    "nvmlDeviceGetMemoryInfo", "nvmlDeviceGetPowerUsage", "nvmlDeviceGetEnforcedPowerLimit", "nvmlDeviceGetTemperature",
    "nvmlDeviceGetClockInfo", "nvmlDeviceGetComputeRunningProcesses", "nvmlShutdown",
)  # fmt: skip
STARTS = CALLS[:3]
pynvml.nvmlErrorString = lambda code: f"error {code}"  # the real one asks the library
ERRORS = sorted({kind for kind in vars(pynvml).values()
                 if isinstance(kind, type) and issubclass(kind, pynvml.NVMLError) and kind is not pynvml.NVMLError},
                key=lambda kind: kind.__name__)  # fmt: skip


class Driver:
    """Two GPUs; a call fails while ``failing`` names it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.failing: dict[str, Exception] = {}
        self.calls: list[str] = []
        answers: dict[str, Callable[..., Any]] = {
            "nvmlInit": lambda: None, "nvmlShutdown": lambda: None, "nvmlDeviceGetCount": lambda: 2,
            "nvmlDeviceGetHandleByIndex": lambda index: index,
            "nvmlDeviceGetUtilizationRates": lambda gpu: SimpleNamespace(gpu=40 + gpu, memory=5),
            "nvmlDeviceGetMemoryInfo": lambda gpu: SimpleNamespace(used=3 << 30, total=24 << 30),
            "nvmlDeviceGetPowerUsage": lambda gpu: 182_500, "nvmlDeviceGetEnforcedPowerLimit": lambda gpu: 350_000,
            "nvmlDeviceGetTemperature": lambda gpu, sensor: 61, "nvmlDeviceGetClockInfo": lambda gpu, kind: 1900 + kind,
            "nvmlDeviceGetComputeRunningProcesses": lambda gpu: [SimpleNamespace(usedGpuMemory=1 << 30),
                                                                 SimpleNamespace(usedGpuMemory=None)],
        }  # fmt: skip
        for name in CALLS:
            patch.setattr(pynvml, name, self._call(name, answers[name]))

    def _call(self, name: str, answer: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self.calls.append(name)
            if name in self.failing:
                raise self.failing[name]
            return answer(*arguments)

        return call


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    return Driver(monkeypatch)


class Heard:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.events: list[DeviceLoad] = []
        self.enough = threading.Event()
        self.wanted = 6

    def say(self, event: Any) -> None:
        self.events.append(event)
        if len(self.events) >= self.wanted:
            self.enough.set()


def clocks() -> Callable[[], At]:
    moments: Iterator[int] = iter(range(1, 10_000))
    return lambda: At(step=(now := next(moments)), seconds=float(now))


def test_every_quantity_of_every_gpu(driver: Driver) -> None:
    readings = Gpus().read()
    assert list(readings) == ["gpu0", "gpu1"]
    assert readings["gpu1"] == {
        "utilisation_percent": 41.0, "memory_mebibytes": 3072.0, "memory_total_mebibytes": 24576.0, "power_watts": 182.5,
        "power_limit_watts": 350.0, "temperature_celsius": 61.0, "clock_megahertz": 1900.0 + pynvml.NVML_CLOCK_SM,
        "memory_clock_megahertz": 1900.0 + pynvml.NVML_CLOCK_MEM, "process_memory_mebibytes": 1024.0,
    }  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("error", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_on_every_call_is_survived_and_passes(driver: Driver, name: str, error: type[Exception]) -> None:
    now = [0.0]
    gpus = Gpus(clock=lambda: now[0])
    whole = gpus.read()
    gpus.close()
    gpus = Gpus(clock=lambda: now[0])
    driver.failing[name] = error()
    hurt = gpus.read()
    if name in STARTS:
        assert hurt == {}
        assert gpus.why_no_gpu.endswith((".", "shown."))
    elif name != "nvmlShutdown":
        assert all(set(values) < set(whole["gpu0"]) and values for values in hurt.values())
        assert list(hurt) == ["gpu0", "gpu1"]
    gpus.close()
    driver.failing.clear()
    now[0] += 100
    assert gpus.read() == whole
    assert gpus.why_no_gpu == ""


def test_a_driver_that_goes_away_is_asked_less_and_less_often(driver: Driver) -> None:
    now = [0.0]
    gpus = Gpus(clock=lambda: now[0])
    assert gpus.read()
    lost = pynvml.NVMLError_GpuIsLost()
    driver.failing = {name: lost for name in CALLS if name.startswith("nvmlDeviceGet") and name not in STARTS}
    driver.failing["nvmlInit"] = lost
    assert gpus.read() == {}
    assert "does not answer" in gpus.why_no_gpu
    driver.calls.clear()
    for _ in range(1000):  # a hundred seconds of readings
        now[0] += 0.1
        assert gpus.read() == {}
    assert 4 <= driver.calls.count("nvmlInit") <= 8
    driver.failing.clear()
    now[0] += 60
    assert list(gpus.read()) == ["gpu0", "gpu1"]


def test_one_lost_gpu_does_not_hide_the_other(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    gpus = Gpus()
    gpus.read()
    honest = {name: getattr(pynvml, name) for name in CALLS[3:-1]}

    def only_second(name: str) -> Callable[..., Any]:
        def call(gpu: int, *rest: Any) -> Any:
            if gpu == 0:
                raise pynvml.NVMLError_GpuIsLost()
            return honest[name](gpu, *rest)

        return call

    for name in honest:
        monkeypatch.setattr(pynvml, name, only_second(name))
    assert list(gpus.read()) == ["gpu1"]


def test_a_machine_without_nvml_says_so_in_a_sentence(driver: Driver) -> None:
    driver.failing["nvmlInit"] = pynvml.NVMLError_LibraryNotFound()
    heard = Heard()
    watch = DeviceWatch(heard, clocks())
    watch.read()
    assert [event.device for event in heard.events] == ["cpu"]
    assert (
        watch.why_no_gpu == "There is no NVIDIA driver (NVML) on this machine, so only processor and memory are shown."
    )
    values = heard.events[0].values
    assert 0 < values["process_memory_mebibytes"] < values["memory_total_mebibytes"]
    assert 0 <= values["utilisation_percent"] <= 100


def test_no_gpu_in_a_machine_with_a_driver(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 0)
    gpus = Gpus()
    assert gpus.read() == {}
    assert "finds no NVIDIA GPU" in gpus.why_no_gpu


def test_the_thread_reads_until_it_is_closed_whatever_fails(driver: Driver) -> None:
    class Broken(Machine):
        turns = 0

        def read(self) -> dict[str, float]:
            self.turns += 1
            if self.turns % 2:
                raise RuntimeError("a reading failed")
            return {"utilisation_percent": 1.0}

    heard = Heard()
    watch = DeviceWatch(heard, clocks(), hertz=1000, machine=Broken())
    assert watch.hertz == 10
    watch.start()
    assert heard.enough.wait(10)
    watch.close()
    said = len(heard.events)
    assert not any(thread.name == "crossmodal-devices" for thread in threading.enumerate())
    assert len(heard.events) == said
    assert driver.calls[-1] == "nvmlShutdown"


def test_processor_errors_are_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()

    def fail(*_: Any) -> Any:
        raise psutil.AccessDenied()

    monkeypatch.setattr(psutil, "virtual_memory", fail)
    assert set(machine.read()) == {"utilisation_percent", "process_memory_mebibytes"}


def test_seconds_run_on_within_a_long_step_and_stop_in_a_pause(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("core.telemetry.device.time.monotonic", lambda: now[0])
    heard, at = Heard(), [At(step=3, seconds=10.0)]
    watch = DeviceWatch(heard, lambda: at[0])
    for _ in range(200):  # a hundred seconds in which the run says nothing
        watch.read()
        now[0] += 0.5
    seconds = [event.at.seconds for event in heard.events if event.device == "cpu"]
    assert seconds == sorted(set(seconds))
    assert (seconds[0], seconds[-1]) == (10.0, 40.0)
    at[0] = At(step=4, seconds=11.0)
    watch.read()
    assert heard.events[-1].at.seconds == 40.0  # not told twice
    at[0] = At(step=5, seconds=60.0)
    watch.read()
    assert heard.events[-1].at == At(step=5, seconds=60.0)
