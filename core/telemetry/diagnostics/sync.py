"""How sound and film of the same held-out clips lie in time: which moments are alike, and which offset is found.

Series ``sync/<node>``, a map of likeness for each clip, whose queries say from which probability on an offset counts as found (``least``);
``offsets/<node>`` with that probability, and ``offsets/<node>/true`` where it is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.graph.selection import selecting_split
from core.knobs import knob
from core.telemetry.diagnostics.diagnostic import Diagnostic, Watched, diagnostics
from core.telemetry.events import AttentionMap, Offsets

TRUE = "true"


@diagnostics.register("sync")
class SyncOffsets(Diagnostic):
    """Moments of sound and film that are alike, and the offset between both, on the same held-out clips."""

    title = "Sync"

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How often and how many."""

        every: int = knob(
            50, "Look at every n-th step, at the first and at the last.", low=1, high=100_000, unit="steps"
        )
        samples: int = knob(8, "Held-out clips that are looked at.", low=1, high=64, unit="samples")

    def step_ended(self, run: Watched) -> None:
        """Now and then, and at the first and the last step."""
        step = run.position.step
        if step % self.config.every == 0 or step in (1, run.plan.document.recipe.steps):
            for task in run.each_task():
                for key in task.objectives:
                    self._look(run, key)

    def _look(self, run: Watched, key: str) -> None:
        found = run.experiment.synced(key, run.feed.fixed_examples(self.config.samples))
        if found is None:
            return
        split, name = selecting_split(run.feed.splits) or "train", run.named(key)
        over = tuple(f"{split}/{index}" for index in list(run.feed.splits[split])[: self.config.samples])
        at, time_BT = run.at(), found.time_BT.cpu().numpy()
        step = float(np.diff(time_BT, axis=1).mean()) if time_BT.shape[1] > 1 else 1.0
        axis = {"kind": "times", "time": time_BT.shape[1], "first": float(time_BT[:, 0].mean()), "step": step}
        weights = found.alike_BTS.detach().float().cpu().numpy()[:, None].astype(np.float16)
        queries = {**axis, "measure": "cosine", "least": found.least}
        run.say(AttentionMap(at=at, series=f"sync/{name}", weights=weights, queries=queries, keys=axis, exhibit=""))
        seconds, sure = (value.detach().cpu().numpy().astype(np.float32) for value in (found.found_B, found.sure_B))
        run.say(Offsets(at=at, series=f"offsets/{name}", seconds=seconds, scores=sure, over=over))
        if found.true_B is not None:
            true = found.true_B.cpu().numpy().astype(np.float32)
            run.say(Offsets(at=at, series=f"offsets/{name}/{TRUE}", seconds=true, scores=np.ones_like(true), over=over))
