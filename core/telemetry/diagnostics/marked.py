"""Spans of time that objectives find in the same held-out clips every time, beside those they were told: events, and words where they are said.

Series ``segments/<node>`` and ``segments/<node>/true``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.graph.selection import selecting_split
from core.telemetry.diagnostics.diagnostic import ClipsDiagnostic, Watched, diagnostics
from core.telemetry.events import Segments

TRUE = "true"


@diagnostics.register("marked")
class MarkedTimes(ClipsDiagnostic):
    """Events and words in time, found and true, on the same held-out clips."""

    title = "Events in time"

    def began(self, run: Watched) -> None:
        """Nothing has been spelled yet."""
        self._spelled: dict[str, Mapping[int, str]] = {}

    def look(self, run: Watched, objective: str) -> None:
        """Say what it marked and what is true."""
        split = selecting_split(run.feed.splits) or "train"
        indices = run.feed.some(split, self.config.samples)
        found = run.experiment.marked(objective, run.feed.fixed_examples(self.config.samples))
        if not found:
            return
        name = self._naming(run, objective)
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
            series = f"segments/{run.named(objective)}" + (f"/{kind}" if kind else "")
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
