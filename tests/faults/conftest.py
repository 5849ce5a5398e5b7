"""Faults: many of each kind, and at the end the figures, how many were tried and how many came out right."""

from __future__ import annotations

from collections.abc import Callable

import pytest

FIGURES = pytest.StashKey[dict[str, list[int]]]()


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Callable[[str, bool], None]:
    """``count(kind, right)``: one more was tried. A wrong one fails the test."""
    figures = request.config.stash.setdefault(FIGURES, {})

    def one(kind: str, right: bool) -> None:
        tally = figures.setdefault(kind, [0, 0])
        tally[0] += 1
        tally[1] += right
        assert right, kind

    return one


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that lies here is of the suite."""
    for item in items:
        if "faults" in item.path.parts:
            item.add_marker(pytest.mark.fault)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The figures."""
    figures = config.stash.get(FIGURES, {})
    if figures:
        terminalreporter.section("faults: tried, right")
        for kind, (tried, right) in sorted(figures.items()):
            terminalreporter.write_line(f"{tried:6d} {right:6d}  {kind}")
