"""How near pictures are to what they should equal, and how near two sets of pictures are: PSNR, SSIM, FID, KID.

torchmetrics is imported only when something is scored, as it costs a second.
Axes: B batch, C channels, H height, W width, N pictures, F features.
"""

from __future__ import annotations

import importlib
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SMALLEST_FOR_SSIM = 11  # pixels: the edge of its window
PERFECT = 1e-10  # mean squared error that counts as none: 100 dB


def psnr(made: Tensor, real: Tensor) -> Tensor:
    """Decibels of each picture [B], from its own mean squared error; the mean of these is not that of the pooled error."""
    return -10 * (made - real).pow(2).flatten(1).mean(1).clamp_min(PERFECT).log10()


def has_room_for_ssim(images: Tensor) -> bool:
    """Whether its window fits into them."""
    return min(images.shape[-2:]) >= SMALLEST_FOR_SSIM


def ssim(made: Tensor, real: Tensor) -> Tensor:
    """Structural similarity of each picture [B], 1 where equal; NaN where pictures are smaller than its window."""
    if not has_room_for_ssim(made):
        return made.new_full((len(made),), torch.nan)
    compare = importlib.import_module("torchmetrics.functional.image").structural_similarity_index_measure
    found: Tensor = compare(made, real, data_range=1.0, reduction="none")
    return found.reshape(len(made))


def pooled(real: Tensor, cells: int) -> Tensor:
    """The picture from so many mean colours along an edge, drawn large by bilinear interpolation: what no code book is needed for."""
    size = real.shape[-2:]
    small = F.adaptive_avg_pool2d(real, (min(cells, size[0]), min(cells, size[1])))
    return F.interpolate(small, size, mode="bilinear", align_corners=False)


def frechet_distance(made_NF: Tensor, real_NF: Tensor) -> float:
    """FID (arXiv:1706.08500): the Fréchet distance of two Gaussians with the features' means and covariances.

    Biased upwards where N is small; NaN for fewer than two pictures, and where a feature is not finite.
    """
    if min(len(made_NF), len(real_NF)) < 2 or not (made_NF.isfinite().all() and real_NF.isfinite().all()):
        return float("nan")
    kind = importlib.import_module("torchmetrics.image.fid").FrechetInceptionDistance
    measure: Any = kind(feature=_AsTheyAre(made_NF.shape[1]))
    measure.update(made_NF.double().cpu(), real=False)
    measure.update(real_NF.double().cpu(), real=True)
    return float(measure.compute())


def kernel_distance(made_NF: Tensor, real_NF: Tensor) -> float:
    """KID (arXiv:1801.01401): squared maximum mean discrepancy with a cubic kernel, over all pictures at once.

    Without bias at any N, so it can be a little below 0; NaN for fewer than two pictures.
    """
    if min(len(made_NF), len(real_NF)) < 2:
        return float("nan")
    compare = importlib.import_module("torchmetrics.image.kid").poly_mmd
    return float(compare(real_NF.double().cpu(), made_NF.double().cpu()))


class _AsTheyAre(nn.Module):
    """Stands where torchmetrics wants a network: what comes in are features already."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, x_NF: Tensor) -> Tensor:
        """The same."""
        return x_NF
