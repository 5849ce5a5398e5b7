"""Reconstruction: an image made of few tokens should be the image that came in (VQ-VAE, arXiv:1711.00937).

Squared and absolute error per pixel, mixed. Held-out scores are PSNR (mean over pictures of their own, not of the pooled error)
and SSIM, beside two that learn nothing of the kind: the mean picture of the split, and mean colours on a grid, interpolated. Where a
feature network is named, rFID and KID between the reconstructions and the originals, with how many pictures they are over.
Axes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.blocks.image_features import EXTRACTORS, ImageFeatures
from core.blocks.objectives.image_scores import frechet_distance, has_room_for_ssim, kernel_distance, pooled, psnr, ssim
from core.blocks.values import full
from core.graph.ports import port
from core.knobs import knob

NONE = "none"


@blocks.register("objectives.reconstruction")
class Reconstruction(Objective):
    """Makes a reconstructed image equal the original, pixel by pixel."""

    title = "Reconstruction loss"
    modality = "loss"
    takes = {
        "made": port("image", "reconstructed images"),
        "real": port("image", "the originals, of the same size"),
    }
    gives = {"loss": port("loss", "error per pixel")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Objective.Config):
        """The mix, and what is scored beside it."""

        weight: float = knob(1.0, "This loss is multiplied by it.", low=0, high=1000)
        squared: float = knob(1.0, "How much the mean squared error counts.", low=0, high=1000, title="Squared error")
        absolute: float = knob(0.1, "How much the mean absolute error counts; it keeps edges sharper.", low=0, high=1000,
                               title="Absolute error")  # fmt: skip
        cells: int = knob(
            8, "Mean colours along an edge of the pooled control: as many as the tokenizer has tokens there.", low=1, high=256,
            title="Pooled control",
        )  # fmt: skip
        features: str = knob(
            NONE, "Also score rFID and KID with this network's features; they depend on it and on the number of images.",
            choices=(NONE, *EXTRACTORS), title="Feature scores",
        )  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        made, real = (tuple(incoming[name].shape[1:]) for name in ("made", "real"))
        if made != real:
            raise ValueError(
                f"Reconstructed images are {_size(made)} and originals {_size(real)}; both must have the same size."
            )
        self.features = None if config.features == NONE else ImageFeatures(config.features, max(made[1:]))

    def forward(self, made: Tensor, real: Tensor) -> dict[str, Any]:
        """[B, C, H, W] twice to one number."""
        error = full(made) - full(real)
        mixed = self.config.squared * error.pow(2).mean() + self.config.absolute * error.abs().mean()
        return {"loss": self.config.weight * mixed}

    def answers(self, made: Tensor, real: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """What scores are made of: one row an image."""
        made, real = full(made), full(real)
        plain = pooled(real, self.config.cells)
        found = {
            "PSNR": psnr(made, real), "SSIM": ssim(made, real), "pooled PSNR": psnr(plain, real), "pooled SSIM": ssim(plain, real),
            "real": (real * 255).round().byte(),
        }  # fmt: skip
        if self.features is not None:
            found |= {"made features": self.features.vectors(made), "real features": self.features.vectors(real)}
        return found

    def held_out_scores(self, answers: Mapping[str, Tensor]) -> dict[str, float]:
        """Means over images, beside the controls; one that is not finite is told as it is."""
        real = answers["real"].float() / 255
        seen = ("PSNR", "pooled PSNR", "SSIM", "pooled SSIM") if has_room_for_ssim(real) else ("PSNR", "pooled PSNR")
        found = {name: float(answers[name].mean()) for name in seen}
        found["mean image PSNR"] = float(psnr(real.mean(0, keepdim=True).expand_as(real), real).mean())
        if "made features" in answers and len(real) > 1:
            both = answers["made features"], answers["real features"]
            found |= {
                "rFID": frechet_distance(*both),
                "KID": kernel_distance(*both),
                "images compared": float(len(real)),
            }
        return found

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two made and two real images."""
        return {"made": torch.rand(2, 3, 16, 16), "real": torch.rand(2, 3, 16, 16)}


def _size(shape: tuple[int, ...]) -> str:
    return " × ".join(str(edge) for edge in shape)
