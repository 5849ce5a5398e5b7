"""The nearest captions of held-out pictures, and the reverse, from the last evaluation's embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from core.knobs import knob
from core.telemetry.diagnostics.diagnostic import Diagnostic, Watched, diagnostics
from core.telemetry.events import Samples


@diagnostics.register("samples")
class NearestSamples(Diagnostic):
    """What held-out images are taken for, and which images sentences find."""

    title = "Samples"

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How many."""

        questions: int = knob(24, "Held-out samples that are asked.", low=1, high=500, unit="samples")
        answers: int = knob(5, "Nearest answers shown for each.", low=1, high=20)

    def evaluated(self, run: Watched) -> None:
        """Rank the evaluation's pool of every task for the first questions."""
        for _ in run.each_task():
            self._rank(run)

    def _rank(self, run: Watched) -> None:
        held = run.held_out
        if not held:
            return
        there_NM, back_MN = held["tables"]
        count = min(self.config.questions, len(there_NM))
        asked = torch.linspace(0, len(there_NM) - 1, count).long()
        there, back = "_to_".join(held["names"]), "_to_".join(reversed(held["names"]))
        for direction, table in {there: there_NM, back: back_MN}.items():
            answers = min(self.config.answers, table.shape[1])
            told = asked[table[asked].isfinite().sum(-1) >= answers]  # a score that is not finite names no answer
            if not len(told):
                continue
            best = table[told].masked_fill(~table[told].isfinite(), -torch.inf).topk(answers, dim=-1)
            run.say(
                Samples(
                    at=run.at(), series=f"samples/{run.named(direction)}", exhibit=run.named("held out"), truth=told.numpy().astype(np.int32),
                    nearest=best.indices.numpy().astype(np.int32), scores=best.values.numpy().astype(np.float32),
                )
            )  # fmt: skip
