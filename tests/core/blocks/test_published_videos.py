"""R(2+1)D, R3D, MC3 and S3D against torchvision 0.24.1's own definitions on the same weights and frames.

The references were read from the files of its wheel (its compiled part, which has no build for this torch, is not asked by these
networks), whose weights had the same names in the same order and were set from ours; the greatest difference was 0.
"""

from __future__ import annotations

import pytest
import torch

from core.blocks.encoders.s3d import S3D
from core.blocks.values import Frames
from tests.core.blocks.published_videos import block_for, filled, film

REFERENCES = {  # shape, seven of the numbers evenly spread, mean, standard deviation, parameters of the features
    "(2+1)d": ((512, 2, 3, 3), (0.0, 8.33031, 0.10721, 5.74168, 0.0, 10.63355, 0.0), 4.188027, 5.32564, 31_505_325 - 205_200),
    "3d": ((512, 2, 3, 3), (0.12536, 10.88566, 0.12346, 13.74397, 0.59439, 1.62429, 0.0), 3.926295, 5.081217, 33_371_472 - 205_200),
    "mixed": ((512, 9, 3, 3), (0.08658, 12.60607, 0.10763, 13.92787, 0.79422, 1.27899, 0.0), 4.265926, 5.578156, 11_695_440 - 205_200),
    "s3d": ((1024, 1, 1, 1), (0.0, 1.93907, 0.0, 0.05852, 0.0, 0.01731, 2.20092), 0.328489, 0.636643, 8_320_048 - 410_000),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFERENCES)
def test_features_are_those_of_torchvision_on_the_same_weights(kind: str) -> None:
    shape, some, mean, spread, parameters = REFERENCES[kind]
    block = block_for(kind)
    filled(block)
    assert sum(one.numel() for one in block.parameters()) == parameters
    with torch.no_grad():
        tokens = block(film())["tokens"]
    assert (tokens.grid.sizes, tokens.x_BND.shape) == (shape[1:], (1, shape[1] * shape[2] * shape[3], shape[0]))
    flat = tokens.x_BND.transpose(1, 2).flatten()
    places = torch.linspace(0, len(flat) - 1, 7).long()
    assert flat[places].tolist() == pytest.approx(some, abs=2e-3)
    assert (float(flat.mean()), float(flat.std())) == pytest.approx((mean, spread), rel=1e-4)


@pytest.mark.parametrize(("kind", "times"), [("(2+1)d", 2), ("mixed", 9), ("s3d", 1)])
def test_times_of_the_tokens_cover_the_film_without_gaps(kind: str, times: int) -> None:
    with torch.no_grad():
        spans = block_for(kind)(film())["tokens"].spans_BT2[0]
    assert len(spans) == times
    assert (float(spans[0, 0]), float(spans[-1, 1])) == pytest.approx((0.0, 0.9))
    assert torch.allclose(spans[1:, 0], spans[:-1, 1])


def test_what_is_too_small_for_s3d_is_said() -> None:
    short = Frames(
        x_BTCHW=film().x_BTCHW[:, :7], starts_BT=film().starts_BT[:, :7], durations_BT=film().durations_BT[:, :7]
    )
    with pytest.raises(ValueError, match="at least 8 frames of 32 x 32 pixels; these are 7 of 40 x 36"):
        S3D(S3D.Config(), {"video": short})
