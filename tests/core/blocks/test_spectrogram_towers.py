"""Our own towers over spectrograms: AST's numbers, axial rows, and clips of any length."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.blocks.encoders.axial_transformer import AxialLayer, AxialTransformer
from core.blocks.encoders.hub_loading import transformers_module
from core.blocks.encoders.navit_audio import NaViTAudio
from core.blocks.encoders.spectrogram_transformer import SpectrogramTransformer
from core.blocks.packing import unpacked
from core.blocks.values import Spectrogram, Tokens
from core.data.batch import collate
from core.data.media import Bands
from core.data.transforms.spectrogram_patches import SpectrogramPatches
from core.problems import Refused

HOP, HERTZ = 160, 16_000


def spectrogram(bands: int, *frames: int) -> Spectrogram:
    """Noise, also behind the ends."""
    torch.manual_seed(0)
    lengths_B = torch.tensor([(count - 1) * HOP for count in frames])
    x_BFT = torch.randn(len(frames), bands, max(frames))
    return Spectrogram(
        x_BFT=x_BFT, lengths_B=lengths_B, samples=(max(frames) - 1) * HOP, hertz=HERTZ, hop=HOP, window=400
    )


def alone(value: Spectrogram, row: int) -> Spectrogram:
    count = int(value.frames_B[row])
    x_BFT, lengths_B = value.x_BFT[row : row + 1, :, :count], value.lengths_B[row : row + 1]
    return replace(value, x_BFT=x_BFT, lengths_B=lengths_B, samples=int(lengths_B))


def real(tokens: Tokens, row: int) -> Tensor:
    assert tokens.mask_BN is not None
    return tokens.x_BND[row][tokens.mask_BN[row]]


@pytest.mark.parametrize(
    ("cls", "knobs"),
    [(SpectrogramTransformer, {"patch": 8, "stride": 5}), (AxialTransformer, {"patch": 4})],
)
@torch.no_grad()
def test_a_padded_clip_gives_what_it_gives_alone(cls: Any, knobs: dict[str, Any]) -> None:
    value = spectrogram(16, 40, 23, 9)
    tower = cls(cls.Config(width=24, depth=2, heads=3, **knobs), {"spectrogram": value}).eval()
    together = tower(value)["tokens"]
    for row in range(3):
        torch.testing.assert_close(
            real(together, row), real(tower(alone(value, row))["tokens"], 0), atol=1e-5, rtol=1e-4
        )


@torch.no_grad()
def test_equals_asts_numbers_on_the_same_weights() -> None:
    width, depth, heads = 24, 2, 3
    library = transformers_module()
    config = library.ASTConfig(
        hidden_size=width, num_hidden_layers=depth, num_attention_heads=heads, intermediate_size=4 * width, max_length=60,
        num_mel_bins=32, patch_size=16, frequency_stride=10, time_stride=10, layer_norm_eps=1e-5,
    )  # fmt: skip
    theirs = library.ASTModel(config).eval()
    value = spectrogram(32, 60, 60)
    ours = SpectrogramTransformer(
        SpectrogramTransformer.Config(width=width, depth=depth, heads=heads, leading=2), {"spectrogram": value}
    ).eval()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.15)
    given = dict(theirs.state_dict())
    places = given["embeddings.position_embeddings"][0]
    own = {
        "cells.cut.weight": given["embeddings.patch_embeddings.projection.weight"],
        "cells.cut.bias": given["embeddings.patch_embeddings.projection.bias"],
        "leading_KD": torch.cat([given["embeddings.cls_token"], given["embeddings.distillation_token"]])[:, 0] + places[:2],
        "position_FTD": places[2:].unflatten(0, ours.cells.sizes),
        "stack.norm.weight": given["layernorm.weight"], "stack.norm.bias": given["layernorm.bias"],
    }  # fmt: skip
    names = {
        "layernorm_before": "norm_1", "layernorm_after": "norm_2", "mlp.fc1": "mlp.0", "mlp.fc2": "mlp.2",
        "attention.q_proj": "attention.query", "attention.o_proj": "attention.out",
    }  # fmt: skip
    for n in range(depth):
        for leaf in ("weight", "bias"):
            own |= {
                f"stack.layers.{n}.{mine}.{leaf}": given[f"layers.{n}.{other}.{leaf}"] for other, mine in names.items()
            }
            both = [given[f"layers.{n}.attention.{part}_proj.{leaf}"] for part in "kv"]
            own[f"stack.layers.{n}.attention.key_value.{leaf}"] = torch.cat(both)
    ours.load_state_dict(own)
    expected = theirs(value.x_BFT.transpose(1, 2)).last_hidden_state
    torch.testing.assert_close(ours(value)["tokens"].x_BND, expected, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_a_bands_look_along_time_does_not_see_the_other_bands() -> None:
    """Bands in another order are the same rows in that order; and no axis is averaged away."""
    torch.manual_seed(0)
    layer = AxialLayer(12, 3, ratio=2.0, dropout=0.0, options=AxialTransformer.Config())
    x_BFTD, real_BT = torch.randn(2, 5, 7, 12), torch.ones(2, 7, dtype=torch.bool)
    order = torch.randperm(5)
    torch.testing.assert_close(layer.along_time(x_BFTD, real_BT)[:, order], layer.along_time(x_BFTD[:, order], real_BT))
    moments = torch.randperm(7)
    torch.testing.assert_close(layer.along_bands(x_BFTD)[:, :, moments], layer.along_bands(x_BFTD[:, :, moments]))
    changed = x_BFTD.clone()
    changed[:, 2] = torch.randn(2, 7, 12)
    difference = (layer.along_time(changed, real_BT) - layer.along_time(x_BFTD, real_BT)).abs().amax((0, 2, 3))
    assert (difference > 1e-4).tolist() == [False, False, True, False, False]
    difference = (layer(changed, real_BT) - layer(x_BFTD, real_BT)).abs().amax((0, 2, 3))
    assert (difference > 1e-4).all()


@torch.no_grad()
def test_axial_maps_are_what_plain_attention_over_a_row_is() -> None:
    """[B F, T] and [B T, F] rows, told as maps of all tokens: zero outside the token's own band or time."""
    value = spectrogram(16, 20, 20)
    tower = AxialTransformer(
        AxialTransformer.Config(width=24, depth=1, heads=3, patch=4), {"spectrogram": value}
    ).eval()
    maps = tower.watched(spectrogram=value)[1]
    bands, times = 4, 5
    for name, same in (("0", lambda n: n // times), ("1", lambda n: n % times)):
        place_N = torch.arange(bands * times)
        apart_NN = same(place_N)[:, None] != same(place_N)[None]
        assert maps[name].shape == (2, 3, bands * times, bands * times)
        assert maps[name][..., apart_NN].abs().max() == 0
        assert (maps[name][..., ~apart_NN] > 0).all()


def patches(value: Spectrogram, row: int, patch: int = 4) -> Any:
    count = int(value.frames_B[row])
    length = int(value.lengths_B[row])
    bands = Bands(x_FT=value.x_BFT[row, :, :count], real=length, samples=length, hertz=HERTZ, hop=HOP, window=400)
    made = SpectrogramPatches(SpectrogramPatches.Config(patch=patch)).apply(
        {"spectrogram": bands}, np.random.default_rng(0)
    )
    return made["pictures"]


@torch.no_grad()
def test_clips_of_any_length_packed_are_padded_ones_and_each_alone() -> None:
    value = spectrogram(16, 40, 23, 9, 31)
    samples = [{("clip", "pictures"): patches(value, row)} for row in range(4)]
    padded = collate(samples, range(4))["clip", "pictures"]
    packed = collate(samples, range(4), packs=[0, 0, 1, 1])["clip", "pictures"]
    torch.manual_seed(0)
    tower = NaViTAudio(NaViTAudio.Config(width=24, depth=2, heads=3), {"pictures": padded}).eval()
    together, rows = unpacked(tower(packed)["tokens"]), tower(padded)["tokens"]
    assert together.modality == "audio"
    for row in range(4):
        one = tower(collate(samples[row : row + 1], [0])["clip", "pictures"])["tokens"]
        torch.testing.assert_close(real(rows, row), real(one, 0), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(real(together, row), real(one, 0), atol=1e-5, rtol=1e-4)
    assert padded.size_B2.tolist() == [[4, 10], [4, 5], [4, 2], [4, 7]]


def test_patches_are_the_spectrogram_with_high_bands_above() -> None:
    value = spectrogram(8, 12)
    made = patches(value, 0)
    torch.testing.assert_close(made.picture()[0], value.x_BFT[0].flip(0) / 8 + 0.5)


def test_bands_that_no_patch_fills_are_refused() -> None:
    with pytest.raises(Refused, match="does not divide 10 bands"):
        patches(spectrogram(10, 12), 0)
