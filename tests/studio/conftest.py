"""People who sit down at the window; whoever is still there at the end closes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.window.collecting import Collector
from tests.studio.journey import Person


@pytest.fixture
def sit_down(qtbot: Any, tmp_path: Path) -> Iterator[Callable[..., Person]]:
    """Opens a window on the test's store; several one after the other see the same runs."""
    people: list[Person] = []
    collector = Collector()  # as in the application: widgets are taken apart on this thread only

    def come(document: Any = None, kind: type[Person] = Person) -> Person:
        people.append(kind(qtbot, tmp_path / "runs.sqlite", document))
        return people[-1]

    yield come
    for person in people:
        if not person.has_left:
            person.close()
    people.clear()
    collector.close()
