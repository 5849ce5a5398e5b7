"""The connectors of one family beside the libraries they come from, and what each must keep to."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.blocks.catalog import blocks
from core.blocks.connectors.bridge import Bridge
from core.blocks.connectors.perceiver_resampler import PerceiverResampler
from core.blocks.connectors.pool import example_tokens
from core.blocks.connectors.q_former import QFormer
from core.blocks.connectors.token_mlp import TokenMLP
from core.blocks.encoders.hub_loading import transformers_module
from core.blocks.values import Tokens
from core.knobs import configure

transformers = transformers_module()
FAMILY = [key for key in blocks if issubclass(blocks[key], Bridge)]


def made(key: str, tokens: Tokens, **knobs: Any) -> Bridge:
    cls = blocks[key]
    torch.manual_seed(0)
    return cls(configure(cls.Config, {**cls.tiny(), **knobs}), {"tokens": tokens}).eval()  # type: ignore[return-value]


def plain(count: int = 9, width: int = 16) -> Tokens:
    return Tokens(x_BND=torch.randn(2, count, width, generator=torch.Generator().manual_seed(1)))


def test_the_family_is_whole() -> None:
    names = {"token_mlp", "token_pool", "perceiver_resampler", "q_former", "token_learner", "prefix_tokens"}
    assert {key.split(".")[1] for key in FAMILY} == names
    for key in FAMILY:
        assert [*blocks[key].takes] == [*blocks[key].gives] == ["tokens"]


@pytest.mark.parametrize(
    "key", [key for key in FAMILY if key.endswith(("resampler", "q_former", "learner", "prefix_tokens"))]
)
def test_those_with_tokens_of_their_own_are_blind_to_order_and_number(key: str) -> None:
    tokens = plain()
    block = made(key, tokens, count=3)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(2))
    mask = torch.ones(2, 12, dtype=torch.bool)
    mask[:, 9:] = False
    longer = Tokens(x_BND=torch.cat([tokens.x_BND, torch.full((2, 3, 16), 7.0)], 1), mask_BN=mask)
    with torch.no_grad():
        first = block(tokens=tokens)["tokens"].x_BND
        assert first.shape == (2, 3, 16)
        for other in (tokens.with_x(tokens.x_BND[:, order]), longer):
            torch.testing.assert_close(block(tokens=other)["tokens"].x_BND, first, atol=1e-6, rtol=1e-5)
        assert not torch.allclose(block(tokens=tokens.with_x(-tokens.x_BND))["tokens"].x_BND, first, atol=1e-3)


def test_the_mlp_is_llavas_projector() -> None:
    config = transformers.LlavaConfig(
        text_config=transformers.LlamaConfig(hidden_size=24, num_hidden_layers=1, num_attention_heads=2, vocab_size=10),
        vision_config=transformers.CLIPVisionConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2),
    )
    theirs = transformers.models.llava.modeling_llava.LlavaMultiModalProjector(config)
    block = made("connectors.token_mlp", plain(), width=24)
    assert isinstance(block, TokenMLP)
    for mine, layer in ((block.body[0], theirs.linear_1), (block.body[2], theirs.linear_2)):
        mine.load_state_dict(layer.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(block(tokens=plain())["tokens"].x_BND, theirs(plain().x_BND))


def shaken(model: nn.Module) -> nn.Module:
    """Weights that are all different, norms and biases included."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3 + (parameter.ndim == 1))
    return model.eval()


def take(mine: Any, state: dict[str, Tensor], names: dict[str, str]) -> None:
    """Weights by our name from a library's; parts joined by ``+`` are put together."""
    found = {own: torch.cat([state[name] for name in theirs.split("+")]) for own, theirs in names.items()}
    mine.load_state_dict(found)


def test_the_resampler_is_idefics2s_on_the_same_weights() -> None:
    module = transformers.models.idefics2
    config = module.Idefics2PerceiverConfig(
        hidden_size=16, resampler_n_latents=3, resampler_depth=2, resampler_n_heads=4, resampler_head_dim=4,
        num_key_value_heads=2, attention_dropout=0.0,
    )  # fmt: skip
    theirs = shaken(module.modeling_idefics2.Idefics2PerceiverResampler(config))
    block = made("connectors.perceiver_resampler", plain(), count=3, depth=2, heads=4, key_heads=2)
    assert isinstance(block, PerceiverResampler)
    names = {"latents_KD": "latents", "norm.weight": "norm.weight"}
    for n in range(2):
        here = there = f"layers.{n}."
        names |= {f"{here}attention.query.weight": f"{there}self_attn.q_proj.weight", f"{here}attention.out.weight": f"{there}self_attn.o_proj.weight"}  # fmt: skip
        names[f"{here}attention.key_value.weight"] = f"{there}self_attn.k_proj.weight+{there}self_attn.v_proj.weight"
        names |= {f"{here}mlp.{part}.weight": f"{there}mlp.{part}_proj.weight" for part in ("gate", "up", "down")}
        norms = {"norm_x": "input_context_norm", "norm_latents": "input_latents_norm", "norm_mlp": "post_attention_layernorm"}  # fmt: skip
        names |= {f"{here}{mine}.weight": f"{there}{other}.weight" for mine, other in norms.items()}
    take(block.resampler, theirs.state_dict(), names)
    mask = torch.ones(2, 9, dtype=torch.bool)
    mask[1, 5:] = False
    with torch.no_grad():
        found = block(tokens=Tokens(x_BND=plain().x_BND, mask_BN=mask))["tokens"].x_BND
        wanted = theirs(context=plain().x_BND, attention_mask=mask.long())
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_the_q_former_is_blip2s_on_the_same_weights() -> None:
    module = transformers.models.blip_2
    config = module.Blip2QFormerConfig(
        hidden_size=16, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64, encoder_hidden_size=20,
        cross_attention_frequency=2, vocab_size=30, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    theirs = shaken(module.modeling_blip_2.Blip2QFormerModel(config))
    tokens = plain(width=20)
    block = made("connectors.q_former", tokens, count=5, depth=3, heads=4)
    assert isinstance(block, QFormer)
    names = {"norm.weight": "layernorm.weight", "norm.bias": "layernorm.bias"}
    for n in range(3):
        parts = {"attention": "attention", **({"cross": "crossattention"} if n % 2 == 0 else {})}
        for kind in ("weight", "bias"):
            for mine, other in parts.items():
                here, there = f"layers.{n}.{mine}.", f"encoder.layer.{n}.{other}."
                names[f"{here}query.{kind}"] = f"{there}attention.query.{kind}"
                names[f"{here}key_value.{kind}"] = f"{there}attention.key.{kind}+{there}attention.value.{kind}"
                names[f"{here}out.{kind}"] = f"{there}output.dense.{kind}"
            there = f"encoder.layer.{n}."
            rest = {"norm_1": "attention.output.LayerNorm", "mlp.0": "intermediate_query.dense", "mlp.2": "output_query.dense", "norm_3": "output_query.LayerNorm"}  # fmt: skip
            if n % 2 == 0:
                rest["norm_2"] = "crossattention.output.LayerNorm"
            names |= {f"layers.{n}.{mine}.{kind}": f"{there}{other}.{kind}" for mine, other in rest.items()}
    queries = torch.randn(5, 16, generator=torch.Generator().manual_seed(4))
    take(block, {**theirs.state_dict(), "queries": queries}, {**names, "queries_QE": "queries"})
    with torch.no_grad():
        found = block(tokens=tokens)["tokens"].x_BND
        wanted = theirs(query_embeds=queries[None].expand(2, -1, -1), encoder_hidden_states=tokens.x_BND)
        _, maps = block.watched(tokens=tokens)
    torch.testing.assert_close(found, wanted.last_hidden_state, atol=1e-5, rtol=1e-5)
    assert [*maps] == ["0", "2"]
    assert maps["2"].shape == (2, 4, 5, 9)


def test_pooling_to_as_many_tokens_is_one_linear_map() -> None:
    tokens = example_tokens()
    block = made("connectors.token_pool", tokens, count=4)
    with torch.no_grad():
        found = block(tokens=Tokens(x_BND=tokens.x_BND, grid=tokens.grid))["tokens"]
        torch.testing.assert_close(found.x_BND, block.linear(tokens.x_BND[:, 1:]))  # type: ignore[operator]
    with pytest.raises(ValueError, match="4 tokens"):
        made("connectors.token_pool", tokens, count=5)
