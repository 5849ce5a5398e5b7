"""How sound and film of the same held-out clips lie in time: which moments are alike, and which offset is found.

Series ``sync/<node>``, a map of likeness for each clip, whose queries say from which probability on an offset counts as found (``least``);
``offsets/<node>`` with that probability, and ``offsets/<node>/true`` where it is known.
"""

from __future__ import annotations

import numpy as np

from core.graph.selection import selecting_split
from core.telemetry.diagnostics.diagnostic import ClipsDiagnostic, Watched, diagnostics
from core.telemetry.events import AttentionMap, Offsets

TRUE = "true"


@diagnostics.register("sync")
class SyncOffsets(ClipsDiagnostic):
    """Moments of sound and film that are alike, and the offset between both, on the same held-out clips."""

    title = "Sync"

    def look(self, run: Watched, objective: str) -> None:
        """Say which moments are alike, and which offset is found."""
        found = run.experiment.synced(objective, run.feed.fixed_examples(self.config.samples))
        if found is None:
            return
        split, name = selecting_split(run.feed.splits) or "train", run.named(objective)
        over = tuple(f"{split}/{index}" for index in run.feed.some(split, self.config.samples))
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
