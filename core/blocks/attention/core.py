"""The one attention every block uses: batch first, masks honoured, fused in training, maps on demand.

Scaled dot products (arXiv:1706.03762) or another kind of ``kinds/``; with a rank below the width queries, keys and
values are low-rank (as in Linformer, arXiv:2006.04768, and MLA, arXiv:2405.04434). While :func:`recording` is on, the
same module also writes down its rows and checks that rows times values give what the kernel gave.

Rows that hold several documents are projected as they are and attend a document at a time: on a GPU through FlexAttention's block
mask, on a processor all documents of one length together, whatever the kind. 4,300 tokens of 26 documents of 64 to 256, 3 heads
of 64, forward and backward on one core: 40 ms so; 64 padded to the longest; 80 dense with a mask in rows of 512 and 1,116 in rows
of 4,096; 137 in PyTorch's jagged form.

With fewer key heads than heads, neighbouring heads share keys and values (grouped queries, arXiv:2305.13245); queries and keys can
be normed head by head (QK-norm, arXiv:2302.05442); learned keys and values can stand before all others (prefix tuning,
arXiv:2101.00190). Keys that stand for several tokens can count as often (proportional attention, arXiv:2210.09461): one number more
on every query and key adds the logarithm of their sizes to the scores, whatever the kernel.

Axes: B batch, N queries, M keys, H heads, G heads of keys, P learned keys before them, E width of a head, D width.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from core.blocks.attention import flex
from core.blocks.attention.cache import LayerCache
from core.blocks.attention.kept import KeptKeys
from core.blocks.attention.options import PLAIN, AttentionKnobs
from core.blocks.attention.quantised import int8
from core.blocks.packing import Documents
from core.blocks.positions import turned

TOLERANCE = 2e-3  # of the output's scale: what rounding may differ between the fused kernel and the plain form
COARSE_TOLERANCE = 3e-2  # in 16 bits
EIGHT = 8  # numbers of a head that fused kernels want a multiple of
KeysValues = tuple[Tensor, Tensor]  # [B, G, M, E] each
FOLLOWED = ContextVar("FOLLOWED", default=False)  # whether gradients flow through the maps that are recorded


class Attention(nn.Module):
    """Multi-head attention from queries to keys (the queries themselves when none are given).

    ``borrows``: it has no keys of its own and takes those of another layer (arXiv:2405.12981). ``head_epsilon``: queries and keys are
    normed head by head, with this added to the mean square.
    """

    def __init__(
        self, width: int, heads: int, *, key_width: int | None = None, dropout: float = 0.0, causal: bool = False,
        options: AttentionKnobs = PLAIN, borrows: bool = False, key_heads: int | None = None, bias: bool = True,
        head_epsilon: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        inner = options.rank or width
        if inner % heads:
            part = "rank" if options.rank else "width"
            raise ValueError(f"heads ({heads}) must divide the {part} ({inner})")
        self.heads, self.dropout, self.causal, self.options = heads, dropout, causal, options
        self.key_heads = key_heads or heads
        if heads % self.key_heads:
            raise ValueError(f"key heads ({self.key_heads}) must divide the heads ({heads})")
        self.kernel = options.kernel()
        self.query = nn.Linear(width, inner, bias=bias)
        self.key_value = (
            None if borrows else nn.Linear(key_width or width, 2 * inner * self.key_heads // heads, bias=bias)
        )
        self.out = nn.Linear(inner, width, bias=bias)
        self.query_norm, self.key_norm = (
            None if head_epsilon is None else nn.RMSNorm(inner // heads, eps=head_epsilon) for _ in range(2)
        )
        self.kept = KeptKeys() if options.keep_keys else None
        self.prefix_2GPE: nn.Parameter | None = None  # learned keys and values that every query may look at
        self.recorded: list[Tensor] | None = None  # [B, H, N, P + M] rows while recording
        self.met = (0, 0)  # queries and keys of the last call
        for layer in (self.query, self.key_value, self.out):
            if layer is not None:
                nn.init.xavier_uniform_(layer.weight)
                if bias:
                    nn.init.zeros_(layer.bias)

    def add_prefix(self, count: int, spread: float) -> None:
        """Put so many learned keys and values before all others; of attention without documents."""
        like = self.query.weight
        self.prefix_2GPE = nn.Parameter(like.new_empty(2, self.key_heads, count, self._head))
        nn.init.normal_(self.prefix_2GPE, std=spread)

    def forward(
        self,
        x_BND: Tensor,
        keys_BMD: Tensor | None = None,
        mask_BM: Tensor | None = None,
        given: KeysValues | None = None,
        norm: nn.Module | None = None,
        documents: Documents | None = None,
        angle_BNE: Tensor | None = None,
        cache: LayerCache | None = None,
        size_BM: Tensor | None = None,
    ) -> Tensor:
        """``mask_BM``: True where a key may be looked at, [B, M] or of each query's own [B, N, M]; a query without any gives zeros.

        ``given``, ``norm``: see ``keys_values``. Of self-attention: ``documents`` says what rows hold where it is several, each
        blind to the others; ``angle_BNE`` turns queries and keys (RoPE, arXiv:2104.09864); ``cache`` takes the new keys and values
        among those of earlier calls, and all its places are looked at. ``size_BM``: as how many keys each key counts.
        """
        if cache is not None:
            return self._attend(x_BND, keys_BMD, mask_BM, given, norm, documents, angle_BNE, None, cache)
        if self.options.recompute and torch.is_grad_enabled():
            made: Tensor = checkpoint(
                self._attend, x_BND, keys_BMD, mask_BM, given, norm, documents, angle_BNE, size_BM, use_reentrant=False
            )
            return made
        return self._attend(x_BND, keys_BMD, mask_BM, given, norm, documents, angle_BNE, size_BM)

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
        k_BMD, v_BMD = self._through(layer, normed).chunk(2, dim=-1)
        return self._heads(self._normed(k_BMD, self.key_norm)), self._heads(v_BMD)

    def _normed(self, x_BND: Tensor, norm: nn.Module | None) -> Tensor:
        return x_BND if norm is None else norm(x_BND.unflatten(-1, (-1, self._head))).flatten(-2)

    def _turned(self, x_BND: Tensor, angle_BNE: Tensor | None) -> Tensor:
        if angle_BNE is None:
            return x_BND
        return turned(x_BND.unflatten(-1, (-1, self._head)), angle_BNE[:, :, None].to(x_BND.dtype)).flatten(-2)

    def _attend(
        self,
        x_BND: Tensor,
        keys_BMD: Tensor | None,
        mask_BM: Tensor | None,
        given: KeysValues | None,
        norm: nn.Module | None,
        documents: Documents | None,
        angle_BNE: Tensor | None,
        size_BM: Tensor | None,
        cache: LayerCache | None = None,
    ) -> Tensor:
        if documents is not None:
            y_BND = self._by_document(x_BND, documents, angle_BNE)
        else:
            q_BND = self._normed(self._through(self.query, x_BND), self.query_norm)
            q_BHNE = self._heads(self._turned(q_BND, angle_BNE))
            if given is None:
                itself = keys_BMD is None
                given = self.keys_values(x_BND if keys_BMD is None else keys_BMD, norm, kept=not itself)
            k_BHME, v_BHME = given
            if self.kept is not None and mask_BM is not None:  # kept as they came: a NaN in padding times 0 is a NaN
                k_BHME, v_BHME = (torch.where(mask_BM[:, None, :, None], x, 0.0) for x in (k_BHME, v_BHME))
            if angle_BNE is not None:
                k_BHME = turned(k_BHME, angle_BNE[:, None].to(k_BHME.dtype))
            if cache is not None:
                k_BHME, v_BHME = cache.put(k_BHME, v_BHME)
            if self.prefix_2GPE is not None:
                k_BHME, v_BHME, mask_BM = _behind(self.prefix_2GPE, k_BHME, v_BHME, mask_BM)
            y_BND = self._mixed(q_BHNE, k_BHME, v_BHME, mask_BM, size_BM)
        return self._through(self.out, y_BND).to(x_BND.dtype)

    def _by_document(self, x_PND: Tensor, documents: Documents, angle_PNE: Tensor | None) -> Tensor:
        """Rows that hold several documents, each blind to the others [P, N, D]."""
        if self.key_value is None:
            raise ValueError("This layer has no keys of its own; hand it those of another layer.")
        q, k, v = self._through(self.query, x_PND), *self._through(self.key_value, x_PND).chunk(2, dim=-1)
        q, k = self._normed(q, self.query_norm), self._normed(k, self.key_norm)
        qkv = self._turned(q, angle_PNE), self._turned(k, angle_PNE), v
        if self.recorded is None and not x_PND.is_cuda:
            groups = zip(*(documents.by_length(part) for part in qkv))
            mixed = [self._mixed(self._heads(q), self._heads(k), self._heads(v), None) for q, k, v in groups]
            return documents.from_lengths(mixed)
        dropout = self.dropout if self.training else 0.0
        if self.recorded is None and self.options.attention == "dense" and flex.fits(q, self._head, dropout):
            q, k, v = (self._precise(self._heads(part)) for part in qkv)
            k, v = self._to_every_head(k), self._to_every_head(v)
            y_PHNE = flex.by_document(q, k, v, documents.document_PN, causal=self.causal)
            return y_PHNE.transpose(1, 2).flatten(2)
        q, k, v = (self._heads(documents.apart(part)) for part in qkv)
        return documents.together(self._mixed(q, k, v, documents.real_BL))

    def _mixed(
        self, q_BHNE: Tensor, k_BHME: Tensor, v_BHME: Tensor, mask_BM: Tensor | None, size_BM: Tensor | None = None
    ) -> Tensor:
        """Values by the kernel's weights, heads side by side again [B, N, D]."""
        q_BHNE, k_BHME, v_BHME = (self._precise(part) for part in (q_BHNE, k_BHME, v_BHME))
        k_BHME, v_BHME = self._to_every_head(k_BHME), self._to_every_head(v_BHME)
        if size_BM is not None:
            q_BHNE, k_BHME, v_BHME = self._weighed(q_BHNE, k_BHME, v_BHME, size_BM)
        self.met = (q_BHNE.shape[-2], k_BHME.shape[-2])
        dropout = self.dropout if self.training else 0.0
        y_BHNE = self.kernel(q_BHNE, k_BHME, v_BHME, mask_BM, causal=self.causal, dropout=dropout)
        if self.recorded is not None:
            y_BHNE = self._record(q_BHNE, k_BHME, v_BHME, mask_BM, y_BHNE)
        return y_BHNE[..., : self._head].transpose(1, 2).flatten(2)

    def _weighed(self, q: Tensor, k: Tensor, v: Tensor, size_BM: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries and keys whose scores have the logarithm of the keys' sizes added, by eight numbers more, of which one is used.

        Raises ValueError for linear attention, which has no scores.
        """
        if self.options.attention == "linear":
            raise ValueError(
                "Linear attention has no scores that merged tokens could be weighed by; choose another kind."
            )
        if self.prefix_2GPE is not None:
            size_BM = F.pad(size_BM, (self.prefix_2GPE.shape[2], 0), value=1)
        wide = q.shape[-1] + EIGHT
        more_BHM1 = size_BM.clamp_min(1).to(k.dtype).log()[:, None, :, None].expand(-1, k.shape[1], -1, -1)
        q = F.pad(q * (wide / q.shape[-1]) ** 0.5, (0, 1), value=wide**0.5)
        k = torch.cat([k, more_BHM1], -1)
        return F.pad(q, (0, EIGHT - 1)), F.pad(k, (0, EIGHT - 1)), F.pad(v, (0, EIGHT))

    def _precise(self, x: Tensor) -> Tensor:
        return int8(x) if self.options.precision == "int8" else x

    def _through(self, layer: nn.Linear, x: Tensor) -> Tensor:
        if self.options.precision == "bfloat16":
            bias = None if layer.bias is None else layer.bias.bfloat16()
            return F.linear(x.bfloat16(), layer.weight.bfloat16(), bias)
        if self.options.precision == "int8":
            return F.linear(int8(x), int8(layer.weight), layer.bias)
        made: Tensor = layer(x)
        return made

    @property
    def _head(self) -> int:
        """Width of one head."""
        return self.query.out_features // self.heads

    def _heads(self, x_BND: Tensor) -> Tensor:
        return x_BND.unflatten(-1, (-1, self._head)).transpose(1, 2)

    def _to_every_head(self, x_BGME: Tensor) -> Tensor:
        """Keys or values that several heads share, once for each [B, H, M, E]."""
        shared = self.heads // x_BGME.shape[1]
        return x_BGME if shared == 1 else x_BGME.repeat_interleave(shared, dim=1)

    def _record(self, q: Tensor, k: Tensor, v: Tensor, mask_BM: Tensor | None, y: Tensor) -> Tensor:
        """Write the rows down; gives what goes on: the kernel's values, or those made of the rows where these are followed."""
        rows_BHNM, has = self.kernel.rows(q, k, mask_BM, causal=self.causal)
        made = (rows_BHNM @ v.float()) * has
        wrong = (made - y.float()).detach().abs().amax() / y.detach().float().abs().amax().clamp_min(1e-6)
        if wrong > (TOLERANCE if y.dtype in (torch.float32, torch.float64) else COARSE_TOLERANCE):
            raise AssertionError(f"recorded attention does not reproduce the output: off by {float(wrong):.2e}")
        assert self.recorded is not None
        self.recorded.append(rows_BHNM if FOLLOWED.get() else rows_BHNM.detach())
        return made.to(y.dtype) if FOLLOWED.get() else y


def _behind(prefix_2GPE: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """Keys, values and mask behind learned ones."""
    first_k, first_v = prefix_2GPE.to(k.dtype).unsqueeze(1).expand(-1, len(k), -1, -1, -1)
    seen = None if mask is None else F.pad(mask, (first_k.shape[2], 0), value=True)
    return torch.cat([first_k, k], 2), torch.cat([first_v, v], 2), seen


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


@contextmanager
def following() -> Iterator[None]:
    """Inside, what comes after a recorded map is made of it: a score's gradient reaches it."""
    before = FOLLOWED.set(True)
    try:
        yield
    finally:
        FOLLOWED.reset(before)
