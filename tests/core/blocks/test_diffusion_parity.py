"""Layers of denoisers and the whole transformer against diffusers, on the same weights."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch

from core.blocks.diffusion.generator import Condition
from core.blocks.diffusion.layers import PlaceAttention, Residual
from core.torchaudio_import import prepare_torchaudio
from tests.core.blocks.test_diffusion_blocks import built, shaken

pytestmark = pytest.mark.long  # its models import transformers


def theirs_of(module: str) -> Any:
    prepare_torchaudio()
    return importlib.import_module(f"diffusers.models.{module}")


def test_the_residual_block_is_that_of_diffusers_on_the_same_weights() -> None:
    theirs = shaken(
        theirs_of("resnet").ResnetBlock2D(
            in_channels=16, out_channels=24, temb_channels=20, groups=8, eps=1e-5, time_embedding_norm="scale_shift"
        )
    )
    ours = Residual(16, 24, 20)
    ours.load_state_dict(theirs.state_dict())
    x, vector = torch.randn(2, 16, 6, 6), torch.randn(2, 20)
    torch.testing.assert_close(ours(x, vector), theirs(x, vector), rtol=1e-5, atol=1e-5)


def copied(ours: Any, theirs: Any) -> None:
    """Queries, keys and values of one attention into another."""
    ours.query.weight.data, ours.query.bias.data = theirs.to_q.weight.data, theirs.to_q.bias.data
    ours.key_value.weight.data = torch.cat([theirs.to_k.weight.data, theirs.to_v.weight.data])
    ours.key_value.bias.data = torch.cat([theirs.to_k.bias.data, theirs.to_v.bias.data])
    ours.out.weight.data, ours.out.bias.data = theirs.to_out[0].weight.data, theirs.to_out[0].bias.data


def test_attention_of_places_is_the_transformer_block_of_diffusers() -> None:
    theirs = shaken(
        theirs_of("attention").BasicTransformerBlock(
            16, 2, 8, cross_attention_dim=12, activation_fn="gelu", attention_bias=True, ff_inner_dim=32
        )
    )
    ours = shaken(PlaceAttention(16, 2, 12))
    copied(ours.attention, theirs.attn1)
    copied(ours.cross, theirs.attn2)
    for number in (1, 2, 3):
        getattr(ours, f"norm_{number}").load_state_dict(getattr(theirs, f"norm{number}").state_dict())
    ours.mlp[0].load_state_dict(theirs.ff.net[0].proj.state_dict())
    ours.mlp[2].load_state_dict(theirs.ff.net[2].state_dict())
    x, words = torch.randn(2, 16, 4, 4), torch.randn(2, 5, 12)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    tokens = ours.norm(x).flatten(2).transpose(1, 2)
    bias = torch.where(mask, 0.0, -1e9)[:, None]
    given = theirs(tokens, encoder_hidden_states=words, encoder_attention_mask=bias)
    torch.testing.assert_close(
        ours(x, words, mask), x + given.transpose(1, 2).reshape(x.shape), rtol=1e-5, atol=1e-5
    )  # fmt: skip


def test_the_transformer_is_dit_of_diffusers_on_the_same_weights() -> None:
    theirs = shaken(
        theirs_of("transformers.dit_transformer_2d").DiTTransformer2DModel(
            num_attention_heads=2, attention_head_dim=8, in_channels=3, num_layers=2, sample_size=8, patch_size=4,
            num_embeds_ada_norm=10,
        )
    )  # fmt: skip
    ours, _ = built("generators.dit", {"image": torch.rand(2, 3, 8, 8)}, width=16, depth=2, heads=2, patch=4)
    first = theirs.transformer_blocks[0].norm1.emb
    for block in theirs.transformer_blocks:  # theirs tells time to each block by a copy of its own
        block.norm1.emb.load_state_dict(first.state_dict())
    ours.time.linear_1.load_state_dict(first.timestep_embedder.linear_1.state_dict())
    ours.time.linear_2.load_state_dict(first.timestep_embedder.linear_2.state_dict())
    ours.first.load_state_dict(theirs.pos_embed.proj.state_dict())
    ours.place_ND = theirs.pos_embed.pos_embed[0]
    for layer, block in zip(ours.layers, theirs.transformer_blocks):
        copied(layer.attention, block.attn1)
        layer.modulation.load_state_dict(block.norm1.linear.state_dict())
        layer.mlp[0].load_state_dict(block.ff.net[0].proj.state_dict())
        layer.mlp[2].load_state_dict(block.ff.net[2].state_dict())
    ours.modulation.load_state_dict(theirs.proj_out_1.state_dict())
    last = theirs.proj_out_2  # theirs has a place's channels last, ours first
    ours.last.weight.data = last.weight.data.reshape(16, 3, 16).transpose(0, 1).reshape(48, 16)
    ours.last.bias.data = last.bias.data.reshape(16, 3).T.reshape(48)
    z, number, label = torch.randn(2, 3, 8, 8), torch.tensor([10, 700]), torch.tensor([3, 4])
    vector = ours.time(number / 1000) + first.class_embedder(label)
    given = theirs(z, timestep=number, class_labels=label).sample
    torch.testing.assert_close(ours.network(z, vector, Condition()), given, rtol=1e-4, atol=1e-5)
