"""Rows of the chapter that are about towers: token counts, patch dropout, pooling, attention."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from core.blocks.attention.core import Attention
from core.blocks.connectors.pool import Pool
from core.blocks.connectors.projection import Projection
from core.blocks.encoders.vit import ViT
from core.blocks.fusion.concat import Concat
from core.blocks.values import Tokens


def test_vit_l_14_gives_257_tokens() -> None:
    with torch.device("meta"):
        picture = torch.empty(1, 3, 224, 224)
        made = ViT(ViT.Config(patch_size=14, width=64, depth=1, heads=2), {"image": picture})(picture)
    assert tuple(made["tokens"].x_BND.shape) == (1, 257, 64)


@pytest.mark.parametrize(("share", "kept"), [(0.0, 257), (0.5, 129), (0.75, 65)])
def test_patch_dropout_keeps_one_minus_p(share: float, kept: int) -> None:
    with torch.device("meta"):
        picture = torch.empty(2, 3, 224, 224)
        vit = ViT(ViT.Config(patch_size=14, width=64, depth=1, heads=2, patch_dropout=share), {"image": picture})
        assert vit.train()(picture)["tokens"].x_BND.shape[1] == kept
        assert vit.eval()(picture)["tokens"].x_BND.shape[1] == 257


def test_unmasked_tuning_keeps_all_patches_at_the_end_of_the_run() -> None:
    with torch.device("meta"):
        picture = torch.empty(2, 3, 32, 32)
        config = ViT.Config(patch_size=8, width=24, depth=1, heads=2, patch_dropout=0.5, unmasked=0.25)
        vit = ViT(config, {"image": picture}).train()
        counts = []
        for share in (0.0, 0.74, 0.75, 0.99):
            vit.set_progress(share)
            counts.append(vit(picture)["tokens"].x_BND.shape[1])
    assert counts == [9, 9, 17, 17]


@pytest.mark.parametrize(("share", "expected"), [(0.5, 0.492), (0.75, 0.245)])
def test_flip_flops_of_the_image_tower(share: float, expected: float) -> None:
    """ViT-L/14's image tower: 0.492 of the FLOPs at 50 %, 0.245 at 75 % (not the chapter's 0.4 at 50 %)."""

    def flops(dropped: float) -> int:
        with torch.device("meta"):
            picture = torch.empty(1, 3, 224, 224)
            config = ViT.Config(patch_size=14, width=1024, depth=24, heads=16, patch_dropout=dropped)
            vit = ViT(config, {"image": picture}).train()
            with FlopCounterMode(display=False) as counter:
                vit(picture)
        return counter.get_total_flops()

    assert flops(share) / flops(0.0) == pytest.approx(expected, abs=0.006)


def test_dropped_patches_keep_their_order_and_place() -> None:
    torch.manual_seed(0)
    picture = torch.rand(3, 3, 32, 32)
    vit = ViT(ViT.Config(patch_size=8, width=24, depth=1, heads=3, patch_dropout=0.5), {"image": picture}).train()
    tokens = vit(picture)["tokens"]
    assert tokens.cells_BN.shape == (3, 8)
    assert (tokens.cells_BN.diff(dim=1) > 0).all()


def test_projection_gives_unit_vectors() -> None:
    x = torch.randn(5, 12)
    made = Projection(Projection.Config(width=7), {"embedding": x})(x)["embedding"]
    torch.testing.assert_close(made.norm(dim=-1), torch.ones(5))


def test_concat_is_a_linear_map_of_both_side_by_side() -> None:
    left, right = torch.randn(3, 5), torch.randn(3, 4)
    block = Concat(Concat.Config(width=6), {"left": left, "right": right})
    torch.testing.assert_close(block(left, right)["embedding"], block.linear(torch.cat([left, right], 1)))


def test_pooling_ignores_padding() -> None:
    x = torch.randn(2, 6, 8)
    mask = torch.ones(2, 6, dtype=torch.bool)
    mask[:, 4:] = False
    for how in ("mean", "last", "attention"):
        pool = Pool(Pool.Config(how=how), {"tokens": Tokens(x_BND=x, mask_BN=mask)}).eval()
        padded = pool(Tokens(x_BND=x, mask_BN=mask))["embedding"]
        short = pool(Tokens(x_BND=x[:, :4], mask_BN=mask[:, :4]))["embedding"]
        torch.testing.assert_close(padded, short, atol=1e-6, rtol=1e-5)


def test_cls_pooling_without_cls_is_refused() -> None:
    tokens = ViT(ViT.Config(cls=False, width=24, depth=1), {"image": torch.rand(1, 3, 16, 16)})(
        torch.rand(1, 3, 16, 16)
    )
    with pytest.raises(ValueError, match="no CLS token"):
        Pool(Pool.Config(how="cls"), tokens)


def test_attention_equals_pytorchs_multi_head_attention() -> None:
    torch.manual_seed(0)
    ours, theirs = Attention(16, 4).double(), torch.nn.MultiheadAttention(16, 4, batch_first=True).double()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key_value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key_value.bias]))
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    x = torch.randn(2, 7, 16, dtype=torch.double)
    mask = torch.ones(2, 7, dtype=torch.bool)
    mask[1, 5:] = False
    torch.testing.assert_close(ours(x, mask_BM=mask), theirs(x, x, x, key_padding_mask=~mask)[0], atol=1e-12, rtol=0)


def test_attention_over_nothing_is_zero_not_nan() -> None:
    attention = Attention(8, 2)
    mask = torch.zeros(2, 3, dtype=torch.bool)
    mask[0] = True
    made = attention(torch.randn(2, 4, 8), torch.randn(2, 3, 8), mask)
    torch.testing.assert_close(made[1], attention.out.bias.expand(4, -1))
    assert made.isfinite().all()


def test_causal_attention_does_not_look_ahead() -> None:
    attention = Attention(8, 2, causal=True)
    x = torch.randn(1, 5, 8)
    changed = x.clone()
    changed[:, 3:] += 1
    torch.testing.assert_close(attention(x)[:, :3], attention(changed)[:, :3])
    mask = torch.ones(1, 5, dtype=torch.bool)
    torch.testing.assert_close(attention(x, mask_BM=mask), attention(x), atol=1e-6, rtol=1e-5)


def test_softmax_by_hand() -> None:
    attention = Attention(4, 1)
    x = torch.randn(1, 3, 4)
    q = attention.query(x)
    k, v = attention.key_value(x).chunk(2, -1)
    expected = attention.out(F.softmax(q @ k.transpose(1, 2) / 2, -1) @ v)
    torch.testing.assert_close(attention(x), expected)
