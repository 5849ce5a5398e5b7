"""Rows of the chapter about fusion: each equal to its plain form where the row says so."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from core.blocks.attention.layer import Stack
from core.blocks.fusion.bidirectional import Bidirectional
from core.blocks.fusion.co_attention import CoAttention
from core.blocks.fusion.cross_attention import CrossAttention
from core.blocks.fusion.early import Early
from core.blocks.fusion.gated import FLAMINGO, IDEFICS, SIGMOID, Gated
from core.blocks.fusion.late import Late
from core.blocks.fusion.pairs import Pairs
from core.blocks.fusion.progressive import Progressive
from core.blocks.fusion.sides import example_sides
from core.blocks.values import Tokens
from core.torchaudio_import import prepare_torchaudio


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def with_silent_padding(sides: dict[str, Tokens]) -> dict[str, Tokens]:
    """Zeros where nothing is, which is what blocks make of whatever lies there."""
    return {name: side.zeroed() for name, side in sides.items()}


def test_early_fusion_with_one_side_masked_is_an_encoder_of_the_other() -> None:
    sides = example_sides()
    block = Early(Early.Config(width=16), sides).eval()
    alone = Tokens(x_BND=sides["right"].x_BND, mask_BN=torch.zeros(2, 7, dtype=torch.bool))
    encoder = Stack(16, 2, 4).eval()
    encoder.load_state_dict(block.stack.state_dict())
    expected = encoder(sides["left"].x_BND + block.type_2D[0] + block.places[0])
    torch.testing.assert_close(block(sides["left"], alone)["left"].x_BND, expected, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(block(**sides)["left"].x_BND, expected, atol=1e-3)


def test_early_fusion_ignores_padding_and_keeps_both_parts() -> None:
    sides = example_sides(left_width=12)
    block = Early(Early.Config(width=16), sides).eval()
    made = block(**sides)
    x = sides["right"].x_BND.clone()
    x[1, -2:] = 9.0
    other = block(sides["left"], Tokens(x_BND=x, mask_BN=sides["right"].mask_BN))
    torch.testing.assert_close(made["left"].x_BND, other["left"].x_BND)
    torch.testing.assert_close(torch.cat([made["left"].x_BND, made["right"].x_BND], 1), made["tokens"].x_BND)


def test_late_fusion_is_a_network_on_both_side_by_side() -> None:
    left, right = torch.randn(3, 5), torch.randn(3, 4)
    block = Late(Late.Config(width=6, hidden=7), {"left": left, "right": right})
    torch.testing.assert_close(
        block(left, right)["embedding"], block.mlp(F.layer_norm(torch.cat([left, right], 1), (9,)))
    )


def test_progressive_fusion_without_points_is_two_encoders() -> None:
    sides = with_silent_padding(example_sides(left_width=12))
    block = Progressive(Progressive.Config(depth=3, points=""), sides).eval()
    assert not block.exchanges
    for side, width, number in (("left", 12, 0), ("right", 16, 1)):
        encoder = Stack(width, 3, 4).eval()
        encoder.load_state_dict(block.encoders[number].state_dict())
        torch.testing.assert_close(block(**sides)[side].x_BND, encoder(sides[side].x_BND, sides[side].mask_BN))


@pytest.mark.parametrize("points", ["0", "5", "1, x"])
def test_fusion_points_must_be_layers(points: str) -> None:
    with pytest.raises(ValueError, match="layers from 1 to 4"):
        Progressive(Progressive.Config(depth=4, points=points), example_sides())


def test_both_directions_read_the_old_values() -> None:
    sides = with_silent_padding(example_sides())
    block = Bidirectional(Bidirectional.Config(depth=1), sides).eval()
    layer, (a, b) = block.layers[0], (sides["left"], sides["right"])
    made = block(**sides)
    torch.testing.assert_close(made["left"].x_BND, layer.left(a.x_BND, b.x_BND, b.mask_BN))
    torch.testing.assert_close(made["right"].x_BND, layer.right(b.x_BND, a.x_BND, a.mask_BN))


def test_swapping_sides_and_weights_swaps_the_results() -> None:
    sides = example_sides(left_width=12)
    block = Bidirectional(Bidirectional.Config(), sides).eval()
    swapped = {"left": sides["right"], "right": sides["left"]}
    mirror = Bidirectional(Bidirectional.Config(), swapped).eval()
    names = {"left": "right", "right": "left"}
    mirror.load_state_dict(
        {".".join(names.get(p, p) for p in key.split(".")): v for key, v in block.state_dict().items()}
    )
    there, back = block(**sides), mirror(**swapped)
    torch.testing.assert_close(there["left"].x_BND, back["right"].x_BND)
    torch.testing.assert_close(there["right"].x_BND, back["left"].x_BND)


@pytest.mark.parametrize("form", [FLAMINGO, IDEFICS])
def test_flamingos_gate_begins_as_the_identity_and_opens(form: str) -> None:
    sides = with_silent_padding(example_sides())
    block = Gated(Gated.Config(form=form), {"tokens": sides["right"], "context": sides["left"]})
    assert torch.equal(block(sides["right"], sides["left"])["tokens"].x_BND, sides["right"].x_BND)
    block(sides["right"], sides["left"])["tokens"].x_BND.pow(2).sum().backward()
    assert block.gate_attention.grad.abs() > 0
    assert float(block.readings()["gate"]) == 0


def test_the_sigmoid_gate_begins_nearly_shut_not_half_open() -> None:
    sides = with_silent_padding(example_sides())
    block = Gated(Gated.Config(gate=SIGMOID, opening=0.02), {"tokens": sides["right"], "context": sides["left"]})
    assert float(block.readings()["gate"].detach()) == pytest.approx(0.02, abs=1e-4)
    change = block(sides["right"], sides["left"])["tokens"].x_BND - sides["right"].x_BND
    assert change.norm() < 0.1 * sides["right"].x_BND.norm()


def test_shared_keys_leave_one_projection_and_every_layer_its_queries() -> None:
    sides = example_sides()
    incoming = {"tokens": sides["right"], "context": sides["left"]}
    block = CrossAttention(CrossAttention.Config(depth=3, shared_keys=True), incoming)
    assert [layer.attention.key_value is None for layer in block.layers] == [False, True, True]
    block(**incoming)["tokens"].x_BND.pow(2).sum().backward()
    assert all(p.grad is not None for p in block.parameters())


def test_recomputing_layers_changes_nothing() -> None:
    sides = example_sides()
    for cls in (Bidirectional, CoAttention, Progressive):
        config = cls.Config(width=16) if cls is CoAttention else cls.Config()
        block = cls(config, sides).train()
        plain = block(**sides)["left"].x_BND
        for module in block.modules():
            if hasattr(module, "recompute"):
                module.recompute = True
        again = block(**sides)["left"].x_BND
        torch.testing.assert_close(plain, again)
        again.sum().backward()


def test_pairs_are_own_and_others_and_never_ones_own_as_other() -> None:
    left = Tokens(x_BND=torch.arange(6.0)[:, None, None].expand(6, 2, 3))
    right = Tokens(x_BND=torch.arange(6.0)[:, None, None].expand(6, 4, 3))
    embedding = torch.eye(6)
    block = Pairs(Pairs.Config(), {})
    for mode in (True, False):
        for given in ({}, {"left_embedding": embedding, "right_embedding": embedding}):
            made = block.train(mode)(left, right, **given)
            a, b = made["left"].x_BND[:, 0, 0], made["right"].x_BND[:, 0, 0]
            assert torch.equal(made["label"], torch.tensor([1.0] * 6 + [0.0] * 6))
            assert torch.equal((a == b).float(), made["label"])
    assert torch.equal(block(left, right)["right"].x_BND, block(left, right)["right"].x_BND), (
        "held out: always the same"
    )
    assert block(Tokens(x_BND=left.x_BND[:1]), Tokens(x_BND=right.x_BND[:1]))["label"].tolist() == [1.0, 1.0]


def test_mismatches_are_drawn_by_likeness() -> None:
    near = torch.tensor([[1.0, 0, 0], [0.9, 0.1, 0], [0, 0, 1.0]])
    right = Tokens(x_BND=torch.arange(3.0)[:, None, None])
    block = Pairs(Pairs.Config(temperature=0.05), {}).train()
    drawn = torch.stack([block(right, right, near, near)["right"].x_BND[3, 0, 0] for _ in range(50)])
    assert (drawn == 1).all(), "the first sample's look-alike is the second"


def test_co_attention_swaps_with_its_streams() -> None:
    sides = example_sides()
    block = CoAttention(CoAttention.Config(width=16, depth=1), sides).eval()
    made = block(**sides)
    mirror = CoAttention(CoAttention.Config(width=16, depth=1), {"left": sides["right"], "right": sides["left"]}).eval()
    state = block.state_dict()
    turned = {
        key.replace("within.0", "within.x").replace("within.1", "within.0").replace("within.x", "within.1")
        .replace("mlps.0", "mlps.x").replace("mlps.1", "mlps.0").replace("mlps.x", "mlps.1"): value
        for key, value in state.items()
    }  # fmt: skip
    mirror.load_state_dict(turned)
    back = mirror(left=sides["right"], right=sides["left"])
    torch.testing.assert_close(made["left"].x_BND, back["right"].x_BND)


def of_transformers(name: str) -> Any:
    """A module of transformers' models."""
    prepare_torchaudio()
    return pytest.importorskip(f"transformers.models.{name}.modeling_{name}")


def key_value_of(ours: nn.Module, key: nn.Module, value: nn.Module) -> None:
    """Two projections of theirs into the one of ours; where they have no biases, ours are zero."""
    ours.key_value.weight.data.copy_(torch.cat([key.weight, value.weight]))
    if key.bias is not None:
        ours.key_value.bias.data.copy_(torch.cat([key.bias, value.bias]))


@pytest.mark.long
@pytest.mark.parametrize("alpha", ["vector", "float"])
def test_the_gated_block_is_transformers_idefics_layer(alpha: str) -> None:
    """Opened gates, a sample without any picture, padding in another, pictures of another width."""
    from transformers import IdeficsConfig

    sizes = {"hidden_size": 16, "num_attention_heads": 4, "intermediate_size": 40, "alpha_type": alpha}
    config = IdeficsConfig(**sizes, alpha_initializer="ones", vision_config={"embed_dim": 12})
    config._attn_implementation = "eager"
    theirs = of_transformers("idefics").IdeficsGatedCrossAttentionLayer(config, layer_idx=0).eval()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.4)
    mask = torch.ones(3, 5, dtype=torch.bool)
    mask[0, 3:], mask[2] = False, False
    tokens, context = Tokens(x_BND=torch.randn(3, 7, 16)), Tokens(x_BND=torch.randn(3, 5, 12), mask_BN=mask)
    block = Gated(Gated.Config(form=IDEFICS, ratio=2.5), {"tokens": tokens, "context": context}).eval()
    if alpha == "vector":  # one gate for each channel, which ours broadcasts as well
        block.gate_attention, block.gate_mlp = theirs.alpha_cross_attn, theirs.alpha_dense
    else:
        block.gate_attention.data.copy_(theirs.alpha_cross_attn)
        block.gate_mlp.data.copy_(theirs.alpha_dense)
    block.attention.query.weight.data.copy_(theirs.cross_attn.q_proj.weight)
    key_value_of(block.attention, theirs.cross_attn.k_proj, theirs.cross_attn.v_proj)
    block.attention.out.weight.data.copy_(theirs.cross_attn.o_proj.weight)
    for part in ("gate", "up", "down"):
        getattr(block.mlp, part).load_state_dict(getattr(theirs.mlp, f"{part}_proj").state_dict())
    block.norm_1.load_state_dict(theirs.input_layernorm.state_dict())
    block.norm_2.load_state_dict(theirs.post_attention_layernorm.state_dict())
    away = torch.zeros(3, 1, 7, 5).masked_fill(~mask[:, None, None], torch.finfo(torch.float32).min)
    with torch.no_grad():
        expected = theirs(
            tokens.x_BND, image_hidden_states=context.x_BND, image_attention_mask=away,
            cross_attention_gate=mask.any(1)[:, None].expand(3, 7).float(),
        )  # fmt: skip
        made = block(tokens, context)["tokens"].x_BND
    torch.testing.assert_close(made, expected, atol=1e-5, rtol=1e-5)
    assert float((expected - tokens.x_BND).abs().max()) > 0.5


@pytest.mark.long
def test_early_fusion_is_transformers_vilt_encoder() -> None:
    """ViLT's encoder over words and patches in one row; its embeddings, which draw patches at random, are left aside."""
    from transformers import ViltConfig

    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    config = ViltConfig(**sizes, layer_norm_eps=1e-5)
    theirs, last = of_transformers("vilt").ViltEncoder(config).eval(), nn.LayerNorm(16)
    sides = example_sides()
    block = Early(Early.Config(width=16, depth=2, positions=False), sides).eval()
    with torch.no_grad():
        block.type_2D.zero_()
    for parameter in (*theirs.parameters(), *last.parameters()):
        nn.init.normal_(parameter, std=0.3)
    for ours, layer in zip(block.stack.layers, theirs.layer):
        inner = layer.attention.attention
        ours.attention.query.load_state_dict(inner.query.state_dict())
        key_value_of(ours.attention, inner.key, inner.value)
        ours.attention.out.load_state_dict(layer.attention.output.dense.state_dict())
        ours.norm_1.load_state_dict(layer.layernorm_before.state_dict())
        ours.norm_2.load_state_dict(layer.layernorm_after.state_dict())
        ours.mlp[0].load_state_dict(layer.intermediate.dense.state_dict())
        ours.mlp[2].load_state_dict(layer.output.dense.state_dict())
    block.stack.norm.load_state_dict(last.state_dict())
    mask = torch.cat([torch.ones(2, 5, dtype=torch.bool), sides["right"].mask_BN], 1)
    away = torch.zeros(2, 1, 1, 12).masked_fill(~mask[:, None, None], torch.finfo(torch.float32).min)
    with torch.no_grad():
        row = torch.cat([sides["left"].x_BND, sides["right"].x_BND], 1)
        expected = last(theirs(row, away).last_hidden_state)
        made = block(**sides)["tokens"].x_BND
    torch.testing.assert_close(made[mask], expected[mask], atol=1e-5, rtol=1e-5)  # padding is nobody's


@pytest.mark.long
def test_co_attention_is_transformers_lxmert_layer() -> None:
    LxmertXLayer = of_transformers("lxmert").LxmertXLayer
    from transformers import LxmertConfig

    config = LxmertConfig(hidden_size=16, num_attention_heads=4, intermediate_size=64)
    config._attn_implementation = "eager"
    theirs = LxmertXLayer(config).eval()
    sides = example_sides()
    block = CoAttention(CoAttention.Config(width=16, depth=1), sides).eval()
    layer = block.layers[0]

    def attend(ours: torch.nn.Module, att: torch.nn.Module, output: torch.nn.Module) -> None:
        ours.attention.query.load_state_dict(att.query.state_dict())
        key_value_of(ours.attention, att.key, att.value)
        ours.attention.out.load_state_dict(output.dense.state_dict())
        ours.norm.load_state_dict(output.LayerNorm.state_dict())

    attend(layer.across[0], theirs.visual_attention.att, theirs.visual_attention.output)
    attend(layer.within[0], theirs.lang_self_att.self, theirs.lang_self_att.output)
    attend(layer.within[1], theirs.visn_self_att.self, theirs.visn_self_att.output)
    for mlp, inter, output in zip(
        layer.mlps, (theirs.lang_inter, theirs.visn_inter), (theirs.lang_output, theirs.visn_output)
    ):
        mlp.mlp[0].load_state_dict(inter.dense.state_dict())
        mlp.mlp[2].load_state_dict(output.dense.state_dict())
        mlp.norm.load_state_dict(output.LayerNorm.state_dict())
    mask = sides["right"].mask_BN
    with torch.no_grad():
        away = (1.0 - mask.float())[:, None, None] * torch.finfo(torch.float32).min
        visn, lang = sides["left"].x_BND, sides["right"].x_BND
        expected = theirs(lang, away, visn, None)
        made = block(left=sides["right"], right=sides["left"])
    torch.testing.assert_close(made["left"].x_BND[mask], expected[0][mask], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(made["right"].x_BND, expected[1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("n", "ratio"), [(32, 0.993), (256, 0.950), (1024, 0.846), (4096, 0.680)])
def test_late_against_early_cost_of_a_layer(n: int, ratio: float) -> None:
    """Two sides of n tokens apart cost this share of both in one row, at width 768; of attention alone exactly half."""

    def flops(count: int, layers: int) -> int:
        with torch.device("meta"), FlopCounterMode(display=False) as counter:
            stack, x = Stack(768, 1, 12), torch.empty(1, count, 768)
            for _ in range(layers):
                stack(x)
        return counter.get_total_flops()

    assert flops(n, 2) / flops(2 * n, 1) == pytest.approx(ratio, abs=0.001)
    rest = 24 * 2 * n * 768**2
    assert (flops(n, 2) - rest) / (flops(2 * n, 1) - rest) == pytest.approx(0.5)
