"""The one attention every block uses: batch first, masks honoured, fused in training, maps on demand.

Scaled dot products (arXiv:1706.03762) or another kind of ``kinds/``; with a rank below the width queries, keys and
values are low-rank (as in Linformer, arXiv:2006.04768, and MLA, arXiv:2405.04434). While :func:`recording` is on, the
same module also writes down its rows and checks that rows times values give what the kernel gave.

Rows that hold several documents are projected as they are and attend a document at a time: on a GPU through FlexAttention's block
mask, on a processor all documents of one length together, whatever the kind. 4,300 tokens of 26 documents of 64 to 256, 3 heads
of 64, forward and backward on one core: 40 ms so; 64 padded to the longest; 80 dense with a mask in rows of 512 and 1,116 in rows
of 4,096; 137 in PyTorch's jagged form.

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

from core.blocks.attention import flex
from core.blocks.attention.kept import KeptKeys
from core.blocks.attention.options import PLAIN, AttentionKnobs
from core.blocks.attention.quantised import int8
from core.blocks.packing import Documents
from core.blocks.positions import turned

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
        documents: Documents | None = None,
        angle_BNE: Tensor | None = None,
    ) -> Tensor:
        """``mask_BM``: True where a key may be looked at; a query without any gives zeros.

        ``given``, ``norm``: see ``keys_values``. Of self-attention: ``documents`` says what rows hold where it is several, each
        blind to the others; ``angle_BNE`` turns queries and keys (RoPE, arXiv:2104.09864).
        """
        if self.options.recompute and torch.is_grad_enabled():
            made: Tensor = checkpoint(
                self._attend, x_BND, keys_BMD, mask_BM, given, norm, documents, angle_BNE, use_reentrant=False
            )
            return made
        return self._attend(x_BND, keys_BMD, mask_BM, given, norm, documents, angle_BNE)

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

    def _turned(self, x_BND: Tensor, angle_BNE: Tensor | None) -> Tensor:
        if angle_BNE is None:
            return x_BND
        return turned(x_BND.unflatten(-1, (self.heads, -1)), angle_BNE[:, :, None].to(x_BND.dtype)).flatten(-2)

    def _attend(
        self,
        x_BND: Tensor,
        keys_BMD: Tensor | None,
        mask_BM: Tensor | None,
        given: KeysValues | None,
        norm: nn.Module | None,
        documents: Documents | None,
        angle_BNE: Tensor | None,
    ) -> Tensor:
        if documents is not None:
            y_BND = self._by_document(x_BND, documents, angle_BNE)
        else:
            q_BHNE = self._heads(self._turned(self._through(self.query, x_BND), angle_BNE))
            if given is None:
                itself = keys_BMD is None
                given = self.keys_values(x_BND if keys_BMD is None else keys_BMD, norm, kept=not itself)
            k_BHME, v_BHME = given
            if self.kept is not None and mask_BM is not None:  # kept as they came: a NaN in padding times 0 is a NaN
                k_BHME, v_BHME = (torch.where(mask_BM[:, None, :, None], x, 0.0) for x in (k_BHME, v_BHME))
            if angle_BNE is not None:
                k_BHME = turned(k_BHME, angle_BNE[:, None].to(k_BHME.dtype))
            y_BND = self._mixed(q_BHNE, k_BHME, v_BHME, mask_BM)
        return self._through(self.out, y_BND).to(x_BND.dtype)

    def _by_document(self, x_PND: Tensor, documents: Documents, angle_PNE: Tensor | None) -> Tensor:
        """Rows that hold several documents, each blind to the others [P, N, D]."""
        if self.key_value is None:
            raise ValueError("This layer has no keys of its own; hand it those of another layer.")
        q, k, v = self._through(self.query, x_PND), *self._through(self.key_value, x_PND).chunk(2, dim=-1)
        qkv = self._turned(q, angle_PNE), self._turned(k, angle_PNE), v
        if self.recorded is None and not x_PND.is_cuda:
            groups = zip(*(documents.by_length(part) for part in qkv))
            mixed = [self._mixed(self._heads(q), self._heads(k), self._heads(v), None) for q, k, v in groups]
            return documents.from_lengths(mixed)
        dropout, head = self.dropout if self.training else 0.0, q.shape[-1] // self.heads
        if self.recorded is None and self.options.attention == "dense" and flex.fits(q, head, dropout):
            q, k, v = (self._precise(self._heads(part)) for part in qkv)
            y_PHNE = flex.by_document(q, k, v, documents.document_PN, causal=self.causal)
            return y_PHNE.transpose(1, 2).flatten(2)
        q, k, v = (self._heads(documents.apart(part)) for part in qkv)
        return documents.together(self._mixed(q, k, v, documents.real_BL))

    def _mixed(self, q_BHNE: Tensor, k_BHME: Tensor, v_BHME: Tensor, mask_BM: Tensor | None) -> Tensor:
        """Values by the kernel's weights, heads side by side again [B, N, D]."""
        q_BHNE, k_BHME, v_BHME = (self._precise(part) for part in (q_BHNE, k_BHME, v_BHME))
        self.met = (q_BHNE.shape[-2], k_BHME.shape[-2])
        dropout = self.dropout if self.training else 0.0
        y_BHNE = self.kernel(q_BHNE, k_BHME, v_BHME, mask_BM, causal=self.causal, dropout=dropout)
        if self.recorded is not None:
            self._record(q_BHNE, k_BHME, v_BHME, mask_BM, y_BHNE)
        return y_BHNE.transpose(1, 2).flatten(2)

    def _precise(self, x: Tensor) -> Tensor:
        return int8(x) if self.options.precision == "int8" else x

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
