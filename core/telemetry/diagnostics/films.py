"""The same held-out films every time as they are looked at, each with what is said of it: played frame by frame beside what is true.

Series ``made/<objective>/video``: they are scrubbed on the timeline, put on the tray and compared between runs like whatever is made.
A film whose frames have another size than the first's, or of a split where some have none, is not shown.
"""

from __future__ import annotations

from collections.abc import Callable

from core.graph.selection import selecting_split
from core.telemetry.diagnostics.diagnostic import ClipsDiagnostic, Watched, diagnostics
from core.telemetry.events import Pictures


@diagnostics.register("films")
class SeenFilms(ClipsDiagnostic):
    """Held-out videos with what the model says of each."""

    title = "Videos and answers"

    def look(self, run: Watched, objective: str) -> None:
        """Say the films with what is true and what is said; nothing where an objective does not answer of every sample."""
        indices = run.feed.some(selecting_split(run.feed.splits) or "train", self.config.samples)
        with run.averaged():
            said = run.experiment.said(objective, run.feed.fixed_examples(self.config.samples))
        if said is None or len(said) != len(indices):
            return
        shown = run.feed.exhibit(objective, indices, run.at(), by_frame=True)
        if not shown.frames or shown.sizes:
            return
        name = self._naming(run, objective)
        titles = tuple(f"{true} → {name(float(one))}" for true, one in zip(shown.sentences, said))
        run.say(
            Pictures(
                at=run.at(), series=f"made/{run.named(objective)}/video", pictures=shown.pictures, seeds=tuple(indices),
                titles=titles, frames=shown.frames,
            )
        )  # fmt: skip

    def _naming(self, run: Watched, key: str) -> Callable[[float], str]:
        """What an answer is called: a class of the source, or a number."""
        end = run.plan.inputs[key].get("classes")
        if end is None:
            return lambda number: f"{number:.3g}"
        names = run.feed.source.code_names(end.port)
        return lambda code: names[int(code)] if 0 <= code < len(names) else str(int(code))
