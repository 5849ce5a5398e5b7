"""The one attention every block uses: batch first, masks honoured, fused in training, maps on demand.

``scaled_dot_product_attention`` computes it (Vaswani et al., arXiv:1706.03762). While :func:`recording` is on, the same
module also writes down its softmax rows and checks that rows times values give what the fused kernel gave.

Axes: B batch, N queries, M keys, H heads, E width of a head, D width.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TOLERANCE = 2e-3  # of the output's scale: what rounding may differ between the fused kernel and the plain form


class Attention(nn.Module):
    """Multi-head attention from queries to keys (the queries themselves when none are given)."""

    def __init__(
        self, width: int, heads: int, *, key_width: int | None = None, dropout: float = 0.0, causal: bool = False
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"heads ({heads}) must divide the width ({width})")
        self.heads, self.dropout, self.causal = heads, dropout, causal
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(key_width or width, 2 * width)
        self.out = nn.Linear(width, width)
        self.recorded: list[Tensor] | None = None  # [B, H, N, M] rows while recording
        for layer in (self.query, self.key_value, self.out):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x_BND: Tensor, keys_BMD: Tensor | None = None, mask_BM: Tensor | None = None) -> Tensor:
        """``mask_BM``: True where a key may be looked at. A sample whose keys are all masked gives zeros."""
        keys_BMD = x_BND if keys_BMD is None else keys_BMD
        q_BHNE = self._heads(self.query(x_BND))
        k_BHME, v_BHME = (self._heads(part) for part in self.key_value(keys_BMD).chunk(2, dim=-1))
        mask = self._mask(mask_BM, q_BHNE, k_BHME)
        dropout = self.dropout if self.training else 0.0
        y_BHNE = F.scaled_dot_product_attention(
            q_BHNE, k_BHME, v_BHME, attn_mask=mask, dropout_p=dropout, is_causal=self.causal and mask is None
        )
        if mask_BM is not None:  # rows without any key are zero, not NaN
            y_BHNE = torch.where(mask_BM.any(-1)[:, None, None, None], y_BHNE, 0.0)
        if self.recorded is not None:
            self._record(q_BHNE, k_BHME, v_BHME, mask, y_BHNE)
        return self.out(y_BHNE.transpose(1, 2).flatten(2))

    def _heads(self, x_BND: Tensor) -> Tensor:
        return x_BND.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def _mask(self, mask_BM: Tensor | None, q_BHNE: Tensor, k_BHME: Tensor) -> Tensor | None:
        if mask_BM is None:
            return None
        mask = mask_BM[:, None, None, :]
        if self.causal:
            n, m = q_BHNE.shape[-2], k_BHME.shape[-2]
            mask = mask & torch.ones(n, m, dtype=torch.bool, device=mask.device).tril()
        # A fully masked row would be 0/0 in the kernel; let it look everywhere and zero the answer afterwards.
        return mask | ~mask.any(-1, keepdim=True)

    def _record(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, y: Tensor) -> None:
        scores = (q.float() @ k.float().transpose(-1, -2)) / q.shape[-1] ** 0.5
        if mask is None and self.causal:
            mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).tril()
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        rows_BHNM = scores.softmax(-1)
        made = (rows_BHNM @ v.float()) * (y.float().abs().amax((-1, -2, -3), keepdim=True) > 0)
        wrong = (made - y.float()).abs().amax() / y.float().abs().amax().clamp_min(1e-6)
        if wrong > TOLERANCE:
            raise AssertionError(f"recorded attention does not reproduce the output: off by {float(wrong):.2e}")
        assert self.recorded is not None
        self.recorded.append(rows_BHNM.detach())


@contextmanager
def recording(modules: dict[str, nn.Module]) -> Iterator[dict[str, Any]]:
    """Collect maps of :class:`Attention` modules during the forward passes inside: name -> list of [B, H, N, M]."""
    found: dict[str, Any] = {}
    chosen = {name: module for name, module in modules.items() if isinstance(module, Attention)}
    for name, module in chosen.items():
        found[name] = module.recorded = []
    try:
        yield found
    finally:
        for module in chosen.values():
            module.recorded = None
