"""A pre-norm transformer layer (Xiong et al., arXiv:2002.04745) and a stack of them with gradient checkpointing."""

from __future__ import annotations

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from core.blocks.attention.core import Attention, KeysValues
from core.blocks.attention.options import PLAIN, AttentionKnobs
from core.blocks.packing import Documents


class Layer(nn.Module):
    """Attention and a GELU feed-forward, each after a norm and around a residual."""

    def __init__(
        self, width: int, heads: int, *, ratio: float = 4.0, dropout: float = 0.0, causal: bool = False,
        options: AttentionKnobs = PLAIN,
    ) -> None:  # fmt: skip
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, causal=causal, options=options)
        self.mlp = nn.Sequential(nn.Linear(width, int(width * ratio)), nn.GELU(), nn.Linear(int(width * ratio), width))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x_BND: Tensor,
        mask_BN: Tensor | None = None,
        documents: Documents | None = None,
        angle_BNE: Tensor | None = None,
        size_BN: Tensor | None = None,
    ) -> Tensor:
        """``mask_BN``: True where a token is real; ``documents``, ``angle_BNE``, ``size_BN``: see :class:`Attention`."""
        given = self.attention(
            self.norm_1(x_BND), mask_BM=mask_BN, documents=documents, angle_BNE=angle_BNE, size_BM=size_BN
        )
        x_BND = x_BND + self.dropout(given)
        return x_BND + self.dropout(self.mlp(self.norm_2(x_BND)))

    def first(self, x_BND: Tensor, mask_BN: Tensor | None = None) -> Tensor:
        """The first token alone [B, 1, D] of what :meth:`forward` gives, for attention that sees all keys."""
        keys_BND = self.norm_1(x_BND)
        y_B1D = x_BND[:, :1] + self.dropout(self.attention(keys_BND[:, :1], keys_BND, mask_BN))
        return y_B1D + self.dropout(self.mlp(self.norm_2(y_B1D)))


class Stack(nn.Module):
    """Layers in a row and a last norm. ``recompute`` trades time for memory (arXiv:1604.06174).

    ``first_only``: nobody reads more than the first token, so the last layer makes no other, unless its map is recorded.
    """

    def __init__(
        self, width: int, depth: int, heads: int, *, ratio: float = 4.0, dropout: float = 0.0, causal: bool = False,
        options: AttentionKnobs = PLAIN,
    ) -> None:  # fmt: skip
        super().__init__()
        self.layers = nn.ModuleList(
            Layer(width, heads, ratio=ratio, dropout=dropout, causal=causal, options=options) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)
        self.recompute = False
        self.first_only = False
        self.sees_all = not causal and options.attention in ("dense", "naive")

    def forward(
        self,
        x_BND: Tensor,
        mask_BN: Tensor | None = None,
        documents: Documents | None = None,
        angle_BNE: Tensor | None = None,
        size_BN: Tensor | None = None,
    ) -> Tensor:
        """Tokens in, tokens out; ``documents``, ``angle_BNE``, ``size_BN``: see :class:`Attention`."""
        last = self.layers[-1] if len(self.layers) else None
        plain = documents is None and angle_BNE is None and size_BN is None
        short = last if plain and self.first_only and self.sees_all and last.attention.recorded is None else None  # type: ignore[union-attr]
        for layer in self.layers:
            run = layer.first if layer is short else layer
            given = (x_BND, mask_BN) if plain else (x_BND, mask_BN, documents, angle_BNE, size_BN)
            if self.recompute and self.training:
                x_BND = checkpoint(run, *given, use_reentrant=False)  # type: ignore[arg-type]
            else:
                x_BND = run(*given)  # type: ignore[operator]
        return self.norm(x_BND)

    def attentions(self) -> dict[str, nn.Module]:
        """Each layer's attention by number."""
        return {str(number): layer.attention for number, layer in enumerate(self.layers)}  # type: ignore[misc]


class CrossLayer(nn.Module):
    """Pre-norm cross-attention and a feed-forward, each around a residual; ``context`` stays as it is."""

    def __init__(
        self, width: int, heads: int, *, key_width: int, ratio: float = 4.0, dropout: float = 0.0,
        options: AttentionKnobs = PLAIN, borrows: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.norm_context: nn.Module | None = None if borrows else nn.LayerNorm(key_width)
        self.attention = Attention(width, heads, key_width=key_width, options=options, borrows=borrows)
        self.mlp = nn.Sequential(nn.Linear(width, int(width * ratio)), nn.GELU(), nn.Linear(int(width * ratio), width))
        self.dropout = nn.Dropout(dropout)

    def keys_values(self, context_BMC: Tensor) -> KeysValues:
        """This layer's keys and values, for layers that borrow them."""
        assert self.norm_context is not None
        return self.attention.keys_values(context_BMC, self.norm_context)

    def forward(
        self, x_BND: Tensor, context_BMC: Tensor, mask_BM: Tensor | None = None, given: KeysValues | None = None,
        size_BM: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """``mask_BM``: True where context is real; ``size_BM``: as how many tokens each counts."""
        asked = self.attention(self.norm_1(x_BND), context_BMC, mask_BM, given, self.norm_context, size_BM=size_BM)
        x_BND = x_BND + self.dropout(asked)
        return x_BND + self.dropout(self.mlp(self.norm_2(x_BND)))
