"""Images of other sizes than a tower was built for, sizing rules, merged patches: each equal to a library's or to a closed form."""

from __future__ import annotations

import importlib
import warnings
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from core.blocks.connectors.feature_mixup import FeatureMixup
from core.blocks.connectors.merge_patches import MergePatches
from core.blocks.encoders.hub_loading import transformers_module
from core.blocks.encoders.navit import NaViT, example_pictures
from core.blocks.encoders.vit import BY_NUMBER, LEARNED, ROTARY, SINES, ViT
from core.blocks.positions import angles, places, turned
from core.blocks.values import Grid, Pictures, Tokens
from core.data.transforms.sizing import Limits, LongPicture, filled, mergeable, proportional
from tests.libraries import without_torchvision

SIDES = [1, 9, 14, 27, 28, 29, 56, 63, 100, 224, 301, 448, 640, 1023]


def library(name: str) -> Any:
    transformers_module()
    with warnings.catch_warnings(), without_torchvision() if name.startswith("timm") else nullcontext():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


def test_mergeable_sizes_are_those_of_qwen2_vl() -> None:
    theirs = library("transformers.models.qwen2_vl.image_processing_pil_qwen2_vl").smart_resize
    limits = Limits(patch=14, most=1024, least=16)
    seen = 0
    for height in SIDES:
        for width in SIDES:
            if max(height, width) > 200 * min(height, width):
                with pytest.raises(LongPicture, match="more than 200 times"):
                    mergeable(height, width, limits)
                continue
            expected = theirs(height, width, 28, 16 * 14**2, 1024 * 14**2)
            if expected[0] * expected[1] > 1024 * 14**2:  # theirs exceeds its own limit for long pictures
                rows, columns = mergeable(height, width, limits)
                assert rows * columns <= 1024
                continue
            assert tuple(14 * side for side in mergeable(height, width, limits)) == expected, (height, width)
            seen += 1
    assert seen > 150


@pytest.mark.parametrize("most", [16, 256, 2048])
def test_filled_sizes_are_those_of_pix2struct(most: int) -> None:
    module = library("transformers.models.pix2struct.image_processing_pil_pix2struct")
    processor = module.Pix2StructImageProcessorPil(patch_size={"height": 8, "width": 8}, max_patches=most)
    for height, width in [(8, 8), (100, 37), (37, 100), (500, 20), (64, 64)]:
        row_N3 = torch.from_numpy(
            processor.extract_flattened_patches(torch.rand(3, height, width).numpy(), most, processor.patch_size)
        )
        theirs = int(row_N3[..., 0].max()), int(row_N3[..., 1].max())
        assert filled(height, width, Limits(patch=8, most=most)) == theirs


@settings(max_examples=200, deadline=None)
@given(height=st.integers(1, 4000), width=st.integers(1, 4000), patch=st.integers(2, 32), most=st.integers(4, 1024))
def test_no_rule_gives_more_patches_than_allowed(height: int, width: int, patch: int, most: int) -> None:
    limits = Limits(patch=patch, most=most)
    for rule in (proportional, filled, mergeable):
        if rule is mergeable and max(height, width) > 200 * min(height, width):
            continue
        rows, columns = rule(height, width, limits)
        assert min(rows, columns) >= 1
        assert rows * columns <= most
        assert rule is not mergeable or (rows % 2, columns % 2) == (0, 0)


def test_filled_images_use_at_least_nine_tenths_of_the_patches() -> None:
    for height, width in [(300, 300), (480, 640), (97, 331)]:
        rows, columns = filled(height, width, Limits(patch=16, most=2048))
        assert 0.909 * 2048 <= rows * columns <= 2048
        assert rows / columns == pytest.approx(height / width, rel=0.06)


def vit(**knobs: Any) -> ViT:
    torch.manual_seed(0)
    config = ViT.Config(**{"patch_size": 8, "width": 24, "depth": 2, "heads": 3, **knobs})
    return ViT(config, {"image": torch.empty(2, 3, 112, 112, device="meta")}).eval()


def test_positions_are_stretched_as_timm_does() -> None:
    timm = library("timm.layers")
    tower = vit()
    assert tower.position_1ND is not None
    for cells in [(14, 14), (16, 16), (7, 10), (28, 28)]:
        made = tower._positions(cells, torch.empty(0))
        assert made is not None
        theirs = timm.resample_abs_pos_embed(tower.position_1ND, list(cells), [14, 14], num_prefix_tokens=1)
        torch.testing.assert_close(made, theirs[:, 1:], atol=1e-6, rtol=0)
        torch.testing.assert_close(theirs[:, :1], tower.position_1ND[:, :1])  # CLS keeps its own
    assert torch.equal(tower._positions((14, 14), torch.empty(0)), tower.position_1ND[:, 1:])  # type: ignore[arg-type]


@pytest.mark.parametrize("positions", [LEARNED, BY_NUMBER, SINES, ROTARY])
def test_a_tower_takes_images_of_other_sizes(positions: str) -> None:
    tower = vit(positions=positions)
    for height, width in [(112, 112), (64, 64), (128, 96)]:
        tokens = tower(torch.rand(2, 3, height, width))["tokens"]
        assert tokens.grid == Grid(kind="patches", sizes=(height // 8, width // 8), extra=1)
        assert tokens.x_BND.shape[1] == 1 + height * width // 64
        assert tokens.x_BND.isfinite().all()
    with pytest.raises(ValueError, match="does not divide"):
        tower(torch.rand(2, 3, 60, 64))


def test_scores_of_turned_queries_and_keys_hang_on_the_difference_of_places_alone() -> None:
    place_N2 = places(5, 7, torch.device("cpu"))
    turns = angles(place_N2, 24).double()
    q, k = torch.randn(2, 24, dtype=torch.float64)
    torch.testing.assert_close(turned(q, turns).norm(dim=-1), q.norm().expand(35), atol=1e-9, rtol=0)
    score_NN = turned(q, turns) @ turned(k, turns).T
    found: dict[tuple[int, int], Tensor] = {}
    for i, one in enumerate(place_N2.tolist()):
        for j, other in enumerate(place_N2.tolist()):
            away = one[0] - other[0], one[1] - other[1]
            torch.testing.assert_close(found.setdefault(away, score_NN[i, j]), score_NN[i, j], atol=1e-6, rtol=0)
    assert len({round(float(score), 6) for score in found.values()}) == 9 * 13  # and on both of its parts


def test_a_rotary_tower_keeps_the_places_of_patches_beside_dropped_ones() -> None:
    tower = vit(positions=ROTARY, patch_dropout=0.5)
    image = torch.rand(1, 3, 112, 112)
    torch.manual_seed(1)
    kept = tower.train()(image)["tokens"]
    assert kept.cells_BN is not None
    assert kept.x_BND.shape[1] == 1 + 98
    chosen = torch.cat([torch.zeros(1, dtype=torch.long), 1 + kept.cells_BN[0]])
    real_BN = torch.zeros(1, 197, dtype=torch.bool)
    real_BN[0, chosen] = True  # all patches there, but only the kept ones are looked at
    patches = tower.cut(image * 2 - 1).flatten(2).transpose(1, 2)
    x_BND = torch.cat([tower.cls_11D, patches], 1)  # type: ignore[list-item]
    angle_BNE = torch.nn.functional.pad(angles(places(14, 14, torch.device("cpu")), 8), (0, 0, 1, 0))[None]
    whole = tower.stack(x_BND, real_BN, None, angle_BNE)
    torch.testing.assert_close(kept.x_BND[0], whole[0, chosen], atol=1e-5, rtol=0)


def merger(tokens: Tokens) -> MergePatches:
    torch.manual_seed(0)
    made = MergePatches(MergePatches.Config(width=10), {"tokens": tokens})
    return made.eval()


def test_merged_patches_are_those_of_qwen2_vl() -> None:
    module = library("transformers.models.qwen2_vl.modeling_qwen2_vl")
    x_BND = torch.randn(2, 24, 6)
    tokens = Tokens(x_BND=x_BND, modality="image", grid=Grid(kind="patches", sizes=(4, 6)))
    ours = merger(tokens)
    theirs = module.PatchMerger(dim=10, context_dim=6, spatial_merge_size=2).eval()
    theirs.ln_q.load_state_dict(ours.norm.state_dict())
    theirs.mlp.load_state_dict(ours.mlp.state_dict())
    blocks = x_BND.view(2, 2, 2, 3, 2, 6).transpose(2, 3).reshape(-1, 6)  # their processor lays patches out so
    torch.testing.assert_close(ours(tokens)["tokens"].x_BND.flatten(0, 1), theirs(blocks), atol=1e-6, rtol=0)


def pictures(*sizes: tuple[int, int], pack: Tensor | None = None) -> Pictures:
    generator = torch.Generator().manual_seed(3)
    most = 32
    patches = torch.zeros(len(sizes), most, 12)
    for number, (rows, columns) in enumerate(sizes):
        patches[number, : rows * columns] = torch.rand(rows * columns, 12, generator=generator)
    return Pictures(patches_BNC=patches, size_B2=torch.tensor(sizes), patch=2, most=most, pack_B=pack)


@pytest.mark.parametrize("cls", [False, True])
def test_merged_pictures_of_their_own_sizes_equal_each_by_itself(cls: bool) -> None:
    sizes = ((4, 6), (2, 2), (8, 4))
    together = pictures(*sizes)
    torch.manual_seed(0)
    tower = NaViT(NaViT.Config(width=24, depth=2, heads=3, positions="rotary", cls=cls), {"pictures": together}).eval()
    merge = merger(tower(together)["tokens"])
    made = merge(tower(together)["tokens"])["tokens"]
    for number, (rows, columns) in enumerate(sizes):
        patches = together.patches_BNC[number : number + 1, : rows * columns]
        alone = Pictures(patches_BNC=patches, size_B2=torch.tensor([(rows, columns)]), patch=2, most=32)
        own = tower(alone)["tokens"]
        grid = Grid(kind="patches", sizes=(rows, columns), extra=int(cls))
        expected = merge(Tokens(x_BND=own.x_BND, modality="image", grid=grid))["tokens"].x_BND[0]
        count = rows * columns // 4
        assert int(made.mask_BN[number].sum()) == count  # a quarter
        torch.testing.assert_close(made.x_BND[number, :count], expected, atol=1e-5, rtol=0)
        assert made.place_BN2[number, count - 1].tolist() == [rows // 2 - 1, columns // 2 - 1]


def test_odd_numbers_of_patches_are_told() -> None:
    odd = Tokens(x_BND=torch.randn(1, 6, 4), modality="image", grid=Grid(kind="patches", sizes=(2, 3)))
    with pytest.raises(ValueError, match="even number of patches"):
        merger(odd)
    tower = NaViT(NaViT.Config(width=24, depth=0, heads=3), {"pictures": example_pictures()})
    tokens = tower(example_pictures())["tokens"]
    with pytest.raises(ValueError, match="sizing rule mergeable"):
        merger(tokens)(tokens)


def test_every_patch_reaches_its_merged_token_and_no_other() -> None:
    x_BND = torch.randn(1, 16, 4, requires_grad=True)
    tokens = Tokens(x_BND=x_BND, modality="image", grid=Grid(kind="patches", sizes=(4, 4)))
    block = merger(tokens)
    assert isinstance(block.mlp[0], nn.Linear)
    block(tokens)["tokens"].x_BND[0, 1].sum().backward()  # the right one above
    touched = {index for index, row in enumerate(x_BND.grad[0]) if row.abs().sum() > 0}  # type: ignore[index]
    assert touched == {2, 3, 6, 7}


def mixup(**knobs: Any) -> FeatureMixup:
    return FeatureMixup(FeatureMixup.Config(**knobs), FeatureMixup.example())


def test_features_are_mixed_by_a_share_of_each_sample() -> None:
    first, second = torch.zeros(20_000, 2), torch.ones(20_000, 2)
    assert torch.equal(mixup().eval()(first, second)["embedding"], first)  # a share of 1 is the first alone
    assert torch.equal(mixup(evaluated=0.25).eval()(first, second)["embedding"], torch.full_like(first, 0.75))
    torch.manual_seed(0)
    made = mixup(concentration=0.4).train()(first, second)["embedding"].double()
    assert torch.equal(made[:, 0], made[:, 1])
    assert made.mean().item() == pytest.approx(0.5, abs=0.015)
    assert made[:, 0].var().item() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), abs=0.004)  # of Beta(a, a)


def test_features_of_different_widths_are_told() -> None:
    with pytest.raises(ValueError, match="as wide"):
        FeatureMixup(FeatureMixup.Config(), {"first": torch.randn(2, 3), "second": torch.randn(2, 4)})
