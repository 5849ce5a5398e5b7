"""Where in the image the evidence for its sentence lies, for convolutional towers, which have no attention to show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.graph.selection import selecting_split
from core.knobs import knob
from core.telemetry.diagnostics.diagnostic import Diagnostic, Watched, diagnostics
from core.telemetry.events import AttentionMap

EXHIBIT = "evidence"


@diagnostics.register("grad_cam")
class GradCAM(Diagnostic):
    """Which cells of an image raise the similarity with its sentence, for towers without attention (Grad-CAM)."""

    title = "Grad-CAM"

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How often and how many."""

        every: int = knob(50, "Capture at every n-th step.", low=1, high=100_000, unit="steps")
        samples: int = knob(8, "Held-out images and sentences that are recorded.", low=1, high=64, unit="samples")

    def began(self, run: Watched) -> None:
        """Show the images and sentences once."""
        for _ in run.each_task():
            split = selecting_split(run.feed.splits) or "train"
            shown = list(run.feed.splits[split])[: self.config.samples]
            run.say(run.feed.exhibit(run.named(EXHIBIT), shown, run.at()))

    def step_ended(self, run: Watched) -> None:
        """Capture now and then, and at the last step."""
        step = run.position.step
        if step % self.config.every and step not in (1, run.plan.document.recipe.steps):
            return
        for _ in run.each_task():
            for found in run.experiment.grad_cam(run.feed.fixed_examples(self.config.samples)):
                shares = found.share_BP[:, None, None].cpu().numpy().astype(np.float16)
                run.say(
                    AttentionMap(
                        at=run.at(), series=f"attention/{run.named(found.node)}/0", weights=shares,
                        queries={"kind": "latents", "length": 1, "measure": "evidence"}, keys=found.patches.as_dict(),
                        exhibit=run.named(EXHIBIT),
                    )
                )  # fmt: skip
