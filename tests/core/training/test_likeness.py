"""Distances between sets of images against closed forms and torchmetrics."""

from __future__ import annotations

import importlib
from math import sqrt

import pytest
import torch
from torch import Tensor, nn

from core.training.likeness import (
    clip_score,
    frechet_distance,
    interval,
    kernel_distance,
    nearest,
    nearest_captions,
    pixel_features,
)


def gaussian(count: int, mean: float, spread: float, width: int = 4, seed: int = 0) -> Tensor:
    """Rows whose mean and covariance are exactly those: whitened, then placed."""
    x = torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x = x - x.mean(0)
    x = x @ torch.linalg.inv(torch.linalg.cholesky(x.T.cov())).T
    return mean + spread * x


def test_of_two_gaussians_the_frechet_distance_is_the_closed_form() -> None:
    """``D ((m1 - m2)^2 + (s1 - s2)^2)``: 4 * (1 + 4) = 20."""
    assert frechet_distance(gaussian(500, 0, 1), gaussian(700, 1, 3, seed=1)) == pytest.approx(20, rel=1e-9)
    assert frechet_distance(gaussian(500, 0, 1), gaussian(500, 0, 1)) == pytest.approx(0, abs=1e-6)


def test_by_hand_the_kernel_distance() -> None:
    """Width 1, rows 0, 1 and 2, 2: k(0,1) = 1, k(2,2) = 125, mean of k over the four pairs between = (1 + 1 + 27 + 27) / 4."""
    left, right = torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [2.0]])
    assert kernel_distance(left, right) == pytest.approx(1 + 125 - 2 * 14)


def test_of_one_distribution_the_kernel_distance_is_nought_on_average() -> None:
    """Of 200 pairs of sets its mean lies within 4 of its standard errors around 0, for few images too."""
    stream = torch.Generator().manual_seed(0)
    found = torch.tensor(
        [kernel_distance(*torch.randn(2, 12, 3, generator=stream, dtype=torch.float64)) for _ in range(200)]
    )
    assert abs(float(found.mean())) < 4 * float(found.std()) / sqrt(200)
    biased = [frechet_distance(*torch.randn(2, 12, 3, generator=stream, dtype=torch.float64)) for _ in range(20)]
    assert min(biased) > 0  # what few images do to FID


class Features(nn.Module):
    """An extractor whose images are its features."""

    num_features = 6

    def forward(self, x: Tensor) -> Tensor:
        return x.double()


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance`")
def test_both_distances_are_those_of_torchmetrics() -> None:
    fid = importlib.import_module("torchmetrics.image.fid").FrechetInceptionDistance(feature=Features(), normalize=True)
    kid = importlib.import_module("torchmetrics.image.kid").KernelInceptionDistance(
        feature=Features(), subsets=3, subset_size=60, normalize=True
    )
    left, right = gaussian(60, 0, 1, 6), torch.rand(60, 6, dtype=torch.float64)
    for metric in (fid, kid):
        metric.set_dtype(torch.float64)
        metric.update(left, real=True)
        metric.update(right, real=False)
    assert frechet_distance(left, right) == pytest.approx(float(fid.compute()), rel=1e-6)
    assert kernel_distance(left, right) == pytest.approx(float(kid.compute()[0]), rel=1e-6)


def test_a_match_scores_above_a_shuffle_and_nothing_below_nought() -> None:
    text = nn.functional.normalize(torch.randn(50, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    image = nn.functional.normalize(text + 0.3 * torch.randn(50, 8, generator=torch.Generator().manual_seed(1)), dim=1)
    assert clip_score(text, text) == pytest.approx(100, rel=1e-6)
    assert clip_score(image, text) > 2 * clip_score(image, text.roll(1, 0))
    assert clip_score(-text, text) == 0


def test_a_copy_lies_at_distance_nought_and_is_found() -> None:
    trained = torch.rand(9, 12)
    distance, place = nearest(torch.stack([trained[4], trained[7] + 0.05]), trained)
    assert distance.tolist() == pytest.approx([0, 0.05], abs=1e-6)
    assert place.tolist() == [4, 7]


def test_the_nearest_caption_shares_the_most_words() -> None:
    known = ["red heart", "blue heart, love", "cat face"]
    assert nearest_captions(["Blue heart", "face of a cat", "flag"], known) == [1, 2, 0]


def test_the_interval_is_wilsons() -> None:
    assert interval(0.5, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    assert interval(0.0, 10)[0] == pytest.approx(0, abs=1e-12)


def test_pixel_features_are_the_small_image() -> None:
    assert pixel_features(torch.full((2, 3, 32, 32), 0.25)).tolist() == [[0.25] * 192] * 2


def test_one_image_is_no_set() -> None:
    with pytest.raises(ValueError, match="two images"):
        frechet_distance(torch.rand(1, 3), torch.rand(4, 3))
