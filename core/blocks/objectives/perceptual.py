"""Perceptual loss: pictures are compared by a fixed network's features (LPIPS, arXiv:1801.03924; in VQGAN, arXiv:2012.09841).

LPIPS has learned weights on VGG's features; here features are a named network's and weights are equal, so this is LPIPS's form and
not its figure. Axes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.blocks.image_features import EXTRACTORS, RANDOM, ImageFeatures
from core.blocks.values import full
from core.graph.ports import port
from core.knobs import knob


@blocks.register("objectives.perceptual")
class Perceptual(Objective):
    """Pulls made images towards real ones as a fixed network sees them: edges and textures rather than pixels."""

    title = "Perceptual loss"
    modality = "loss"
    takes = {
        "made": port("image", "images that a block made"),
        "real": port("image", "what each should look like, of the same size"),
    }
    gives = {"loss": port("loss", "distance of the features; 0 for equal images")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Objective.Config):
        """Whose features, and how much they count."""

        extractor: str = knob(RANDOM, "The fixed network: random weights of one seed, or ImageNet's where it is installed.",
                              choices=EXTRACTORS, title="Feature network")  # fmt: skip
        weight: float = knob(1.0, "This loss is multiplied by it.", low=0, high=1000)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.features = ImageFeatures(config.extractor, max(incoming["made"].shape[-2:]))

    def forward(self, made: Tensor, real: Tensor) -> dict[str, Any]:
        """[B, 3, H, W] twice to one number."""
        return {"loss": self.config.weight * self.features.distance(full(made), full(real)).mean()}

    def answers(self, made: Tensor, real: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """One distance an image, beside that of the real images among themselves."""
        return {
            "distance": self.features.distance(full(made), full(real)),
            "other": self.features.distance(full(real).roll(max(len(real) // 2, 1), 0), full(real)),
        }

    def held_out_scores(self, answers: Mapping[str, Tensor]) -> dict[str, float]:
        """The mean distance; between one real image and the one half a batch away it is what chance gives, for neighbours are alike."""
        return {
            "perceptual distance": float(answers["distance"].mean()),
            "chance perceptual distance": float(answers["other"].mean()),
        }

    def detail(self) -> str:
        """Whose features."""
        return "random features" if self.config.extractor == RANDOM else "EfficientNet-Lite0"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two made and two real images."""
        return {"made": torch.rand(2, 3, 16, 16), "real": torch.rand(2, 3, 16, 16)}
