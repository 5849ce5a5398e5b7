"""What reads and says pieces of a vocabulary one after another: the part that decoders of words and of mixed tokens share.

Llama's form (arXiv:2302.13971), with Qwen3's norm of queries and keys where wanted (arXiv:2505.09388). Axes: B batch, P tokens before
the pieces, L pieces, N = P + L, M keys, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.adapters.low_rank import add_low_rank
from core.blocks.attention.cache import Cache
from core.blocks.attention.modern import (
    SPREAD,
    Form,
    ModernStack,
    form_of,
    hidden_knob,
    key_heads_knob,
    norms_heads_knob,
)
from core.blocks.block import Block
from core.blocks.fusion.sides import mask_of
from core.blocks.generators.pretrained_decoder import Pretrained, pretrained
from core.blocks.generators.writing import Decoder
from core.blocks.positions import BASE, angles
from core.blocks.values import Tokens
from core.knobs import knob
from core.pretrained import HOW_TO_GET
from core.problems import refuse

NONE, LORA, BOTTLENECK, PREFIX, GATES = "none", "LoRA", "bottleneck", "prefix tuning", "gated layers"
FROZEN = "frozen"  # no adapter, and nothing of the decoder learns
ADAPTED = ("query", "key_value", "out", "gate", "up", "down")  # every linear map of a layer


class CausalDecoder(Block):
    """Embeds pieces, reads each after all before it, and says what comes next."""

    modality = "text"

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Sizes, or where weights come from."""

        source: str = knob(
            "", "A folder that save_pretrained wrote of a Llama or Qwen3 model, or a hub id. Empty: the sizes below, with random weights.",
            path="folder", title="Weights from",
        )  # fmt: skip
        local_only: bool = knob(
            True, "Never ask the network; a hub id must then already be in the local cache. Checking never asks.",
            advanced=True,
        )  # fmt: skip
        width: int = knob(128, "Size of one token.", low=8, high=16384)
        depth: int = knob(2, "Layers.", low=1, high=128, unit="layers")
        heads: int = knob(4, "Attention heads; must divide the width.", low=1, high=128)
        key_heads: int | None = key_heads_knob()
        hidden: int | None = hidden_knob()
        norms_heads: bool = norms_heads_knob(False)
        tied: bool = knob(True, "The same vectors stand for subwords that are read and said.", title="Tied embeddings")
        both_ways: bool = knob(
            False, "The tokens before the words see each other in both directions; words see what is before them (prefix-LM).",
            title="Prefix both ways",
        )  # fmt: skip
        dropout: float = knob(0.0, "Dropped activations in each layer.", low=0, high=0.9)
        adapter: str = knob(
            NONE, "Freezes the weights and trains small ones beside them. LoRA and a bottleneck behind every feed-forward change nothing at "
            "first; prefix tuning puts keys and values before those of every layer; gated layers: those of gated cross-attention alone learn. Frozen: nothing of the decoder learns.",
            choices=(NONE, LORA, BOTTLENECK, PREFIX, GATES, FROZEN),
        )  # fmt: skip
        adapter_rank: int = knob(
            8, "Rank of LoRA's product, width of the bottleneck, or number of keys that prefix tuning puts before those of every layer.",
            low=1, high=4096,
        )  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any], known: int) -> None:
        """``known``: pieces that are read and said."""
        super().__init__(config, incoming)
        given = pretrained(config.source, may_ask=not config.local_only) if config.source else None
        self.form = self._form(given)
        self.base = given.base if given is not None else BASE
        self.vocabulary = given.vocabulary if given is not None else known
        self.known = known
        self.check(incoming)
        self.embedding = nn.Embedding(self.vocabulary, self.form.width)
        nn.init.normal_(self.embedding.weight, std=SPREAD)
        self.stack = ModernStack(self.form)
        tied = given.tied if given is not None else config.tied
        self.head = None if tied else nn.Linear(self.form.width, self.vocabulary, bias=False)
        if self.head is not None:
            nn.init.normal_(self.head.weight, std=SPREAD)
        if given is not None and given.weights:
            self.load_state_dict(dict(given.weights))
        self._adapt()

    @classmethod
    def untrained(cls, config: Any) -> str:
        """Where a folder or a hub id is named."""
        return "" if config.source else HOW_TO_GET

    @classmethod
    def freezes_itself(cls, config: Any) -> bool:
        """Whoever trains an adapter leaves the rest as it is."""
        return str(config.adapter) != NONE

    def _adapt(self) -> None:
        """Freeze everything and put beside it what is to learn; whatever is drawn for it, the rest stays as it would be."""
        c = self.config
        if c.adapter == NONE:
            return
        if c.adapter == GATES and not self.looks_beside:
            raise refuse(
                "Only gated layers would learn, and this decoder has none.",
                hint="Wire tokens into a language decoder and read them by gated cross-attention, or choose another adapter.",
            )
        self.requires_grad_(False)
        if c.adapter == LORA:
            add_low_rank(self.stack, ADAPTED, rank=c.adapter_rank, alpha=2 * c.adapter_rank)
        elif c.adapter == BOTTLENECK:
            self.stack.add_bottlenecks(c.adapter_rank)
        elif c.adapter == PREFIX:
            self.stack.add_prefixes(c.adapter_rank)

    def check(self, incoming: Mapping[str, Any]) -> None:
        """Raises Refused where what comes in is not what the decoder reads; before any weight is made."""

    def _form(self, given: Pretrained | None) -> Form:
        """The sizes of the weights where there are some, else of the knobs."""
        return form_of(self.config) if given is None else given.form

    def read(
        self, ids_BL: Tensor, real_BL: Tensor, tokens: Tokens | None = None, cache: Cache | None = None
    ) -> tuple[Tensor, Cache | None]:
        """The words' last vectors [B, L, D], after what the cache holds, and the cache with them in it.

        Padding may stand anywhere: a token's place is its number among the real ones. Raises ValueError where the cache is full.
        """
        x_BND, real_BN = self.embedding(ids_BL), real_BL
        before, let_in = 0, None
        if self.looks_beside:
            seen = tokens if tokens is not None or cache is None else cache.seen
            cache = None if cache is None else replace(cache, seen=seen)
            tokens, let_in = None, partial(self.let_in, seen)
        if tokens is not None:
            before = tokens.x_BND.shape[1]
            x_BND = torch.cat([tokens.zeroed().x_BND.to(x_BND.dtype), x_BND], 1)
            real_BN = torch.cat([mask_of(tokens), real_BL], 1)
        place_BN = torch.where(real_BN, real_BN.cumsum(1) - 1, -1) if cache is None else cache.places(real_BN)
        keys_BM = place_BN if cache is None else _places_of(cache)
        mask_BNM = keys_BM[:, None] <= self._reach(place_BN, before)[..., None]
        mask_BNM = mask_BNM & (keys_BM >= 0)[:, None]
        angle_BNE = angles(place_BN.clamp_min(0)[..., None] + self.ahead, self._head, base=self.base)
        layers = None if cache is None else cache.opened(place_BN)
        x_BND = self.stack(x_BND, mask_BNM, angle_BNE, layers, let_in)
        kept = None if cache is None or layers is None else cache.closed(layers, real_BN)
        return x_BND[:, before:], kept

    def _reach(self, place_BN: Tensor, before: int) -> Tensor:
        """The last place that each token sees."""
        if not (self.config.both_ways and before):
            return place_BN
        last_B1 = place_BN[:, :before].amax(1, keepdim=True)
        own = torch.arange(place_BN.shape[1], device=place_BN.device) < before
        return torch.where(own & (place_BN >= 0), last_B1, place_BN)

    def about(self, value: Any) -> Tokens:
        """What words are written about, as tokens of the decoder's own: what comes in at the port that stands before them."""
        return value  # type: ignore[no-any-return]

    def speaker(self) -> Decoder:
        """What words are written with: the decoder, where it says nothing else."""
        return self

    def looks(self, rows_BHNM: Tensor, before: int) -> Tensor:
        """What a layer's attention recorded, as shares: each word's among ``before`` tokens, or without such among all it read."""
        if self.looks_beside:
            return rows_BHNM
        own_BHNM = rows_BHNM[..., self.ahead :]
        if before:
            return among_first(own_BHNM, before)
        return shares(own_BHNM) if self.ahead else own_BHNM

    @property
    def looks_beside(self) -> bool:
        """Whether tokens stand beside the words, for layers of their own, and not before them."""
        return False

    def let_in(self, seen: Tokens | None, number: int, x_BND: Tensor) -> Tensor:
        """What a layer reads, with what was found in tokens beside the words."""
        raise NotImplementedError

    @property
    def ahead(self) -> int:
        """Learned keys before those of every layer."""
        return self.config.adapter_rank if self.config.adapter == PREFIX else 0

    @property
    def _head(self) -> int:
        return self.form.head or self.form.width // self.form.heads

    def said(self, x_BLD: Tensor) -> Tensor:
        """Logits [B, L, V] of the subwords that the tokenizer has."""
        weight_VD = self.embedding.weight if self.head is None else self.head.weight
        return x_BLD @ weight_VD[: self.known].T

    def room(self, rows: int, capacity: int) -> Cache:
        """An empty cache for so many tokens a row, those before the words included."""
        form = self.form
        return Cache.empty(form.depth, rows, capacity, form.key_heads, self._head, self.embedding.weight)

    def attentions(self) -> Mapping[str, nn.Module]:
        """Every layer's attention."""
        return self.stack.attentions()

    def detail(self) -> str:
        """Width and depth."""
        return f"w{self.form.width} d{self.form.depth}"


def among_first(rows_BHNM: Tensor, before: int) -> Tensor:
    """The looks of what comes after the first ``before`` tokens, as shares among those [B, H, N - before, before]."""
    return shares(rows_BHNM[..., before:, :before])


def shares(looks_BHNM: Tensor) -> Tensor:
    """Each row as a share of its sum; alike everywhere where it is nothing."""
    total = looks_BHNM.sum(-1, keepdim=True)
    return torch.where(total > 0, looks_BHNM / total.clamp_min(1e-30), 1 / looks_BHNM.shape[-1])


def _places_of(cache: Cache) -> Tensor:
    """The number of each of its places [1, C + 1]; -1 for the one nobody looks at."""
    place_C = torch.arange(cache.capacity + 1, device=cache.lengths_B.device)
    return torch.where(place_C < cache.capacity, place_C, -1)[None]
