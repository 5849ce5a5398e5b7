"""Which patch is most like which word, on the fixed diagnostic batch: cosines in the shared space, each token taken alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.graph.selection import selecting_split
from core.knobs import knob
from core.telemetry.diagnostics.diagnostic import Diagnostic, Watched, diagnostics
from core.telemetry.events import AttentionMap

SERIES, EXHIBIT = "attention/words in the image/0", "words in the image"


@diagnostics.register("words_in_image")
class WordsInImage(Diagnostic):
    """How similar each word is to each patch, where both towers can be asked for a token alone. No attention: no weights are added."""

    title = "Words in the image"

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How often and how many."""

        every: int = knob(50, "Capture at every n-th step.", low=1, high=100_000, unit="steps")
        samples: int = knob(8, "Held-out images and sentences that are recorded.", low=1, high=64, unit="samples")

    def began(self, run: Watched) -> None:
        """Show the images and sentences once."""
        split = selecting_split(run.feed.splits) or "train"
        run.say(run.feed.exhibit(EXHIBIT, run.feed.some(split, self.config.samples), run.at()))

    def step_ended(self, run: Watched) -> None:
        """Capture now and then, and at the last step."""
        if not self.is_due(run):
            return
        found = run.experiment.words_in_image(run.feed.fixed_examples(self.config.samples))
        if found is not None:
            cosines = found.cosine_BLP[:, None].cpu().numpy().astype(np.float16)
            run.say(
                AttentionMap(
                    at=run.at(), series=SERIES, weights=cosines, queries={"kind": "words", "measure": "cosine"},
                    keys=found.patches.as_dict(), exhibit=EXHIBIT,
                )
            )  # fmt: skip
