"""How alike two sets of images are, by features; and how near each lies to what was trained on. Pure functions.

Fréchet distance of two Gaussians (FID, arXiv:1706.08500): biased for few images, so its number says nothing without N and the
extractor. The kernel distance (KID, arXiv:1801.01401) is the unbiased estimate of a squared distance, so it may be negative.
CLIP score as torchmetrics has it: 100 * max(cos, 0) (arXiv:2104.08718). Axes: N, M images, D width of a feature, P pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import torch
from torch import Tensor

from core.data.nearest_captions import Captions

PIXELS = 8  # edge of the small image that stands for one where there is no extractor
CERTAIN = 1.959964  # standard deviations that hold 95 %


def pixel_features(image_NCHW: Tensor) -> Tensor:
    """The image at 8 × 8 pixels, [N, D]: layout and colour, nothing else."""
    small = torch.nn.functional.adaptive_avg_pool2d(image_NCHW.float(), PIXELS)
    return small.flatten(1).double()


def frechet_distance(left_ND: Tensor, right_MD: Tensor) -> float:
    """``|m1 - m2|^2 + tr(S1 + S2 - 2 sqrt(S1 S2))``. Raises ValueError for fewer than two rows."""
    _enough(left_ND, right_MD)
    if not (left_ND.isfinite().all() and right_MD.isfinite().all()):
        return float("nan")
    left_ND, right_MD = left_ND.double(), right_MD.double()
    apart = (left_ND.mean(0) - right_MD.mean(0)).square().sum()
    left_DD, right_DD = torch.atleast_2d(left_ND.T.cov()), torch.atleast_2d(right_MD.T.cov())
    root = torch.linalg.eigvals(left_DD @ right_DD).sqrt().real.sum()
    return float(apart + left_DD.trace() + right_DD.trace() - 2 * root)


def kernel_distance(left_ND: Tensor, right_MD: Tensor) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel ``(x · y / D + 1) ** 3``, over all pairs."""
    _enough(left_ND, right_MD)
    left_ND, right_MD = left_ND.double(), right_MD.double()
    width, count, other = left_ND.shape[1], len(left_ND), len(right_MD)

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / width + 1) ** 3

    own, theirs = kernel(left_ND, left_ND), kernel(right_MD, right_MD)
    within = (own.sum() - own.trace()) / (count * (count - 1)) + (theirs.sum() - theirs.trace()) / (other * (other - 1))
    return float(within - 2 * kernel(left_ND, right_MD).mean())


def clip_score(image_ND: Tensor, text_ND: Tensor) -> float:
    """Mean over pairs of 100 times the cosine, none below 0; rows are unit vectors."""
    return float(100 * (image_ND * text_ND).sum(1).clamp_min(0).mean())


def nearest(made_NP: Tensor, trained_MP: Tensor) -> tuple[Tensor, Tensor]:
    """Root mean squared distance to the nearest row [N], and which it is [N]."""
    distance_NM = torch.cdist(made_NP.double(), trained_MP.double()) / sqrt(made_NP.shape[1])
    found = distance_NM.min(1)
    return found.values, found.indices


def nearest_captions(asked: Sequence[str], known: Sequence[str]) -> list[int]:
    """For each sentence the known one with the largest share of common words (Jaccard), the first where several are."""
    search = Captions(known)
    return [search.nearest(text) for text in asked]


def interval(share: float, count: int) -> tuple[float, float]:
    """95 % of a share of ``count`` independent answers (Wilson)."""
    square = CERTAIN**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = CERTAIN * sqrt(share * (1 - share) / count + square / (4 * count**2)) / (1 + square / count)
    return middle - half, middle + half


def _enough(*sides: Tensor) -> None:
    if any(len(side) < 2 for side in sides):
        raise ValueError("A distance of two sets needs at least two images of each.")
