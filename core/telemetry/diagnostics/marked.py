"""Spans of time that objectives find in the same held-out clips every time, beside those they were told: events, and words where they are said.

Series ``segments/<node>`` and ``segments/<node>/true``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.graph.selection import selecting_split
from core.knobs import knob
from core.telemetry.diagnostics.diagnostic import Diagnostic, Watched, diagnostics
from core.telemetry.events import Segments

TRUE = "true"


@diagnostics.register("marked")
class MarkedTimes(Diagnostic):
    """Events and words in time, found and true, on the same held-out clips."""

    title = "Events in time"

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How often and how many."""

        every: int = knob(
            50, "Look at every n-th step, at the first and at the last.", low=1, high=100_000, unit="steps"
        )
        samples: int = knob(8, "Held-out clips that are looked at.", low=1, high=64, unit="samples")

    def began(self, run: Watched) -> None:
        """Nothing has been spelled yet."""
        self._spelled: dict[str, Mapping[int, str]] = {}

    def step_ended(self, run: Watched) -> None:
        """Now and then, and at the first and the last step."""
        step = run.position.step
        if step % self.config.every == 0 or step in (1, run.plan.document.recipe.steps):
            for task in run.each_task():
                for key in task.objectives:
                    self._look(run, key)

    def _look(self, run: Watched, key: str) -> None:
        split = selecting_split(run.feed.splits) or "train"
        indices = list(run.feed.splits[split])[: self.config.samples]
        found = run.experiment.marked(key, run.feed.fixed_examples(self.config.samples))
        if not found:
            return
        name = self._naming(run, key)
        true: Sequence[Any] = found.get(TRUE, ())
        for kind, clips in found.items():
            rows = [
                (one.span, name(one.code), one.score, f"{split}/{index}")
                for index, marks in zip(indices, clips)
                for one in marks
            ]
            if kind == "" and not rows and not any(true):
                continue
            spans, labels, scores, over = (tuple(column) for column in zip(*rows)) if rows else ((), (), (), ())
            series = f"segments/{run.named(key)}" + (f"/{kind}" if kind else "")
            run.say(Segments(at=run.at(), series=series, spans=spans, labels=labels, scores=scores, over=over))

    def _naming(self, run: Watched, key: str) -> Callable[[int], str]:
        """What a code is called: a class of the source, or a piece of a sentence."""
        ends = run.plan.inputs[key]
        if "segments" in ends:
            names = run.feed.source.code_names(ends["segments"].port)
            return lambda code: names[code] if code < len(names) else str(code)
        if key not in self._spelled:
            self._spelled[key] = run.feed.spelling(ends["text"])
        spelled = self._spelled[key]
        return lambda code: spelled.get(code, str(code))
