"""The one attention every block uses: batch first, masks honoured, fused in training, maps on demand.

Scaled dot products (arXiv:1706.03762) or another kind of ``kinds/``; with a rank below the width queries, keys and
values are low-rank (as in Linformer, arXiv:2006.04768, and MLA, arXiv:2405.04434). While :func:`recording` is on, the
same module also writes down its rows and checks that rows times values give what the kernel gave.

Axes: B batch, N queries, M keys, H heads, E width of a head, D width.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from core.blocks.attention.kept import KeptKeys
from core.blocks.attention.options import PLAIN, AttentionKnobs
from core.blocks.attention.quantised import int8

TOLERANCE = 2e-3  # of the output's scale: what rounding may differ between the fused kernel and the plain form
COARSE_TOLERANCE = 3e-2  # in 16 bits
KeysValues = tuple[Tensor, Tensor]  # [B, H, M, E] each


class Attention(nn.Module):
    """Multi-head attention from queries to keys (the queries themselves when none are given).

    ``borrows``: it has no keys of its own and takes those of another layer (arXiv:2405.12981).
    """

    def __init__(
        self, width: int, heads: int, *, key_width: int | None = None, dropout: float = 0.0, causal: bool = False,
        options: AttentionKnobs = PLAIN, borrows: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        inner = options.rank or width
        if inner % heads:
            part = "rank" if options.rank else "width"
            raise ValueError(f"heads ({heads}) must divide the {part} ({inner})")
        self.heads, self.dropout, self.causal, self.options = heads, dropout, causal, options
        self.kernel = options.kernel()
        self.query = nn.Linear(width, inner)
        self.key_value = None if borrows else nn.Linear(key_width or width, 2 * inner)
        self.out = nn.Linear(inner, width)
        self.kept = KeptKeys() if options.keep_keys else None
        self.recorded: list[Tensor] | None = None  # [B, H, N, M] rows while recording
        self.met = (0, 0)  # queries and keys of the last call
        for layer in (self.query, self.key_value, self.out):
            if layer is not None:
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(
        self,
        x_BND: Tensor,
        keys_BMD: Tensor | None = None,
        mask_BM: Tensor | None = None,
        given: KeysValues | None = None,
        norm: nn.Module | None = None,
    ) -> Tensor:
        """``mask_BM``: True where a key may be looked at; a query without any gives zeros.

        ``given``, ``norm``: see ``keys_values``.
        """
        if self.options.recompute and torch.is_grad_enabled():
            made: Tensor = checkpoint(self._attend, x_BND, keys_BMD, mask_BM, given, norm, use_reentrant=False)
            return made
        return self._attend(x_BND, keys_BMD, mask_BM, given, norm)

    def keys_values(self, keys_BMD: Tensor, norm: nn.Module | None = None, *, kept: bool = True) -> KeysValues:
        """Projected keys and values, to hand to this or another layer as ``given``; ``norm`` is applied to the keys first.

        ``kept``: may be found again where the options keep them; tokens that attend to themselves never come twice.
        """
        if self.key_value is None:
            raise ValueError("This layer has no keys of its own; hand it those of another layer.")
        if self.kept is None or not kept:
            return self._projected(self.key_value, keys_BMD, norm)
        weights = (*self.key_value.parameters(), *(norm.parameters() if norm is not None else ()))
        found = self.kept.find(keys_BMD, weights)
        if found is None:
            found = self._projected(self.key_value, keys_BMD, norm)
            self.kept.keep(keys_BMD, weights, found)
        return found

    def _projected(self, layer: nn.Linear, keys_BMD: Tensor, norm: nn.Module | None) -> KeysValues:
        normed = keys_BMD if norm is None else norm(keys_BMD)
        k_BHME, v_BHME = (self._heads(part) for part in self._through(layer, normed).chunk(2, dim=-1))
        return k_BHME, v_BHME

    def _attend(
        self,
        x_BND: Tensor,
        keys_BMD: Tensor | None,
        mask_BM: Tensor | None,
        given: KeysValues | None,
        norm: nn.Module | None,
    ) -> Tensor:
        q_BHNE = self._heads(self._through(self.query, x_BND))
        if given is None:
            itself = keys_BMD is None
            given = self.keys_values(x_BND if keys_BMD is None else keys_BMD, norm, kept=not itself)
        k_BHME, v_BHME = given
        if self.kept is not None and mask_BM is not None:  # kept as they came: a NaN in padding times 0 is a NaN
            k_BHME, v_BHME = (torch.where(mask_BM[:, None, :, None], x, 0.0) for x in (k_BHME, v_BHME))
        if self.options.precision == "int8":
            q_BHNE, k_BHME, v_BHME = int8(q_BHNE), int8(k_BHME), int8(v_BHME)
        self.met = (q_BHNE.shape[-2], k_BHME.shape[-2])
        dropout = self.dropout if self.training else 0.0
        y_BHNE = self.kernel(q_BHNE, k_BHME, v_BHME, mask_BM, causal=self.causal, dropout=dropout)
        if self.recorded is not None:
            self._record(q_BHNE, k_BHME, v_BHME, mask_BM, y_BHNE)
        return self._through(self.out, y_BHNE.transpose(1, 2).flatten(2)).to(x_BND.dtype)

    def _through(self, layer: nn.Linear, x: Tensor) -> Tensor:
        if self.options.precision == "bfloat16":
            return F.linear(x.bfloat16(), layer.weight.bfloat16(), layer.bias.bfloat16())
        if self.options.precision == "int8":
            return F.linear(int8(x), int8(layer.weight), layer.bias)
        made: Tensor = layer(x)
        return made

    def _heads(self, x_BND: Tensor) -> Tensor:
        return x_BND.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def _record(self, q: Tensor, k: Tensor, v: Tensor, mask_BM: Tensor | None, y: Tensor) -> None:
        rows_BHNM, has = self.kernel.rows(q, k, mask_BM, causal=self.causal)
        made = (rows_BHNM @ v.float()) * has
        wrong = (made - y.float()).abs().amax() / y.float().abs().amax().clamp_min(1e-6)
        if wrong > (TOLERANCE if y.dtype in (torch.float32, torch.float64) else COARSE_TOLERANCE):
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
