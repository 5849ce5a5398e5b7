"""Runs of the tiny drawing whose figures are given, kept as a recorder keeps them: nothing is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.graph import edits
from core.graph.document import Document
from core.graph.file import dumps
from core.runs.launch import environment, parameters
from core.store.answers import RunFacts
from core.store.library import Library
from core.telemetry.events import At, Scalars, StatusChange
from tests.documents import tiny_clip


def said_run(
    library: Library, name: str, figures: Mapping[str, Sequence[float]], *, seed: int = 0, every: int = 1,
    seconds: float = 0.1, document: Document | None = None, **recipe: Any,
) -> RunFacts:  # fmt: skip
    """A finished run that said one value a step (every so many steps) of each series; a step takes ``seconds``."""
    made = edits.set_recipe(document or tiny_clip(), seed=seed, **recipe)
    steps = every * max(map(len, figures.values()))
    uid = library.create_run(
        name, dumps(made), steps=steps, seed=seed, params=parameters(made), environment=environment()
    ).uid  # fmt: skip
    recorder = library.recorder(uid)
    recorder.say(StatusChange(at=At(step=0, seconds=0.0), status="running"))
    for number in range(max(map(len, figures.values()))):
        step = every * (number + 1)
        at = At(step=step, seconds=seconds * step, samples=made.recipe.batch_size * step)
        recorder.say(
            Scalars(
                at=at, values={series: values[number] for series, values in figures.items() if number < len(values)}
            )
        )
    recorder.say(StatusChange(at=At(step=steps, seconds=seconds * steps), status="finished"))
    assert recorder.close()
    return library.facts(uid)
