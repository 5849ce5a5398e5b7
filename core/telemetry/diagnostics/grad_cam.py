"""Where in the image the evidence for its sentence lies, for convolutional towers, which have no attention to show."""

from __future__ import annotations

import numpy as np

from core.telemetry.diagnostics.attention import Attention
from core.telemetry.diagnostics.diagnostic import Watched, diagnostics
from core.telemetry.events import AttentionMap


@diagnostics.register("grad_cam")
class GradCAM(Attention):
    """Which cells of an image raise the similarity with its sentence, for towers without attention (Grad-CAM)."""

    title = "Grad-CAM"
    exhibit = "evidence"

    def _capture(self, run: Watched) -> None:
        """The maps of the task at work."""
        for found in run.experiment.grad_cam(run.feed.fixed_examples(self.config.samples)):
            shares = found.share_BP[:, None, None].cpu().numpy().astype(np.float16)
            run.say(
                AttentionMap(
                    at=run.at(), series=f"attention/{run.named(found.node)}/0", weights=shares,
                    queries={"kind": "latents", "length": 1, "measure": "evidence"}, keys=found.patches.as_dict(),
                    exhibit=run.named(self.exhibit),
                )
            )  # fmt: skip
