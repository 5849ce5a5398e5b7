"""Every kind of attention against its dense or quadratic form, and what each saving saves."""

from __future__ import annotations

import shutil
import warnings
import weakref
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch._inductor import config as inductor
from torch.utils.flop_counter import FlopCounterMode

from core.blocks.attention import flex
from core.blocks.attention.core import Attention, recording
from core.blocks.attention.kernel import Reach, kinds
from core.blocks.attention.kinds.linear import feature_map
from core.blocks.attention.layer import Stack
from core.blocks.attention.options import AttentionKnobs
from core.blocks.catalog import blocks
from core.blocks.encoders.text_transformer import TextTransformer, example_text
from core.telemetry.diagnostics.memory import saved_bytes
from core.training.optimization import optimizers

LENGTHS = [(1, 1), (7, 7), (33, 33), (50, 13), (13, 50), (70, 1), (1, 70)]


def made(width: int = 16, heads: int = 4, **knobs: object) -> Attention:
    torch.manual_seed(0)
    return Attention(width, heads, options=AttentionKnobs(**knobs)).eval()


def tokens(n: int, m: int, width: int = 16) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    mask = torch.rand(2, m) > 0.3
    mask[:, 0] = True
    return torch.randn(2, n, width), torch.randn(2, m, width), mask


@pytest.mark.parametrize("kind", list(kinds))
@pytest.mark.parametrize(("n", "m"), LENGTHS)
def test_any_length_works_and_the_map_reproduces_the_output(kind: str, n: int, m: int) -> None:
    x, keys, mask = tokens(n, m)
    attention = made(attention=kind, window=3, block=5, global_tokens=1)
    with recording({"0": attention}) as maps:
        y = attention(x, keys, mask)  # raises where rows times values are not the output
    assert y.shape == x.shape
    (rows,) = maps["0"]
    assert rows.shape == (2, 4, n, m)
    torch.testing.assert_close(rows.sum(-1), torch.ones(2, 4, n), atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", list(kinds))
def test_a_sample_without_keys_gives_only_the_bias(kind: str) -> None:
    x, keys, mask = tokens(9, 40)
    mask[1] = False
    attention = made(attention=kind, window=3, block=5)
    y = attention(x, keys, mask)
    torch.testing.assert_close(y[1], attention.out.bias.expand(9, -1), atol=1e-5, rtol=0)
    assert y.isfinite().all()


@pytest.mark.parametrize("kind", ["naive", "sliding window", "block-sparse"])
@pytest.mark.parametrize("causal", [False, True])
def test_with_everything_in_reach_it_is_the_dense_form(kind: str, causal: bool) -> None:
    torch.manual_seed(0)
    dense = Attention(16, 4, causal=causal)
    other = Attention(16, 4, causal=causal, options=AttentionKnobs(attention=kind, window=1000, block=1000))
    other.load_state_dict(dense.state_dict())
    for n in (1, 31, 32, 33):
        x, _, mask = tokens(n, n)
        torch.testing.assert_close(dense(x), other(x), atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(dense(x, mask_BM=mask), other(x, mask_BM=mask), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", ["sliding window", "block-sparse"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("n", "m"), [(45, 45), (64, 64), (100, 37), (37, 100)])
def test_gathered_tiles_equal_the_masked_dense_form(kind: str, causal: bool, n: int, m: int) -> None:
    torch.manual_seed(0)
    kernel = kinds[kind](Reach(window=2, block=4, global_tokens=2))
    q, k, v = (torch.randn(2, 3, length, 8, dtype=torch.double) for length in (n, m, m))
    mask = torch.rand(2, m) > 0.4
    allowed = kernel.mask(mask, n, m, causal=causal, device=q.device)
    has = allowed.any(-1, keepdim=True)
    scores = (q @ k.transpose(-1, -2) / 8**0.5).masked_fill(~(allowed | ~has), -torch.inf)
    expected = torch.where(has, scores.softmax(-1) @ v, 0.0)
    torch.testing.assert_close(kernel(q, k, v, mask, causal=causal, dropout=0.0), expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("kind", ["sliding window", "block-sparse"])
def test_every_key_is_seen_and_the_density_is_what_was_asked(kind: str) -> None:
    kernel = kinds[kind](Reach(window=4, block=8, global_tokens=0))
    for n, m in ((64, 64), (65, 65), (10, 97), (97, 10)):
        allowed = kernel.allowed(n, m, torch.device("cpu"))
        if allowed is None:
            continue
        assert allowed.any(0).all(), "no key is ignored"
        assert allowed.any(1).all(), "no query is left without a key"
        assert kernel.pairs(n, m) == int(allowed.sum())
    inside = kernel.allowed(64, 64, torch.device("cpu"))[16:48].float().mean()
    assert float(inside) == pytest.approx({"sliding window": 9 / 64, "block-sparse": 24 / 64}[kind])


def test_global_tokens_see_all_and_are_seen() -> None:
    allowed = kinds["sliding window"](Reach(window=2, global_tokens=2)).allowed(50, 50, torch.device("cpu"))
    assert allowed[:2].all()
    assert allowed[:, :2].all()
    assert not allowed.all()
    assert kinds["sliding window"](Reach(window=2, global_tokens=2)).pairs(50, 50) == int(allowed.sum())


def flops(attention: Attention, n: int) -> int:
    with torch.device("meta"):
        ghost = Attention(16, 4, options=replace(attention.options))
        x = torch.empty(1, n, 16)
        with FlopCounterMode(display=False) as counter:
            ghost(x)
    return counter.get_total_flops() - 8 * n * 16 * 16  # without the four projections


def test_a_window_costs_what_it_looks_at() -> None:
    dense, narrow = made(), made(attention="sliding window", window=16, global_tokens=0)
    assert flops(narrow, 1024) < 0.06 * flops(dense, 1024)
    assert flops(narrow, 2048) == pytest.approx(2 * flops(narrow, 1024), rel=0.02)


@pytest.mark.filterwarnings("ignore:flex_attention called without")
@pytest.mark.parametrize("kind", ["sliding window", "block-sparse"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("padded", [False, True])
def test_the_flex_form_is_the_same_band(kind: str, causal: bool, padded: bool) -> None:
    """With a sample that is half padding and one that is nothing else."""
    kernel = kinds[kind](Reach(window=3, block=4, global_tokens=1))
    torch.manual_seed(0)
    q, k, v = (torch.randn(3, 2, 40, 16) for _ in range(3))
    mask = None
    if padded:
        mask = torch.ones(3, 40, dtype=torch.bool)
        mask[1, 20:], mask[2] = False, False
    given = flex.attend(q, k, v, mask, kernel.band(40, 40), causal=causal, compiled=False)
    expected = kernel(q, k, v, mask, causal=causal, dropout=0.0)
    torch.testing.assert_close(given, expected, atol=1e-5, rtol=1e-4)
    assert not padded or not given[2].any()


@pytest.mark.long
def test_the_compiled_flex_form_is_the_same_band() -> None:
    """On a processor flex_attention compiles for inference only; on a GPU the same call trains."""
    if shutil.which("g++") is None:
        pytest.skip("there is no C++ compiler")
    kernel = kinds["sliding window"](Reach(window=20, global_tokens=1))
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 2, 256, 16) for _ in range(3))
    mask = torch.ones(2, 256, dtype=torch.bool)
    mask[1, 100:] = False
    with torch.no_grad(), inductor.patch(compile_threads=1):  # no thread is left behind
        given = flex.attend(q, k, v, mask, kernel.band(256, 256), causal=False)
    torch.testing.assert_close(given, kernel(q, k, v, mask, causal=False, dropout=0.0), atol=1e-5, rtol=1e-4)


def test_linear_attention_is_its_quadratic_form() -> None:
    kernel = kinds["linear"](Reach())
    q, k, v = (torch.randn(2, 3, length, 8, dtype=torch.double) for length in (5, 11, 11))
    mask = torch.rand(2, 11) > 0.3
    mask[:, 0] = True
    table = feature_map(q) @ feature_map(k).transpose(-1, -2) * mask[:, None, None]
    expected = table / table.sum(-1, keepdim=True) @ v
    torch.testing.assert_close(kernel(q, k, v, mask, causal=False, dropout=0.0), expected, atol=1e-12, rtol=0)


def test_linear_attention_refuses_a_direction() -> None:
    text = example_text()
    block = TextTransformer(TextTransformer.Config(attention="linear", causal=True, width=16, depth=1), {"text": text})
    with pytest.raises(ValueError, match="looks both ways"):
        block(text)


def test_full_rank_is_multi_head_attention() -> None:
    torch.manual_seed(0)
    ours, theirs = (
        Attention(16, 4, options=AttentionKnobs(rank=16)).double(),
        nn.MultiheadAttention(16, 4, batch_first=True).double(),
    )
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key_value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key_value.bias]))
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    x, keys, mask = (value.double() if value.is_floating_point() else value for value in tokens(6, 9))
    torch.testing.assert_close(
        ours(x, keys, mask), theirs(x, keys, keys, key_padding_mask=~mask)[0], atol=1e-12, rtol=0
    )


@pytest.mark.long
def test_cross_attention_is_x_transformers() -> None:
    """Its Attention(context=), which has no biases, on the same weights; ours begin at zero."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = pytest.importorskip("x_transformers.x_transformers")
    theirs = library.Attention(dim=16, heads=4, dim_head=4, dim_context=12).eval()
    ours = Attention(16, 4, key_width=12).eval()
    x, _, mask = tokens(7, 9)
    context = torch.randn(2, 9, 12)
    with torch.no_grad():
        ours.query.weight.copy_(theirs.to_q.weight)
        ours.key_value.weight.copy_(torch.cat([theirs.to_k.weight, theirs.to_v.weight]))
        ours.out.weight.copy_(theirs.to_out.weight)
        made = theirs(x, context=context, context_mask=mask)
        expected = made[0] if isinstance(made, tuple) else made
        torch.testing.assert_close(ours(x, context, mask), expected, atol=1e-5, rtol=1e-5)


def test_low_rank_has_fewer_parameters_and_heads_must_divide_it() -> None:
    assert sum(p.numel() for p in made(rank=4).parameters()) < 0.3 * sum(p.numel() for p in made().parameters())
    with pytest.raises(ValueError, match="must divide the rank"):
        made(rank=6)


def test_int8_is_close_and_learns() -> None:
    torch.manual_seed(0)
    plain, rounded = Attention(64, 4), Attention(64, 4, options=AttentionKnobs(precision="int8"))
    rounded.load_state_dict(plain.state_dict())
    x, keys, mask = tokens(20, 30, 64)
    x.requires_grad_()
    a, b = plain(x, keys, mask), rounded(x, keys, mask)
    assert torch.cosine_similarity(a.flatten(), b.flatten(), dim=0) > 0.999
    assert not torch.equal(a, b)
    wanted = torch.autograd.grad(a.pow(2).sum(), [x, *plain.parameters()])
    found = torch.autograd.grad(b.pow(2).sum(), [x, *rounded.parameters()])
    for one, other in zip(wanted, found):
        if one.norm() > 1e-3:
            assert torch.cosine_similarity(one.flatten(), other.flatten(), dim=0) > 0.95


def test_bfloat16_is_close() -> None:
    plain, small = made(), made(precision="bfloat16")
    x, keys, mask = tokens(8, 9)
    y = small(x, keys, mask)
    assert y.dtype == torch.float32
    torch.testing.assert_close(plain(x, keys, mask), y, atol=3e-2, rtol=3e-2)


def project_optimizer(module: torch.nn.Module) -> torch.optim.Optimizer:
    """The one a run takes by default: fused, it writes weights without raising their version counters."""
    chosen = optimizers["adamw"]
    return chosen(chosen.Config()).build([{"params": list(module.parameters()), "lr": 0.1}])


def test_kept_keys_are_right_and_never_stale() -> None:
    plain, keeping = made(), made(keep_keys=True)
    x, keys, _ = tokens(5, 9)
    optimizer = project_optimizer(keeping)
    with torch.no_grad():
        for _ in range(3):
            torch.testing.assert_close(keeping(x, keys), plain(x, keys), atol=1e-6, rtol=0)
        assert keeping.kept.hits == 2
    keeping(x, keys).sum().backward()
    assert keeping.kept.hits == 2, "never under autograd"
    optimizer.step()
    plain.load_state_dict(keeping.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(keeping(x, keys), plain(x, keys), atol=1e-6, rtol=0)
        assert keeping.kept.hits == 2, "an optimiser step makes it stale"
        keeping(x, keys)
        keys.mul_(2)  # in place
        torch.testing.assert_close(keeping(x, keys), plain(x, keys), atol=1e-6, rtol=0)
        torch.testing.assert_close(keeping(x, keys.clone()), plain(x, keys), atol=1e-6, rtol=0)
        assert keeping.kept.hits == 3


@pytest.mark.parametrize("key", ["fusion.cross_attention", "fusion.gated"])
def test_blocks_find_kept_keys_again_by_the_context_as_it_came(key: str) -> None:
    cls = blocks[key]
    torch.manual_seed(0)
    incoming = cls.example()
    plain = cls(cls.Config(heads=2), incoming).eval()
    keeping = cls(cls.Config(heads=2, keep_keys=True), incoming).eval()
    keeping.load_state_dict(plain.state_dict())
    layers = len(keeping.attentions())
    optimizer = project_optimizer(keeping)
    for turn in range(2):
        with torch.no_grad():
            for _ in range(3):
                asked = {**incoming, "tokens": incoming["tokens"].with_x(torch.randn_like(incoming["tokens"].x_BND))}
                torch.testing.assert_close(
                    keeping(**asked)["tokens"].x_BND, plain(**asked)["tokens"].x_BND, atol=1e-6, rtol=0
                )
        found = [module.kept.hits for module in keeping.attentions().values()]
        assert found == [2 * (turn + 1)] * layers, "two of three askings hit, before an update and after it"
        keeping.train()
        keeping(**incoming)["tokens"].x_BND.pow(2).sum().backward()
        optimizer.step()
        keeping.eval()
        plain.load_state_dict(keeping.state_dict())
    assert keeping.curves()["kept keys found"] == pytest.approx(2 / 3)
    assert "kept keys found" not in plain.curves()


def test_kept_keys_are_let_go_with_their_context() -> None:
    keeping = made(keep_keys=True)
    x, keys, _ = tokens(5, 9)
    with torch.no_grad():
        keeping(x, keys)
    k, _ = keeping.kept._made
    alive = weakref.ref(k)
    del keys, k
    assert alive() is None


def test_borrowed_keys_are_those_of_the_first_layer() -> None:
    torch.manual_seed(0)
    first = Attention(16, 4)
    borrower = Attention(16, 4, borrows=True)
    x, keys, mask = tokens(5, 9)
    same = Attention(16, 4)
    same.load_state_dict({**borrower.state_dict(), **{k: v for k, v in first.state_dict().items() if "key_value" in k}})
    torch.testing.assert_close(borrower(x, keys, mask, first.keys_values(keys)), same(x, keys, mask))
    with pytest.raises(ValueError, match="no keys of its own"):
        borrower(x, keys)


@pytest.mark.parametrize("kind", list(kinds))
def test_recomputing_changes_no_gradient(kind: str) -> None:
    x, keys, mask = tokens(40, 40)
    found = []
    for recompute in (False, True):
        attention = made(attention=kind, window=3, block=5, recompute=recompute)
        x.requires_grad_()
        found.append(torch.autograd.grad(attention(x, keys, mask).pow(2).sum(), [x, *attention.parameters()]))
    for one, other in zip(*found):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("kind", list(kinds))
def test_a_tower_takes_every_kind_on_meta_too(kind: str) -> None:
    with torch.device("meta"):
        stack = Stack(
            16, 2, 4, options=AttentionKnobs(attention=kind, window=2, block=4, recompute=True, precision="bfloat16")
        )
        x = torch.empty(3, 37, 16, requires_grad=True)
        assert stack(x, torch.ones(3, 37, dtype=torch.bool)).shape == (3, 37, 16)


# The memory table: bytes kept for the backward pass beside the naive form, batch 1, width 768, 12 heads, weights counted.
TABLE = {
    (64, 1024): {"sdpa": -14, "low rank, naive": -69, "low rank, sdpa": -73, "recompute": -85, "bfloat16, sdpa": -57},
    (512, 1024): {"sdpa": -52, "low rank, naive": -67, "low rank, sdpa": -84, "recompute": -90, "bfloat16, sdpa": -76},
    (1024, 4096): {"sdpa": -78, "low rank, naive": -65, "low rank, sdpa": -91, "recompute": -94, "bfloat16, sdpa": -89},
}
FORMS: dict[str, dict[str, object]] = {
    "sdpa": {}, "low rank, naive": {"attention": "naive", "rank": 128}, "low rank, sdpa": {"rank": 128},
    "recompute": {"recompute": True}, "bfloat16, sdpa": {"precision": "bfloat16"},
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize(("n", "m"), list(TABLE))
@pytest.mark.parametrize("form", list(FORMS))
def test_saved_bytes_are_those_of_the_table(n: int, m: int, form: str) -> None:
    inputs = {"x_BND": torch.randn(1, n, 768), "keys_BMD": torch.randn(1, m, 768)}

    def kept(heads: int, **knobs: object) -> int:
        return saved_bytes(Attention(768, heads, options=AttentionKnobs(**knobs)), inputs, weights=True)

    change = 100 * (kept(4 if "rank" in form else 12, **FORMS[form]) / kept(12, attention="naive") - 1)
    assert change == pytest.approx(TABLE[n, m][form], abs=8)


def test_recomputing_a_stack_keeps_a_small_part_of_its_activations() -> None:
    """What the callback Gradient checkpointing switches on: layers keep their inputs only."""
    kept = []
    for recompute in (False, True):
        stack = Stack(64, 6, 4).train()
        stack.recompute = recompute
        kept.append(saved_bytes(stack, {"x_BND": torch.randn(4, 64, 64)}))
    assert kept[1] < 0.15 * kept[0]


def test_savings_do_not_multiply() -> None:
    """What is computed again is not kept in any form: the fused kernel saves nothing more, though alone it saves a third."""
    inputs = {"x_BND": torch.randn(1, 64, 64), "keys_BMD": torch.randn(1, 256, 64)}

    def kept(**knobs: object) -> int:
        return saved_bytes(Attention(64, 4, options=AttentionKnobs(**knobs)), inputs)

    assert kept() < 0.7 * kept(attention="naive")
    assert kept(recompute=True) < 0.3 * kept(attention="naive")
    assert kept(recompute=True) == kept(recompute=True, attention="naive") == kept(recompute=True, rank=16)
