"""What a run computes on: the device a person wished for, and what this machine has to offer."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from dataclasses import dataclass

import torch

from core.problems import refuse

OutOfMemory = torch.OutOfMemoryError


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What torch finds here."""

    gpus: tuple[str, ...]  # one sentence each
    cuda: str  # the version torch was built for; empty for a CPU build
    cpu_has_bfloat16: bool


def choose_device(wish: str) -> torch.device:
    """``auto`` takes the first GPU where there is one. Raises Refused for a device that is not here."""
    if wish == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wish)
        torch.empty(1, device=device).item()  # meta has shapes and no numbers: nothing can be trained there
    except (RuntimeError, AssertionError) as error:
        raise refuse(f"The device {wish!r} cannot be used here.", node="recipe", hint="Choose auto or cpu.") from error
    return device


def use_threads(wish: int, processes: int = 1) -> int:
    """Compute with so many threads, or where the wish is 0 with this process's part of the cores that it may use; says how many.

    Fewer are used where the environment says so in ``OMP_NUM_THREADS`` (OpenMP 5.2, section 21.1.2). Threads that wait for each
    other while others have the cores spin: more of them than cores make a run many times slower, not quicker.
    """
    torch.set_num_threads(wish or max(min(usable_cores() // processes, _told_threads()), 1))
    return threads_in_use()


def usable_cores() -> int:
    """Cores this process may run on; a container, a batch system or ``taskset`` may keep others from it."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not everywhere
        return os.cpu_count() or 1


def _told_threads() -> int:
    """What the environment allows, of a list the outermost level; where it says nothing that is a number, any."""
    told = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(told) if told.isdecimal() and int(told) > 0 else sys.maxsize


def threads_in_use() -> int:
    """How many threads compute."""
    return torch.get_num_threads()


def give_memory_back() -> None:
    """Hand the system what was freed and is still held. Evaluations with their larger batches otherwise leave holes, and each
    next one grows the process a little more. glibc alone knows how; elsewhere nothing is done.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def has_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is computed in hardware on this device."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    tests = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name)() for name in tests if hasattr(torch.cpu, name))


def machine() -> Machine:
    """Every GPU with its memory, and what the CPU can do."""
    found = [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())]
    return Machine(
        gpus=tuple(f"{gpu.name}, {gpu.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}" for gpu in found),
        cuda=torch.version.cuda or "",
        cpu_has_bfloat16=has_bfloat16(torch.device("cpu")),
    )
