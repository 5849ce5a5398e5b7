"""Judges what a trained run makes, later and by another judge: the scores that the run itself would have said at that step.

The run is opened from its checkpoint with its moving average, and the training option *Scores of made images* is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.compiler.compile import compile
from core.compiler.feed import sample_graphs
from core.compiler.teacher import checkpoint_of, document_of
from core.compiler.weights import read_state
from core.graph.document import Document
from core.problems import refuse
from core.telemetry.events import Event, LogLine, Scalars
from core.training.callbacks.evaluation import as_evaluated
from core.training.device import choose_device
from core.training.state import restore
from core.training.trainer import Trainer

SCORES = "made_scores"
KEPT = ("ema", "evaluation")  # what of the run's own options bears on it


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What was found: ``score/<split>/<block>/<name>``, and what was said of it."""

    scores: Mapping[str, float]
    lines: tuple[str, ...]


class _Kept:
    """A listener that keeps scores and sentences."""

    def __init__(self, told: Callable[[str], None] | None) -> None:
        self.scores: dict[str, float] = {}
        self.lines: list[str] = []
        self._told = told

    def say(self, event: Event) -> None:
        """Keep it, and pass a sentence on."""
        if isinstance(event, Scalars):
            self.scores |= {name: value for name, value in event.values.items() if name.startswith("score/")}
        elif isinstance(event, LogLine):
            self.lines.append(event.text)
            if self._told is not None:
                self._told(event.text)


def judged(place: Path, settings: Mapping[str, Any], told: Callable[[str], None] | None = None) -> Judgement:
    """Make images from held-out captions and score them; ``settings`` are those of the option, the judge among them. Raises Refused."""
    folder = checkpoint_of(place)
    plan = compile(_asking(document_of(folder), settings))
    state, graphs, kept = read_state(folder), sample_graphs(plan), _Kept(told)
    graphs.open()
    graphs.load_state(state["transforms"])
    run = Trainer(plan, graphs, device=choose_device("cpu"), listener=kept)
    restore(run, folder, state)
    scores = run.callback(SCORES)
    scores.began(run)
    with as_evaluated(run):
        if not scores.score(run):
            raise refuse(
                "This run makes no images from noise, so there is nothing to judge.", hint="Choose another run."
            )
    return Judgement(scores=kept.scores, lines=tuple(kept.lines))


def _asking(document: Document, settings: Mapping[str, Any]) -> Document:
    """The run's own document with nothing to do but to be judged."""
    recipe = document.recipe
    callbacks = {key: recipe.callbacks[key] for key in KEPT if key in recipe.callbacks}
    callbacks = {"evaluation": {}, **callbacks, SCORES: dict(settings)}
    return replace(document, recipe=replace(recipe, callbacks=callbacks, diagnostics={}))
