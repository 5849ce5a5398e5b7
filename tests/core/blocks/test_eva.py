"""EVA-02 against timm on the same weights, and what rotary positions promise."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from torch import nn

from core.blocks.encoders.eva import EVA, rotary_angles, turned
from tests.libraries import without_torchvision


def test_rotated_products_depend_on_the_distance_only() -> None:
    torch.manual_seed(0)
    angle = rotary_angles(5, 6, 16)
    query, key = torch.randn(16), torch.randn(16)

    def product(a: tuple[int, int], b: tuple[int, int]) -> torch.Tensor:
        rows = [place[0] * 6 + place[1] for place in (a, b)]
        q, k = (turned(x.expand(1, 1, 30, 16), angle)[0, 0, row] for x, row in zip((query, key), rows))
        return q @ k

    torch.testing.assert_close(product((0, 0), (1, 3)), product((3, 2), (4, 5)))
    assert not torch.isclose(product((0, 0), (1, 3)), product((0, 0), (3, 1)))


def copied(theirs: Any, ours: EVA) -> None:
    """timm's weights into ours, whether queries, keys and values are one matrix there or three."""
    names = dict(theirs.state_dict())
    state: dict[str, torch.Tensor] = {
        "cls_11D": names["cls_token"], "position_1ND": names["pos_embed"], "cut.weight": names["patch_embed.proj.weight"],
        "cut.bias": names["patch_embed.proj.bias"], "norm.weight": names["norm.weight"], "norm.bias": names["norm.bias"],
    }  # fmt: skip
    for number, block in enumerate(theirs.blocks):
        own = f"layers.{number}"
        parts: dict[str, nn.Module | torch.Tensor] = {}
        if block.attn.qkv is not None:
            q, k, v = block.attn.qkv.weight.chunk(3)
            parts |= {"attention.query.weight": q, "attention.key.weight": k, "attention.value.weight": v}
            parts |= {"attention.query.bias": block.attn.q_bias, "attention.value.bias": block.attn.v_bias}
        else:
            parts |= {"attention.query": block.attn.q_proj, "attention.key": block.attn.k_proj}
            parts |= {"attention.value": block.attn.v_proj}
        parts |= {
            "attention.out": block.attn.proj,
            "norm_1": block.norm1,
            "norm_2": block.norm2,
            "mlp.out": block.mlp.fc2,
        }
        if hasattr(block.mlp, "fc1_g"):
            parts |= {"mlp.gate": block.mlp.fc1_g, "mlp.up": block.mlp.fc1_x}
        else:
            for kind in ("weight", "bias"):
                parts[f"mlp.gate.{kind}"], parts[f"mlp.up.{kind}"] = getattr(block.mlp.fc1, kind).chunk(2)
        parts |= {"attention.norm": block.attn.norm, "mlp.norm": block.mlp.norm}
        for name, part in parts.items():
            given = {"": part} if isinstance(part, torch.Tensor) else {f".{n}": p for n, p in part.state_dict().items()}
            state |= {f"{own}.{name}{end}": value for end, value in given.items()}
    ours.load_state_dict(state)


TINY = {"swiglu_mlp": True, "use_rot_pos_emb": True, "mlp_ratio": 4 * 2 / 3}
CLIP = {**TINY, "qkv_fused": False, "scale_mlp": True, "scale_attn_inner": True}


@pytest.mark.long
@pytest.mark.parametrize(("kwargs", "norms"), [(TINY, False), (CLIP, True)])
@pytest.mark.parametrize("reference", [0, 4])
def test_equals_timm(kwargs: dict[str, Any], norms: bool, reference: int) -> None:
    """eva02_tiny's own arguments at 192 x 3 heads, and those of EVA02-CLIP's larger towers."""
    if find_spec("timm") is None:
        pytest.skip("timm is not installed")
    with warnings.catch_warnings(), without_torchvision():
        warnings.simplefilter("ignore")
        from timm.models.eva import Eva

        torch.manual_seed(0)
        theirs = Eva(
            img_size=42, patch_size=7, embed_dim=192, depth=3, num_heads=3, num_classes=0, global_pool="",
            ref_feat_shape=(reference, reference) if reference else None, **kwargs,
        ).eval()  # fmt: skip
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.1)
    picture = torch.rand(2, 3, 42, 42)
    config = EVA.Config(
        patch_size=7, width=192, depth=3, heads=3, attention_norm=norms, feed_forward_norm=norms, reference=reference
    )
    ours = EVA(config, {"image": picture}).eval()
    copied(theirs, ours)
    with torch.no_grad():
        expected = theirs.forward_features(picture * 2 - 1)
        found = ours(picture)["tokens"].x_BND
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-4)
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())
