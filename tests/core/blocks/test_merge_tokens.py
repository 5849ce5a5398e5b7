"""Merged tokens: nothing is lost, padding stays away, attention and means count by size, times and maps find the places again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from core.blocks.attention.core import Attention
from core.blocks.attention.kernel import kinds
from core.blocks.attention.options import AttentionKnobs
from core.blocks.connectors.frequency_merge import FrequencyMerge
from core.blocks.connectors.merge_tokens import MergeTokens
from core.blocks.connectors.pool import Pool
from core.blocks.encoders.token_transformer import TokenTransformer
from core.blocks.fusion.cross_attention import CrossAttention
from core.blocks.fusion.gated import Gated
from core.blocks.merging import merge
from core.blocks.times import When, in_time
from core.blocks.values import Grid, Tokens, joined
from core.compiler.module import spread

FRAMES, CELLS, WIDTH = 6, 4, 16


def film(x_BND: Tensor | None = None, real: int = FRAMES * CELLS + 1) -> Tokens:
    """CLS and six frames of two by two cells; of the second sample only the first ``real`` are there."""
    torch.manual_seed(0)
    start_T = torch.arange(FRAMES, dtype=torch.float64) * 0.2
    mask = torch.ones(2, FRAMES * CELLS + 1, dtype=torch.bool)
    mask[1, real:] = False
    x_BND = torch.randn(2, FRAMES * CELLS + 1, WIDTH) if x_BND is None else x_BND
    return Tokens(
        x_BND=x_BND, mask_BN=mask, modality="video", grid=Grid(kind="frames", sizes=(FRAMES, 2, 2), extra=1),
        spans_BT2=torch.stack([start_T, start_T + 0.2], -1).expand(2, -1, -1),
    )  # fmt: skip


def merged(tokens: Tokens, fewer: int) -> Tokens:
    made: Tokens = MergeTokens(MergeTokens.Config(fewer=fewer), {"tokens": tokens})(tokens)["tokens"]
    return made


@pytest.mark.parametrize("fewer", [1, 7, 12, 20, 100])
def test_size_times_token_is_conserved_and_cls_stays(fewer: int) -> None:
    tokens = film(real=18)
    made = merged(tokens, fewer)
    assert made.x_BND.shape[1] == 25 - min(fewer, 12)
    assert torch.equal(made.x_BND[:, 0], tokens.x_BND[:, 0])
    before = (tokens.zeroed().x_BND[:, 1:]).sum(1)
    torch.testing.assert_close((made.size_BN[..., None] * made.x_BND)[:, 1:].sum(1), before, atol=1e-4, rtol=0)
    assert torch.equal(made.size_BN.sum(1), tokens.mask_BN.sum(1).float())
    assert (made.size_BN > 0).sum(1).tolist() == [25 - min(fewer, 12), 18 - min(fewer, 8)]


def test_every_token_is_the_mean_of_what_went_into_it() -> None:
    tokens = film(real=18)
    made = merged(merged(tokens, 9), 8)
    for sample in range(2):
        for place in range(made.x_BND.shape[1]):
            some = tokens.x_BND[sample, made.into_BM[sample] == place]
            assert len(some) == int(made.size_BN[sample, place])
            if len(some):
                torch.testing.assert_close(made.x_BND[sample, place], some.mean(0), atol=1e-5, rtol=1e-5)
    assert torch.equal(made.into_BM < 0, ~tokens.mask_BN)


def test_tokens_keep_the_order_of_the_first_they_are_made_of() -> None:
    made = merged(film(), 11)
    for row_M, count in zip(made.into_BM, (made.size_BN > 0).sum(1)):
        first = [int((row_M == place).nonzero()[0]) for place in range(int(count))]
        assert first == sorted(first)


def test_what_becomes_of_a_sample_does_not_hang_on_its_padding() -> None:
    torch.manual_seed(1)
    x = torch.randn(1, 9, 4)
    for fewer in (1, 3, 6):
        made = []
        for behind in (0, 1, 5):
            wide = torch.nn.functional.pad(x, (0, 0, 0, behind), value=float(behind))
            mask = torch.arange(9 + behind)[None] < 9
            made.append(merged(Tokens(x_BND=wide, mask_BN=mask), fewer))
        for other in made[1:]:
            assert torch.equal(other.x_BND[other.mask_BN], made[0].x_BND[made[0].mask_BN])
            assert torch.equal(other.into_BM[:, :9], made[0].into_BM)


def test_equal_tokens_merge_into_themselves() -> None:
    """Six equal frames of an even number of cells: each that goes joins the same cell of another frame."""
    frame = torch.randn(2, CELLS, WIDTH)
    x = torch.cat([torch.zeros(2, 1, WIDTH), frame.repeat(1, FRAMES, 1)], 1)
    made = merged(film(x), 12)
    torch.testing.assert_close(made.unmerged().x_BND, x, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", [kind for kind in kinds if kind != "linear"])
@pytest.mark.parametrize("rank", [None, 8])
def test_a_key_of_size_three_is_three_equal_keys(kind: str, rank: int | None) -> None:
    torch.manual_seed(0)
    options = AttentionKnobs(attention=kind, rank=rank, window=100, block=100)
    attention = Attention(WIDTH, 2, options=options).double()
    x, keys = torch.randn(2, 5, WIDTH, dtype=torch.double), torch.randn(2, 4, WIDTH, dtype=torch.double)
    size = torch.tensor([[1, 3, 1, 2], [2, 1, 1, 0]])
    mask = size > 0
    found = attention(x, keys, mask, size_BM=size)
    for sample in range(2):
        often = keys[sample].repeat_interleave(size[sample], 0)[None]
        torch.testing.assert_close(found[sample], attention(x[sample : sample + 1], often)[0])
    once = attention(x, keys, mask, size_BM=mask.long())
    torch.testing.assert_close(once, attention(x, keys, mask))


def test_linear_attention_says_that_it_cannot_weigh() -> None:
    attention = Attention(WIDTH, 2, options=AttentionKnobs(attention="linear"))
    with pytest.raises(ValueError, match="no scores"):
        attention(torch.randn(1, 3, WIDTH), size_BM=torch.ones(1, 3))


def test_a_transformer_over_merged_equal_tokens_gives_what_it_gives_of_all() -> None:
    """What ToMe's sizes are for: tokens that say the same, merged, lead to the same as all of them."""
    frame = torch.randn(2, CELLS, WIDTH)
    x = torch.cat([torch.randn(2, 1, WIDTH), frame.repeat(1, FRAMES, 1)], 1)
    tokens = film(x)
    few = merged(tokens, 12)
    torch.manual_seed(0)
    tower = TokenTransformer(TokenTransformer.Config(depth=2), {"tokens": tokens}).eval()
    whole, made = tower(tokens)["tokens"], tower(few)["tokens"]
    torch.testing.assert_close(made.unmerged().x_BND, whole.x_BND, atol=1e-5, rtol=1e-4)
    for how in ("mean", "attention", "cls"):
        pool = Pool(Pool.Config(how=how), {"tokens": tokens})
        torch.testing.assert_close(
            pool(made)["embedding"], pool(whole)["embedding"], atol=1e-5, rtol=1e-4, msg=lambda text, h=how: h + text
        )
    without = tower(replace(few, size_BN=None))["tokens"]
    assert (without.unmerged().x_BND - whole.x_BND).abs().max() > 1e-3  # each counting once is another thing


def test_the_mean_is_that_of_all_tokens() -> None:
    tokens = film(real=18)
    pool = Pool(Pool.Config(), {"tokens": tokens})
    torch.testing.assert_close(pool(merged(tokens, 12))["embedding"], pool(tokens)["embedding"], atol=1e-5, rtol=1e-5)


def test_times_are_those_of_the_frames_that_were() -> None:
    tokens = film()
    few = merged(tokens, 12)
    row = in_time(few)
    assert row.x_BND.shape == (2, FRAMES, WIDTH)
    assert torch.equal(When.of(row).spans_BT2, tokens.spans_BT2)
    wanted = in_time(few.unmerged()).x_BND
    torch.testing.assert_close(row.x_BND, wanted)
    still = merged(merged(film(torch.ones(2, 25, WIDTH)), 12), 6)
    torch.testing.assert_close(in_time(still).x_BND, torch.ones(2, FRAMES, WIDTH))


def test_a_map_of_merged_tokens_lies_on_the_cells_that_they_are_made_of() -> None:
    tokens = film(real=18)
    few = merged(tokens, 12)
    tower = TokenTransformer(TokenTransformer.Config(depth=1), {"tokens": few}).eval()
    made, maps = tower.watched(tokens=few)
    rows = maps["0"]
    wide = spread(rows, made["tokens"], few)
    assert wide.shape == (2, 2, 25, 25)
    torch.testing.assert_close(wide.sum(-1), torch.ones(2, 2, 25), atol=1e-5, rtol=0)
    query, key = 7, 11
    into = few.into_BM[0]
    expected = rows[0, :, into[query], into[key]] / few.size_BN[0, into[key]]
    torch.testing.assert_close(wide[0, :, query, key], expected)
    assert (wide[1, :, :, 18:] == 0).all()


def test_batches_of_other_widths_become_one() -> None:
    one, other = (merged(Tokens(x_BND=torch.randn(2, n, 4), grid=Grid(kind="words", sizes=(n,))), 3) for n in (9, 12))
    both = joined([one, other])
    assert both.x_BND.shape[:2] == both.size_BN.shape == (4, 9)
    assert both.into_BM.shape == (4, 12)
    assert torch.equal(both.into_BM[:2, :9], one.into_BM)
    assert (both.into_BM[:2, 9:] == -1).all()


def test_merging_is_refused_nothing_it_needs() -> None:
    """One token, or none that is real, goes on as it came."""
    alone = Tokens(x_BND=torch.randn(2, 1, 4), mask_BN=torch.tensor([[True], [False]]))
    made = merged(alone, 5)
    assert torch.equal(made.x_BND[0], alone.x_BND[0])
    assert made.size_BN.tolist() == [[1.0], [0.0]]
    assert merge(torch.randn(1, 3, 2), torch.zeros(1, 3), 1).size_BK.tolist() == [[0.0]]


@pytest.mark.parametrize("kind", [CrossAttention, Gated])
def test_who_looks_at_merged_tokens_sees_them_as_often_as_they_stand_for(kind: Any) -> None:
    frame = torch.randn(2, CELLS, WIDTH)
    tokens = film(torch.cat([torch.randn(2, 1, WIDTH), frame.repeat(1, FRAMES, 1)], 1))
    words = Tokens(x_BND=torch.randn(2, 5, WIDTH), modality="text")
    torch.manual_seed(0)
    block = kind(kind.Config(heads=2), {"tokens": words, "context": tokens}).eval()
    for parameter in block.parameters():
        if not parameter.any():
            torch.nn.init.constant_(parameter, 0.5)  # gates that begin closed
    few = merged(tokens, 12)
    whole, made = (block(tokens=words, context=context)["tokens"].x_BND for context in (tokens, few))
    torch.testing.assert_close(made, whole, atol=1e-5, rtol=1e-4)
    alike = block(tokens=words, context=replace(few, size_BN=None))["tokens"].x_BND
    assert (alike - whole).abs().max() > 1e-4


def test_bands_of_a_time_are_merged_of_merged_tokens_too() -> None:
    torch.manual_seed(0)
    grid = Grid(kind="bins", sizes=(2, 4), first=0.1, step=0.2)
    tokens = Tokens(x_BND=torch.randn(2, 8, WIDTH), modality="audio", grid=grid)
    few = merged(tokens, 3)
    block = FrequencyMerge(FrequencyMerge.Config(width=8), {"tokens": few})
    torch.testing.assert_close(block(few)["tokens"].x_BND, block(few.unmerged())["tokens"].x_BND)
