"""Thousands of damaged experiments are checked: each gives facts and Problems or a sentence, never an exception, and soon."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.core.compiler.mutations import checked

LONGEST_SECONDS = 30.0  # of the processor: what building a block may take at most


@pytest.mark.parametrize("seed", range(2, 6))
def test_thousands_of_mutated_documents(seed: int, count: Callable[[str, bool], None]) -> None:
    outcomes, faults, slowest = checked(seed, 2500)
    for _ in range(outcomes["refused"] + outcomes["problems"] + outcomes["runnable"]):
        count("documents, mutated", True)
    count(f"exceptions of them: {faults[:3]}", not faults)
    count("the slowest within its bound", slowest < LONGEST_SECONDS)
