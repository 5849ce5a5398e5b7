"""Trained runs that can be the teacher of another: offered wherever a setting names a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.runs.launch import DOCUMENT
from core.store.answers import RunFacts
from core.store.places import CHECKPOINTS
from widgets.inspector.fields.run import RunField

MOST = 50


def offer_teachers(home: Path, runs: Sequence[RunFacts]) -> None:
    """The newest runs whose folder of checkpoints can be opened; ``home`` is where the store lies."""
    found = [(f"{facts.name} · {facts.uid}", home / CHECKPOINTS / facts.uid) for facts in runs[:MOST]]
    RunField.set_runs([(title, str(folder)) for title, folder in found if (folder / DOCUMENT).is_file()])
