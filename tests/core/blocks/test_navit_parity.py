"""Pictures at their own sizes against SigLIP 2's tower in transformers and timm's NaFlex, on the same weights."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import pytest
import torch
from torch import Tensor, nn

from core.blocks.encoders.hub_loading import transformers_module
from core.blocks.encoders.navit import NaViT
from core.blocks.packing import unpacked
from core.blocks.values import Pictures
from tests.libraries import without_torchvision

WIDTH, DEPTH, HEADS, PATCH, GRID = 24, 2, 2, 4, 6
SIZES = torch.tensor([[3, 5], [6, 6], [1, 4], [8, 2]])


def pictures() -> Pictures:
    torch.manual_seed(0)
    real = torch.arange(36) < SIZES.prod(1)[:, None]
    patches = torch.rand(4, 36, 3 * PATCH * PATCH) * real[..., None]
    return Pictures(patches_BNC=patches, size_B2=SIZES, patch=PATCH, most=36, pack_B=torch.tensor([0, 0, 1, 1]))


def tower() -> NaViT:
    config = NaViT.Config(width=WIDTH, depth=DEPTH, heads=HEADS, positions="resized", grid=GRID)
    made = NaViT(config, {"pictures": pictures()}).eval()
    for module in made.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = 1e-6
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.15)
    return made


def as_theirs(x: Tensor) -> Tensor:
    """Patches as rows, columns and then colours, in [-1, 1]; here colours come first."""
    return (x * 2 - 1).unflatten(-1, (3, PATCH, PATCH)).movedim(-3, -1).flatten(-3)


def give(target: nn.Module, own: dict[str, Tensor], names: dict[str, str]) -> None:
    with torch.no_grad():
        for theirs, ours in names.items():
            place = target.get_parameter(theirs)
            place.copy_(own[ours].reshape(place.shape))


def cut_weight(own: dict[str, Tensor]) -> Tensor:
    return own["cut.weight"].unflatten(1, (3, PATCH, PATCH)).movedim(1, -1).flatten(1)


def test_equals_siglip_2_packed_and_padded() -> None:
    library = transformers_module()
    config = library.Siglip2VisionConfig(
        hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=DEPTH, num_attention_heads=HEADS, patch_size=PATCH,
        num_patches=GRID * GRID, hidden_act="gelu", vision_use_head=False,
    )  # fmt: skip
    theirs = library.Siglip2VisionModel(config).eval()
    theirs.set_attn_implementation("sdpa")
    ours, value = tower(), pictures()
    own = dict(ours.state_dict())
    own["cut"] = cut_weight(own)
    own["grid"] = own["position"][0].flatten(1).T
    names = {
        "embeddings.patch_embedding.weight": "cut", "embeddings.patch_embedding.bias": "cut.bias",
        "embeddings.position_embedding.weight": "grid", "post_layernorm.weight": "stack.norm.weight",
        "post_layernorm.bias": "stack.norm.bias",
    }  # fmt: skip
    for n in range(DEPTH):
        for leaf in ("weight", "bias"):
            at, there = f"stack.layers.{n}", f"encoder.layers.{n}"
            own[f"{n}.k.{leaf}"], own[f"{n}.v.{leaf}"] = own[f"{at}.attention.key_value.{leaf}"].chunk(2)
            names |= {
                f"{there}.self_attn.q_proj.{leaf}": f"{at}.attention.query.{leaf}", f"{there}.self_attn.k_proj.{leaf}": f"{n}.k.{leaf}",
                f"{there}.self_attn.v_proj.{leaf}": f"{n}.v.{leaf}", f"{there}.self_attn.out_proj.{leaf}": f"{at}.attention.out.{leaf}",
                f"{there}.layer_norm1.{leaf}": f"{at}.norm_1.{leaf}", f"{there}.layer_norm2.{leaf}": f"{at}.norm_2.{leaf}",
                f"{there}.mlp.fc1.{leaf}": f"{at}.mlp.0.{leaf}", f"{there}.mlp.fc2.{leaf}": f"{at}.mlp.2.{leaf}",
            }  # fmt: skip
    prefix = "vision_model." if hasattr(theirs, "vision_model") else ""
    give(theirs, own, {prefix + name: value for name, value in names.items()})
    with torch.no_grad():
        expected = theirs(
            pixel_values=as_theirs(value.patches_BNC), pixel_attention_mask=value.mask_BN.long(), spatial_shapes=SIZES
        ).last_hidden_state
        for given in (value, replace(value, pack_B=None)):
            made = unpacked(ours(pictures=given)["tokens"])
            torch.testing.assert_close(made.x_BND[made.mask_BN], expected[value.mask_BN], atol=1e-5, rtol=1e-4)


def test_equals_timms_naflex_vit() -> None:
    if find_spec("timm") is None:
        pytest.skip("timm is not installed")
    with without_torchvision():
        from timm.models.naflexvit import NaFlexVit, NaFlexVitCfg
    cfg = NaFlexVitCfg(
        patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS, class_token=False, reg_tokens=0, pos_embed="learned",
        pos_embed_grid_size=(GRID, GRID), pos_embed_interp_mode="bilinear", embed_proj_type="linear", global_pool="avg", fc_norm=False,
    )  # fmt: skip
    theirs = NaFlexVit(cfg, num_classes=0).eval()
    ours, value = tower(), pictures()
    own = dict(ours.state_dict())
    own["cut"] = cut_weight(own)
    own["grid"] = own["position"][0].permute(1, 2, 0)[None]
    names = {
        "embeds.proj.weight": "cut", "embeds.proj.bias": "cut.bias", "embeds.pos_embed": "grid",
        "norm.weight": "stack.norm.weight", "norm.bias": "stack.norm.bias",
    }  # fmt: skip
    for n in range(DEPTH):
        for leaf in ("weight", "bias"):
            at, there = f"stack.layers.{n}", f"blocks.{n}"
            own[f"{n}.qkv.{leaf}"] = torch.cat(
                [own[f"{at}.attention.query.{leaf}"], own[f"{at}.attention.key_value.{leaf}"]]
            )
            names |= {
                f"{there}.attn.qkv.{leaf}": f"{n}.qkv.{leaf}", f"{there}.attn.proj.{leaf}": f"{at}.attention.out.{leaf}",
                f"{there}.norm1.{leaf}": f"{at}.norm_1.{leaf}", f"{there}.norm2.{leaf}": f"{at}.norm_2.{leaf}",
                f"{there}.mlp.fc1.{leaf}": f"{at}.mlp.0.{leaf}", f"{there}.mlp.fc2.{leaf}": f"{at}.mlp.2.{leaf}",
            }  # fmt: skip
    give(theirs, own, names)
    with torch.no_grad():
        place = value.place_BN2.clamp_min(0)
        found = theirs.forward_features(as_theirs(value.patches_BNC), patch_coord=place, patch_valid=value.mask_BN)
        expected = found["patches"] if isinstance(found, dict) else found
        made = unpacked(ours(pictures=value)["tokens"])
        torch.testing.assert_close(made.x_BND[made.mask_BN], expected[value.mask_BN], atol=1e-5, rtol=1e-4)
