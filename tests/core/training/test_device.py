"""A device that is not here, or that holds no numbers, is refused in a sentence before anything is built."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import torch

from core.problems import Refused
from core.training import device
from core.training.device import choose_device, threads_in_use, use_threads


@pytest.mark.parametrize("wish", ["meta", "cuda:99", "nonsense", "cpu:x"])
def test_what_cannot_compute_is_refused(wish: str) -> None:
    with pytest.raises(Refused, match="cannot be used here"):
        choose_device(wish)


def test_the_processor_is_always_there() -> None:
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type in ("cpu", "cuda")


@pytest.fixture
def as_before() -> Iterator[None]:
    threads = threads_in_use()
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize(
    ("wish", "cores", "told", "processes", "used"),
    [
        (0, 4, None, 1, 4), (0, 4, "", 1, 4), (0, 4, "2", 1, 2), (0, 2, "8", 1, 2), (0, 4, "3,2", 1, 3), (0, 4, "many", 1, 4),
        (0, 4, "0", 1, 4), (0, 4, None, 2, 2), (0, 1, None, 4, 1), (3, 2, "1", 1, 3),
    ],
)  # fmt: skip
def test_no_more_threads_than_cores_that_may_be_used(
    monkeypatch: pytest.MonkeyPatch, wish: int, cores: int, told: str | None, processes: int, used: int
) -> None:
    monkeypatch.setattr(device, "usable_cores", lambda: cores)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if told is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", told)
    assert use_threads(wish, processes) == used


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be chosen here")
def test_cores_that_a_process_may_not_use_are_not_counted() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert device.usable_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
