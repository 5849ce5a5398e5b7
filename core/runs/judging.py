"""Judges what a trained run makes, later and by another judge: the scores that the run itself would have said at that step.

The run is opened from its checkpoint with its moving average, and the training option *Scores of made images* is asked. What is found
can be kept among the run's own figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.compiler.answers.making import from_noise
from core.compiler.compile import compile
from core.compiler.feed import sample_graphs
from core.compiler.teacher import checkpoint_of, document_of
from core.compiler.weights import read_state
from core.graph.document import Document
from core.inference.answering import Cancelled, Progress
from core.problems import refuse
from core.store.library import Library
from core.telemetry.events import At, Event, LogLine, Mark, PhaseChange, Scalars
from core.training.callbacks.evaluation import as_evaluated
from core.training.control import Control, Stopping
from core.training.device import choose_device
from core.training.state import restore
from core.training.trainer import Trainer

SCORES = "made_scores"
KEPT = ("ema", "evaluation")  # what of the run's own options bears on it


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What was found: ``score/<split>/<block>/<name>``, what was said of it, and all of it as events at the step that was judged."""

    scores: Mapping[str, float]
    lines: tuple[str, ...]
    events: tuple[Event, ...]
    judge: str  # what the judge is called; empty where there is none


class _Heeding(Control):
    """Asks whether to go on whenever the work could be left: between two batches, and between two steps of an image."""

    def __init__(self, progress: Progress | None) -> None:
        super().__init__()
        self.done, self.of, self._progress = 0, 0, progress

    @property
    def cuts_short(self) -> bool:
        """Whether nobody waits any more."""
        if self._progress is not None and not super().cuts_short and not self._progress(self.done, self.of):
            self.stop()
        return super().cuts_short


class _Kept:
    """A listener that keeps what is found, passes sentences on, and hears how far it is."""

    def __init__(self, told: Callable[[str], None] | None, control: _Heeding) -> None:
        self.events: list[Event] = []
        self._told, self._control = told, control

    def say(self, event: Event) -> None:
        """Keep it."""
        if isinstance(event, PhaseChange):
            if event.of:
                self._control.done, self._control.of = event.done, event.of
            return
        self.events.append(event)
        if isinstance(event, LogLine) and self._told is not None:
            self._told(event.text)

    def judgement(self, judge: str) -> Judgement:
        """All of it."""
        scalars = [event for event in self.events if isinstance(event, Scalars)]
        scores = {name: value for event in scalars for name, value in event.values.items() if name.startswith("score/")}
        lines = tuple(event.text for event in self.events if isinstance(event, LogLine))
        return Judgement(scores=scores, lines=lines, events=tuple(self.events), judge=judge)


def judged(
    place: Path,
    settings: Mapping[str, Any],
    told: Callable[[str], None] | None = None,
    progress: Progress | None = None,
) -> Judgement:
    """Make images from held-out captions and score them; ``settings`` are those of the option, the judge among them.

    ``progress`` hears how many images are made, also between two steps of them, so that it cancels soon. Raises Refused, and Cancelled.
    """
    folder = checkpoint_of(place)
    plan = compile(_asking(document_of(folder), settings))
    if not from_noise(plan):
        raise refuse("This run makes no images from noise, so there is nothing to judge.", hint="Choose another run.")
    state, graphs, control = read_state(folder), sample_graphs(plan), _Heeding(progress)
    graphs.open()
    graphs.load_state(state["transforms"])
    kept = _Kept(told, control)
    run = Trainer(plan, graphs, device=choose_device("cpu"), listener=kept, control=control)
    try:
        restore(run, folder, state)
        scores = run.callback(SCORES)
        scores.began(run)
        with as_evaluated(run):
            scores.score(run)
    except Stopping as stopping:
        raise Cancelled from stopping
    finally:
        for feed in run.feeds.values():
            feed.close()
    return kept.judgement(scores.judge_title)


def keep(library: Library, uid: str, judgement: Judgement) -> None:
    """Put what was found among the run's own figures, at the step that was judged. Raises Refused where it trains again or cannot be written."""
    now, recorder = library.reader(uid).head(), library.recorder(uid, only_ended=True)
    head = At(step=now.step, seconds=now.seconds, epoch=now.epoch, samples=now.samples)
    for event in judgement.events:
        recorder.say(event)
    at, judge = judgement.events[-1].at, judgement.judge
    if judge:
        recorder.say(Mark(at=at, kind="note", text=f"made images judged by {judge}"))
        recorder.say(LogLine(at=head, text=f"What step {at.step:,} makes was judged later, by {judge}."))
    else:
        recorder.say(Mark(at=at, kind="note", text="made images scored without a judge"))
        recorder.say(LogLine(at=head, text=f"What step {at.step:,} makes was scored later, without a judge."))
    if not recorder.close():
        raise refuse(
            "What the judge found could not be kept with the run.",
            hint="Look whether the disk is full, and judge again.",
        )


def _asking(document: Document, settings: Mapping[str, Any]) -> Document:
    """The run's own document with nothing to do but to be judged."""
    recipe = document.recipe
    callbacks = {key: recipe.callbacks[key] for key in KEPT if key in recipe.callbacks}
    callbacks = {"evaluation": {}, **callbacks, SCORES: dict(settings)}
    return replace(document, recipe=replace(recipe, callbacks=callbacks, diagnostics={}))
