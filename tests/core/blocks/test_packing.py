"""Several documents in one row: each is what it is alone, in values and gradients, and blind to the others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.blocks.attention import flex
from core.blocks.attention.kernel import kinds
from core.blocks.attention.kinds.dense import fused
from core.blocks.connectors.pool import Pool
from core.blocks.encoders.navit import NaViT
from core.blocks.encoders.text_transformer import TextTransformer
from core.blocks.encoders.token_transformer import TokenTransformer
from core.blocks.packing import Documents, documents_of, laid_out, unpacked
from core.blocks.values import Pictures, Text, Tokens, joined, widest

LENGTHS, PACKS = (5, 3, 9, 2, 5), (0, 0, 1, 1, 0)
GRIDS = ((2, 3), (1, 4), (3, 3), (2, 1), (3, 2))
EXACT = {torch.float32: 1e-5, torch.float64: 1e-12}


def text(lengths: tuple[int, ...] = LENGTHS, packs: tuple[int, ...] | None = PACKS) -> Text:
    ids = torch.arange(len(lengths) * max(lengths)).reshape(len(lengths), -1) * 7 % 40
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    pack = None if packs is None else torch.tensor(packs)
    return Text(ids_BL=ids * mask, mask_BL=mask, vocabulary=40, most=12, pack_B=pack)


def pictures(grids: tuple[tuple[int, int], ...] = GRIDS, packs: tuple[int, ...] | None = PACKS) -> Pictures:
    torch.manual_seed(3)
    sizes = torch.tensor(grids)
    real = torch.arange(int(sizes.prod(1).max())) < sizes.prod(1)[:, None]
    pack = None if packs is None else torch.tensor(packs)
    patches = torch.rand(len(grids), real.shape[1], 12) * real[..., None]
    return Pictures(patches_BNC=patches, size_B2=sizes, patch=2, most=12, pack_B=pack)


def alone(value: Any, place: int) -> Any:
    """One sample of a batch, as narrow as it is."""
    if isinstance(value, Text):
        length = int(value.mask_BL[place].sum())
        return replace(
            value, ids_BL=value.ids_BL[place, None, :length], mask_BL=value.mask_BL[place, None, :length], pack_B=None
        )
    count = int(value.size_B2[place].prod())
    return replace(
        value, patches_BNC=value.patches_BNC[place, None, :count], size_B2=value.size_B2[place, None], pack_B=None
    )


def tower(kind: str, dtype: torch.dtype, **knobs: Any) -> tuple[nn.Module, Any]:
    torch.manual_seed(0)
    if kind == "text":
        value: Any = text()
        made: nn.Module = TextTransformer(
            TextTransformer.Config(width=24, depth=2, heads=2, dropout=0.0, **knobs), {"text": value}
        )
    else:
        value = pictures()
        value = replace(value, patches_BNC=value.patches_BNC.to(dtype))
        made = NaViT(NaViT.Config(width=24, depth=2, heads=2, grid=4, **knobs), {"pictures": value})
    for parameter in made.parameters():  # biases and norms take part too
        nn.init.normal_(parameter, std=0.2)
    return made.to(dtype), value


def gradients(module: nn.Module) -> list[Tensor]:
    found = [p.grad.clone() if p.grad is not None else torch.zeros_like(p) for p in module.parameters()]
    module.zero_grad()
    return found


KNOBS = [
    ("text", {"positions": "learned"}), ("text", {"positions": "sines", "causal": True}), ("text", {"positions": "rotary"}),
    ("text", {"positions": "learned", "causal": True, "attention": "naive"}), ("text", {"attention": "linear"}),
    ("text", {"attention": "sliding window", "window": 1}),
    ("pictures", {"positions": "factorised"}), ("pictures", {"positions": "factorised", "cls": True}),
    ("pictures", {"positions": "resized"}), ("pictures", {"positions": "sines"}),
    ("pictures", {"positions": "rotary", "cls": True}), ("pictures", {"recompute": True}),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("kind", "knobs"), KNOBS)
def test_a_pack_gives_what_each_gives_alone_in_values_and_gradients(
    kind: str, knobs: dict[str, Any], dtype: torch.dtype
) -> None:
    module, value = tower(kind, dtype, **knobs)
    seen = unpacked(module(**{kind: value})["tokens"])
    weight = torch.randn(seen.x_BND.shape, generator=torch.Generator().manual_seed(1), dtype=dtype)
    (seen.x_BND * weight * seen.mask_BN[..., None]).sum().backward()
    packed = gradients(module)
    for place in range(len(LENGTHS)):
        own = module(**{kind: alone(value, place)})["tokens"].x_BND
        length = own.shape[1]
        assert int(seen.mask_BN[place].sum()) == length
        torch.testing.assert_close(seen.x_BND[place, None, :length], own, atol=EXACT[dtype], rtol=EXACT[dtype])
        (own * weight[place, None, :length]).sum().backward()
    for one, other in zip(packed, gradients(module)):
        torch.testing.assert_close(one, other, atol=20 * EXACT[dtype], rtol=20 * EXACT[dtype])
    assert sum(gradient.abs().sum() for gradient in packed) > 1


@pytest.mark.parametrize(("kind", "knobs"), KNOBS)
def test_a_document_is_blind_to_the_one_beside_it(kind: str, knobs: dict[str, Any]) -> None:
    module, value = tower(kind, torch.float32, **knobs)
    before = unpacked(module(**{kind: value})["tokens"]).x_BND
    if kind == "text":
        ids = value.ids_BL.clone()
        ids[1] = (ids[1] + 5) % 40 * value.mask_BL[1]
        altered: Any = replace(value, ids_BL=ids)
    else:
        patches = value.patches_BNC.clone()
        patches[1] *= 0.5
        altered = replace(value, patches_BNC=patches)
    after = unpacked(module(**{kind: altered})["tokens"]).x_BND
    for place in (0, 2, 3, 4):
        assert torch.equal(before[place], after[place])
    assert not torch.equal(before[1], after[1])


@pytest.mark.parametrize("how", ["mean", "max", "cls", "last", "attention"])
def test_pooling_is_by_document(how: str) -> None:
    module, value = tower("pictures", torch.float64, cls=True)
    tokens = unpacked(module(pictures=value)["tokens"])
    pool = Pool(Pool.Config(how=how), {"tokens": tokens}).double()
    pooled = pool(tokens)["embedding"]
    assert pooled.shape == (5, 24)
    for place in range(5):
        own = pool(module(pictures=alone(value, place))["tokens"])["embedding"]
        torch.testing.assert_close(pooled[place, None], own, atol=1e-12, rtol=1e-12)


def test_layers_behind_a_tower_keep_documents_apart() -> None:
    module, value = tower("pictures", torch.float64)
    packed = module(pictures=value)["tokens"]
    further = TokenTransformer(TokenTransformer.Config(depth=2), {"tokens": packed}).double()
    made = unpacked(further(packed)["tokens"])
    plain = further(unpacked(packed))["tokens"]
    torch.testing.assert_close(made.x_BND[made.mask_BN], plain.x_BND[plain.mask_BN], atol=1e-12, rtol=1e-12)


def test_every_document_has_its_own_map_and_grid() -> None:
    module, value = tower("pictures", torch.float32, cls=True)
    made, maps = module.watched(pictures=value)  # type: ignore[operator]
    rows = maps["1"]
    assert rows.shape[0] == 5
    sizes = unpacked(made["tokens"]).place_BN2.amax(1) + 1
    assert sizes.tolist() == [list(grid) for grid in GRIDS]
    for place in range(5):
        _, own = module.watched(pictures=alone(value, place))  # type: ignore[operator]
        length = own["1"].shape[-1]
        torch.testing.assert_close(rows[place, None, :, :length, :length], own["1"], atol=1e-5, rtol=1e-5)
        assert not rows[place, :, :length, length:].any()


def test_ids_alone_say_where_documents_are() -> None:
    documents = laid_out(LENGTHS, PACKS, torch.device("cpu"))
    assert documents.document_PN.tolist() == [[1] * 5 + [2] * 3 + [5] * 5, [3] * 9 + [4] * 2 + [0] * 2]
    assert documents.groups == ((1, 2), (1, 3), (2, 5), (1, 9))
    x = torch.randn(2, 13, 3)
    for there, back in ((documents.apart, documents.together), (documents.by_length, documents.from_lengths)):
        again = back(there(x))
        assert torch.equal(again[documents.has_PN], x[documents.has_PN])
        assert not again[~documents.has_PN].any()
    mixed = Documents.of(torch.tensor([[2, 1, 0, 2, 1, 1]]), 2)  # not side by side: each keeps its order
    assert mixed.apart(torch.arange(1, 7).view(1, 6, 1))[..., 0].tolist() == [[2, 5, 6], [1, 4, 0]]


def test_a_blank_document_is_no_trouble() -> None:
    tokens = Tokens(x_BND=torch.randn(1, 4, 2), document_BN=torch.tensor([[1, 1, 3, 0]]), documents=3)
    apart = unpacked(tokens)
    assert apart.mask_BN.sum(1).tolist() == [2, 0, 1]
    assert documents_of(apart) is None


@pytest.mark.filterwarnings("ignore:flex_attention called without")
def test_the_block_mask_of_a_gpu_sees_the_same_pairs() -> None:
    torch.manual_seed(0)
    documents = laid_out((60, 50, 90), (0, 0, 1), torch.device("cpu"))
    ids = documents.document_PN
    q, k, v = (torch.randn(2, 2, 110, 16) for _ in range(3))
    for causal in (False, True):
        own = (ids[:, :, None] == ids[:, None]) & (ids > 0)[:, None]
        mask = own & torch.ones(110, 110, dtype=torch.bool).tril() if causal else own
        made = flex.by_document(q, k, v, ids, causal=causal, compiled=False)
        torch.testing.assert_close(made, fused(q, k, v, mask[:, None]), atol=1e-5, rtol=1e-5)


def test_batches_of_other_widths_are_put_together() -> None:
    whole, first, second = text(packs=None), text((5, 3), None), text((2,), None)
    made = joined([first, second])
    assert made.ids_BL.shape == (3, 5)
    assert made.mask_BL.sum(1).tolist() == [5, 3, 2]
    tokens = [Tokens(x_BND=torch.randn(1, width, 2)) for width in (2, 4)]
    both = joined(tokens)
    assert both.mask_BN.sum(1).tolist() == [2, 4]
    assert torch.equal(both.x_BND[0, :2], tokens[0].x_BND[0])
    assert joined([whole, whole]).ids_BL.shape == (10, 9)
    assert widest(whole).ids_BL.shape == (5, 12)
    images = pictures()
    assert widest(images).patches_BNC.shape == (5, 12, 12)
    assert torch.equal(widest(images).mask_BN[:, :9], images.mask_BN)


@pytest.mark.parametrize("kind", list(kinds))
def test_every_kind_of_attention_goes_by_document(kind: str) -> None:
    module, value = tower("text", torch.float64, attention=kind, window=2, block=4)
    made = unpacked(module(text=value)["tokens"])
    plain = module(text=replace(value, pack_B=None))["tokens"]
    if kind != "block-sparse":  # its blocks are parts of the length, which padding makes longer
        torch.testing.assert_close(made.x_BND[made.mask_BN], plain.x_BND[plain.mask_BN], atol=1e-12, rtol=1e-12)
    for place in range(5):
        own = module(text=alone(value, place))["tokens"].x_BND
        torch.testing.assert_close(made.x_BND[place, None, : own.shape[1]], own, atol=1e-12, rtol=1e-12)
