"""The gallery's examples by name, as they lie in resources: in English."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable

from core.graph import file
from core.graph.document import Document


def named_example(name: str) -> Document | None:
    """The example of this name; None where there is none. The others are not read for it."""
    found = next((entry for entry in _entries() if entry.name == name + file.SUFFIX), None)
    return None if found is None else file.loads(found.read_text("utf-8"), found.name)


def example_names() -> list[str]:
    """All of them."""
    return sorted(entry.name.removesuffix(file.SUFFIX) for entry in _entries())


def _entries() -> list[Traversable]:
    folder = resources.files("resources") / "experiments"
    return [entry for entry in folder.iterdir() if entry.name.endswith(file.SUFFIX)]
