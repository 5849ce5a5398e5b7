"""Damaged experiments are checked: each gives facts and Problems, or a sentence; never an exception."""

from __future__ import annotations

import pytest

from tests.core.compiler.mutations import checked


@pytest.mark.long
def test_mutated_documents_are_checked_without_an_exception() -> None:
    outcomes, faults, _ = checked(seed=1, count=150)
    assert not faults
    assert min(outcomes["refused"], outcomes["problems"]) > 20, "the mutations damage nothing"
