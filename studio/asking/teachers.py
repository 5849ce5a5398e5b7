"""Trained runs that can be the teacher of another, offered wherever a setting names a run; and those that can judge what others make."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.runs.launch import DOCUMENT
from core.store.answers import RunFacts
from core.store.places import CHECKPOINTS
from widgets.inspector.fields.run import RunField

MOST = 50


RANKS = "retrieval/"  # begins the scores of a run with two modalities in one space


def offer_teachers(home: Path, runs: Sequence[RunFacts]) -> None:
    """The newest runs whose folder of checkpoints can be opened; ``home`` is where the store lies."""
    RunField.set_runs([(title, folder) for title, _, folder in _trained(home, runs)])


def judges(home: Path, runs: Sequence[RunFacts]) -> list[tuple[str, str, str]]:
    """Of the newest runs those that rank across modalities: a title, a uid and a folder each."""
    able = [facts for facts in runs if any(name.startswith(RANKS) for name in facts.last)]
    return _trained(home, able)


def _trained(home: Path, runs: Sequence[RunFacts]) -> list[tuple[str, str, str]]:
    found = [(f"{facts.name} · {facts.uid}", facts.uid, home / CHECKPOINTS / facts.uid) for facts in runs[:MOST]]
    return [(title, uid, str(folder)) for title, uid, folder in found if (folder / DOCUMENT).is_file()]
