"""Both sides of the same held-out samples at every evaluation, for a map of the space they share.

Of wide spaces the directions that the points use most are kept, at most ``directions``: n samples cost 4 n D bytes a look in 16 bits.
Axes: N samples, D width, E directions kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.knobs import knob
from core.telemetry.diagnostics.diagnostic import Diagnostic, Watched, diagnostics
from core.telemetry.events import Embeddings

MOST_LETTERS = 80  # of a caption


def narrowed(left_ND: Tensor, right_ND: Tensor, directions: int) -> tuple[Tensor, Tensor]:
    """Both sides along the directions that they use most; as they are where there are no more."""
    both = torch.cat([left_ND, right_ND])
    if both.shape[1] <= directions or not bool(both.isfinite().all()):
        return left_ND[:, :directions], right_ND[:, :directions]
    _, _, axis_RD = torch.linalg.svd(both, full_matrices=False)
    axis_ED = axis_RD[:directions]
    return left_ND @ axis_ED.T, right_ND @ axis_ED.T


@diagnostics.register("embedding_map")
class EmbeddingMap(Diagnostic):
    """Where held-out samples of both modalities lie in the space they share, at every evaluation."""

    title = "Map of embeddings"

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How many, and how much of each."""

        samples: int = knob(200, "Held-out samples that are recorded.", low=8, high=1000, unit="samples")
        directions: int = knob(
            64, "Numbers kept of each vector: the directions that all of them use most.", low=2, high=512,
            unit="directions",
        )  # fmt: skip

    def evaluated(self, run: Watched) -> None:
        """The sides of every task's chosen objective."""
        for _ in run.each_task():
            self._say(run)

    def _say(self, run: Watched) -> None:
        held = run.held_out
        if not held or not all(isinstance(held[side], Tensor) and held[side].ndim == 2 for side in ("left", "right")):
            return  # rows of tokens have no one place
        indices = held["indices"]
        chosen = torch.linspace(0, len(indices) - 1, min(self.config.samples, len(indices))).long().unique()
        sides = [F.normalize(held[side].float().cpu()[chosen], dim=-1) for side in ("left", "right")]
        left, right = (side.numpy().astype(np.float16) for side in narrowed(sides[0], sides[1], self.config.directions))
        numbers = [int(indices[place]) for place in chosen.tolist()]
        source, names = run.feed.source, held["names"]
        groups = tuple((source.class_names(number) or ("",))[0][:MOST_LETTERS] for number in numbers)
        run.say(
            Embeddings(
                at=run.at(), series=f"embeddings/{run.named(held['objective'])}", left=left, right=right,
                numbers=np.asarray(numbers, dtype=np.int32), names=(str(names[0]), str(names[1])),
                labels=tuple(source.label(number)[:MOST_LETTERS] for number in numbers), groups=groups if any(groups) else (),
            )
        )  # fmt: skip
