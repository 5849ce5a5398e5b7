"""WavLM (arXiv:2110.13900) from transformers: HuBERT's task on mixed and noisy speech, with gated relative positions.

transformers gives the mean of all heads as each head's map, and a mask of another type than the positions, which torch warns of; here
attention is computed head by head, with the same numbers.
Axes: B batch, H heads, N tokens, E width of a head.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.catalog import blocks
from core.blocks.encoders.hub_wave import HubWaveTower


@blocks.register("encoders.wavlm")
class WavLM(HubWaveTower):
    """WavLM's speech encoder over samples, with weights from a folder or small with random ones."""

    title = "WavLM"
    model_class, config_class = "WavLMModel", "WavLMConfig"

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        for layer in self.layers():
            look: Any = layer.attention
            look.torch_multi_head_self_attention = partial(_head_by_head, look)


def _head_by_head(look: Any, x_BND: Tensor, mask_BN: Tensor | None, bias: Tensor) -> tuple[Tensor, Tensor]:
    """What the library's attention gives, and each head's own map [B, H, N, N]."""
    q, k, v = (
        layer(x_BND).unflatten(-1, (look.num_heads, -1)).transpose(1, 2)
        for layer in (look.q_proj, look.k_proj, look.v_proj)
    )
    scores_BHNN = q @ k.transpose(-1, -2) * look.scaling + bias.unflatten(0, (len(x_BND), look.num_heads))
    if mask_BN is not None:
        scores_BHNN = scores_BHNN.masked_fill(~mask_BN[:, None, None].bool(), -torch.inf)
    rows_BHNN = scores_BHNN.softmax(-1)
    mixed_BHNE = F.dropout(rows_BHNN, look.dropout, look.training) @ v
    return look.out_proj(mixed_BHNE.transpose(1, 2).flatten(2)), rows_BHNN
