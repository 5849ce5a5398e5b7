"""What fusion blocks share: two sides of tokens, their knobs, and small examples.

Axes: B batch, N and M tokens of the left and the right side, D and C their widths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.attention.options import AttentionKnobs, mlp_ratio
from core.blocks.values import Grid, Tokens
from core.graph.ports import Port, port
from core.knobs import knob


@dataclass(frozen=True, kw_only=True)
class FusionKnobs(AttentionKnobs):
    """Sizes of the layers."""

    heads: int = knob(4, "Attention heads; must divide the width.", low=1, high=64)
    ratio: float = mlp_ratio()
    dropout: float = knob(0.0, "Dropped activations in each layer.", low=0, high=0.9)


def two_sides(left: str = "one side", right: str = "the other side") -> dict[str, Port]:
    """Ports of a block with two sides of tokens."""
    return {"left": port("tokens", left), "right": port("tokens", right, axes="B M C")}


def looks_of(layer: str) -> tuple[str, str]:
    """Which side asks and which is asked in a map: ``0 left``, ``0 across left`` at the other, ``left 0``, ``0 within left`` at itself."""
    words = layer.split()
    side = "left" if "left" in words else "right"
    itself = words[0] == side or "within" in words
    return side, side if itself else ("right" if side == "left" else "left")


def width_of(tokens: Tokens) -> int:
    """D of [B, N, D]."""
    return int(tokens.x_BND.shape[-1])


def fitting(width: int, wanted: int) -> nn.Module:
    """A linear map where widths differ, nothing where they agree."""
    return nn.Identity() if width == wanted else nn.Linear(width, wanted)


def mask_of(tokens: Tokens) -> Tensor:
    """True where a token is real, [B, N]."""
    if tokens.mask_BN is not None:
        return tokens.mask_BN
    return torch.ones(tokens.x_BND.shape[:2], dtype=torch.bool, device=tokens.x_BND.device)


def keys_of(context: Tokens, config: AttentionKnobs) -> Tokens:
    """Zeros for padding; as it came where its keys are kept, which are known by the very tensor."""
    return context if config.keep_keys and not torch.is_grad_enabled() else context.zeroed()


def example_sides(left_width: int = 16, right_width: int = 16) -> dict[str, Any]:
    """Two samples: five patches (one of them CLS) and seven words, two of them padding in the second sample."""
    mask = torch.ones(2, 7, dtype=torch.bool)
    mask[1, -2:] = False
    return {
        "left": Tokens(x_BND=torch.randn(2, 5, left_width), modality="image", grid=Grid(kind="patches", sizes=(2, 2), extra=1)),
        "right": Tokens(x_BND=torch.randn(2, 7, right_width), mask_BN=mask, modality="text", grid=Grid(kind="words", sizes=(7,))),
    }  # fmt: skip
