"""Fewer tokens: constants stay, order does not matter where it must not, merging loses nothing, remainders are kept."""

from __future__ import annotations

import pytest
import torch

from core.blocks.connectors.compress import WAYS, Compress
from core.blocks.connectors.fewer import Resampler
from core.blocks.connectors.hierarchical_pool import HierarchicalPool, grouped
from core.blocks.merging import merge
from core.blocks.values import Grid, Tokens

PATCHES = Grid(kind="patches", sizes=(6, 6), extra=1)


def picture(x: torch.Tensor | None = None) -> Tokens:
    torch.manual_seed(0)
    return Tokens(x_BND=torch.randn(2, 37, 8) if x is None else x, grid=PATCHES, modality="image")


def compress(how: str, count: int = 9) -> Compress:
    torch.manual_seed(0)
    return Compress(Compress.Config(how=how, count=count), {"tokens": picture()}).eval()


@pytest.mark.parametrize("how", WAYS)
def test_cls_is_kept_apart(how: str) -> None:
    tokens = picture()
    made = compress(how)(tokens)["tokens"]
    assert made.x_BND.shape == (2, 10, 8)
    assert torch.equal(made.x_BND[:, 0], tokens.x_BND[:, 0])
    assert made.grid == Grid(kind="latents", sizes=(9,), extra=1)


@pytest.mark.parametrize("how", [how for how in WAYS if how != "resampler"])
def test_constant_tokens_give_that_constant(how: str) -> None:
    constant = torch.randn(1, 1, 8).expand(2, 37, 8).contiguous()
    made = compress(how)(picture(constant))["tokens"]
    torch.testing.assert_close(made.x_BND, constant[:, :10], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("how", WAYS)
def test_padding_changes_nothing(how: str) -> None:
    x = torch.randn(2, 37, 8)
    mask = torch.ones(2, 37, dtype=torch.bool)
    mask[:, -6:] = False
    other = x.clone()
    other[:, -6:] = 100.0
    block = compress(how)
    first, second = (block(Tokens(x_BND=v, mask_BN=mask, grid=PATCHES))["tokens"] for v in (x, other))
    real = first.mask_BN
    torch.testing.assert_close(first.x_BND[real], second.x_BND[real], atol=1e-4, rtol=1e-4)


def test_the_resampler_does_not_know_the_order() -> None:
    torch.manual_seed(0)
    resampler = Resampler(8, 5, 2, 2).eval()
    x, real = torch.randn(2, 20, 8), torch.rand(2, 20) > 0.2
    order = torch.randperm(20)
    torch.testing.assert_close(resampler(x, real)[0], resampler(x[:, order], real[:, order])[0], atol=1e-5, rtol=1e-5)
    assert resampler(x[:, :7], real[:, :7])[0].shape == (2, 5, 8)


def test_merging_conserves_size_times_token() -> None:
    x, size = torch.randn(3, 41, 6, dtype=torch.double), torch.ones(3, 41, dtype=torch.double)
    size[1, -9:] = 0
    for kept in (40, 21, 20, 5, 1):
        made = merge(x, size, kept)
        y, sizes = made.x_BKD, made.size_BK
        assert y.shape[1] == kept
        torch.testing.assert_close((sizes[..., None] * y).sum(1), (size[..., None] * x).sum(1), atol=1e-10, rtol=0)
        torch.testing.assert_close(sizes.sum(1), size.sum(1))


def test_merging_joins_the_alike() -> None:
    x = torch.eye(4)[:, None].repeat(1, 3, 1).reshape(1, 12, 4)
    made = merge(x, torch.ones(1, 12), 6)
    y, sizes = made.x_BKD, made.size_BK
    assert torch.equal(sizes.sum(), torch.tensor(12.0))
    assert all(float((row / row.norm()).max()) == pytest.approx(1.0) for row in y[0])


def test_the_decoder_learns_what_the_few_can_tell() -> None:
    torch.manual_seed(0)
    base = torch.randn(64, 3, 3, 8)
    x = base.repeat_interleave(2, 1).repeat_interleave(2, 2).reshape(64, 36, 8)
    tokens = Tokens(x_BND=torch.cat([torch.zeros(64, 1, 8), x], 1), grid=PATCHES)
    block = Compress(Compress.Config(how="average", count=9, heads=1), {"tokens": tokens}).train()
    optimizer = torch.optim.Adam(block.parameters(), 1e-2)
    for _ in range(200):
        optimizer.zero_grad()
        block(tokens)["reconstruction"].backward()
        optimizer.step()
    assert float(block.readings()["reconstruction R2"]) > 0.3


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="36 tokens to compress"):
        compress("average", 40)


def test_no_token_is_dropped_at_any_stride() -> None:
    for count in (1, 5, 8, 13):
        x, mask = torch.rand(1, count, 4), torch.ones(1, count, dtype=torch.bool)
        for stride in (1, 2, 4):
            keys, real = grouped(x, mask, stride)
            assert keys.shape[1] == -(-count // stride)
            assert real.all()
            sizes = torch.full((keys.shape[1],), float(stride))
            sizes[-1] = count - stride * (keys.shape[1] - 1)
            torch.testing.assert_close((keys * sizes[:, None]).sum(1), x.sum(1))


@pytest.mark.parametrize("width", [7, 8, 10, 768])
def test_levels_share_the_width_with_its_remainder(width: int) -> None:
    tokens = Tokens(x_BND=torch.randn(2, 9, width))
    block = HierarchicalPool(HierarchicalPool.Config(levels=3), {"tokens": tokens})
    assert block(tokens)["embedding"].shape == (2, width)
    assert [out.out_features for out in block.out] == [width // 3 + (i < width % 3) for i in range(3)]


def test_pooled_groups_may_change_places() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 12, 8)
    pool = HierarchicalPool(HierarchicalPool.Config(), {"tokens": Tokens(x_BND=x)}).eval()
    moved = x.unflatten(1, (3, 4))[:, [2, 0, 1]].flatten(1, 2)
    torch.testing.assert_close(
        pool(Tokens(x_BND=x))["embedding"], pool(Tokens(x_BND=moved))["embedding"], atol=1e-5, rtol=1e-5
    )
