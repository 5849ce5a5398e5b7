"""A language model that writes: word pieces, behind tokens of a picture where they are wired, to what each says comes next.

Llama's form (arXiv:2302.13971), with Qwen3's norm of queries and keys where wanted (arXiv:2505.09388). Tokens stand before the words
as in LLaVA (arXiv:2304.08485): read forwards, or among themselves both ways (prefix-LM, arXiv:1910.10683). With a folder its weights
are those of a Llama or Qwen3 model of transformers. Axes: B batch, P tokens before the words, L word pieces, N = P + L, M keys,
D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.adapters.low_rank import add_low_rank
from core.blocks.attention.cache import Cache
from core.blocks.attention.core import recording
from core.blocks.attention.modern import SPREAD, Form, ModernStack, hidden_of
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.connectors.pool import example_tokens
from core.blocks.encoders.text_transformer import example_text
from core.blocks.fusion.sides import mask_of, width_of
from core.blocks.generators.pretrained_decoder import Pretrained, pretrained
from core.blocks.positions import BASE, angles
from core.blocks.values import Grid, Text, Tokens
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse

NONE, LORA, BOTTLENECK = "none", "LoRA", "bottleneck"
ADAPTED = ("query", "key_value", "out", "gate", "up", "down")  # every linear map of a layer


@blocks.register("generators.language_decoder")
class LanguageDecoder(Block):
    """Writes text word by word, about the tokens that stand before it where they are wired."""

    title = "Language decoder"
    modality = "text"
    takes = {
        "text": port("text", "subwords that are read, and in training said one by one"),
        "tokens": port("tokens", "what is read before the words, as wide as the decoder", axes="B P D", optional=True),
    }
    gives = {
        "tokens": port("tokens", "one token per subword, made of it and all before it", axes="B L D", modality="text"),
        "logits": port(
            "predictions", "for each subword, how likely each of the vocabulary comes next", modality="text"
        ),
    }

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
        key_heads: int | None = knob(
            None, "Heads of keys and values, shared by neighbouring heads (grouped queries); automatic: as many as heads.",
            low=1, high=128, title="Key heads",
        )  # fmt: skip
        hidden: int | None = knob(
            None, "Width of the gated feed-forward; automatic: 8/3 of the width.", low=8, high=65536,
            title="Feed-forward width", advanced=True,
        )  # fmt: skip
        norms_heads: bool = knob(
            False, "Queries and keys are normed head by head, which keeps attention from growing sharp (QK-norm).",
            title="Norm queries and keys", advanced=True,
        )  # fmt: skip
        tied: bool = knob(True, "The same vectors stand for subwords that are read and said.", title="Tied embeddings")
        both_ways: bool = knob(
            False, "The tokens before the words see each other in both directions; words see what is before them (prefix-LM).",
            title="Prefix both ways",
        )  # fmt: skip
        dropout: float = knob(0.0, "Dropped activations in each layer.", low=0, high=0.9)
        adapter: str = knob(
            NONE, "Freezes the weights and trains small ones beside them, which change nothing at first: LoRA, or a bottleneck behind every feed-forward.",
            choices=(NONE, LORA, BOTTLENECK),
        )  # fmt: skip
        adapter_rank: int = knob(8, "Rank of LoRA's product, or width of the bottleneck.", low=1, high=4096)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        text: Text = incoming["text"]
        given = pretrained(config.source, may_ask=not config.local_only) if config.source else None
        self.form = self._form(given)
        self.base = given.base if given is not None else BASE
        vocabulary = given.vocabulary if given is not None else text.vocabulary
        self.known = text.vocabulary
        self._check(incoming, vocabulary)
        self.embedding = nn.Embedding(vocabulary, self.form.width)
        nn.init.normal_(self.embedding.weight, std=SPREAD)
        self.stack = ModernStack(self.form)
        tied = given.tied if given is not None else config.tied
        self.head = None if tied else nn.Linear(self.form.width, vocabulary, bias=False)
        if self.head is not None:
            nn.init.normal_(self.head.weight, std=SPREAD)
        if given is not None and given.weights:
            self.load_state_dict(dict(given.weights))
        self._adapt()

    def _adapt(self) -> None:
        """Freeze everything and put beside it what is to learn; whatever is drawn for it, the rest stays as it would be."""
        c = self.config
        if c.adapter == NONE:
            return
        self.requires_grad_(False)
        if c.adapter == LORA:
            add_low_rank(self.stack, ADAPTED, rank=c.adapter_rank, alpha=2 * c.adapter_rank)
        else:
            self.stack.add_bottlenecks(c.adapter_rank)

    def _form(self, given: Pretrained | None) -> Form:
        """The sizes of the weights where there are some, else of the knobs."""
        c = self.config
        if given is not None:
            return given.form
        if c.width % (2 * c.heads):
            raise ValueError(f"The width {c.width} must be a multiple of 2 x {c.heads} heads.")
        return Form(
            width=c.width, depth=c.depth, heads=c.heads, key_heads=c.key_heads or c.heads,
            hidden=c.hidden or hidden_of(c.width), norms_heads=c.norms_heads, dropout=c.dropout,
        )  # fmt: skip

    def _check(self, incoming: Mapping[str, Any], vocabulary: int) -> None:
        """Raises Refused where subwords or tokens are not what the decoder reads."""
        if self.known > vocabulary:
            raise refuse(
                f"The tokenizer has {self.known:,} subwords, this model knows {vocabulary:,}.",
                hint="Use the tokenizer that came with the weights (Pretrained tokenizer).",
            )
        if "tokens" in incoming and (width := width_of(incoming["tokens"])) != self.form.width:
            raise refuse(
                f"The tokens before the words are {width} wide, the decoder {self.form.width}.",
                hint=f"Put a connector between them that gives tokens {self.form.width} wide.",
            )

    def forward(self, text: Text, tokens: Tokens | None = None) -> dict[str, Any]:
        """Ids [B, L], and tokens [B, P, D] before them, to tokens [B, L, D] and logits [B, L, V]; zeros where text is padding."""
        x_BLD, _ = self.read(text.ids_BL, text.mask_BL, tokens)
        grid = Grid(kind="words", sizes=(text.ids_BL.shape[1],))
        made = Tokens(x_BND=x_BLD, mask_BN=text.mask_BL, modality="text", grid=grid)
        return {"tokens": made, "logits": self.said(made.zeroed().x_BND)}

    def read(
        self, ids_BL: Tensor, real_BL: Tensor, tokens: Tokens | None = None, cache: Cache | None = None
    ) -> tuple[Tensor, Cache | None]:
        """The words' last vectors [B, L, D], after what the cache holds, and the cache with them in it.

        Padding may stand anywhere: a token's place is its number among the real ones. Raises ValueError where the cache is full.
        """
        x_BND, real_BN = self.embedding(ids_BL), real_BL
        before = 0
        if tokens is not None:
            before = tokens.x_BND.shape[1]
            x_BND = torch.cat([tokens.zeroed().x_BND.to(x_BND.dtype), x_BND], 1)
            real_BN = torch.cat([mask_of(tokens), real_BL], 1)
        place_BN = torch.where(real_BN, real_BN.cumsum(1) - 1, -1) if cache is None else cache.places(real_BN)
        keys_BM = place_BN if cache is None else _places_of(cache)
        mask_BNM = keys_BM[:, None] <= self._reach(place_BN, before)[..., None]
        mask_BNM = mask_BNM & (keys_BM >= 0)[:, None]
        angle_BNE = angles(place_BN.clamp_min(0)[..., None], self._head, base=self.base)
        layers = None if cache is None else cache.opened(place_BN)
        x_BND = self.stack(x_BND, mask_BNM, angle_BNE, layers)
        kept = None if cache is None or layers is None else cache.closed(layers, real_BN)
        return x_BND[:, before:], kept

    def _reach(self, place_BN: Tensor, before: int) -> Tensor:
        """The last place that each token sees."""
        if not (self.config.both_ways and before):
            return place_BN
        last_B1 = place_BN[:, :before].amax(1, keepdim=True)
        own = torch.arange(place_BN.shape[1], device=place_BN.device) < before
        return torch.where(own & (place_BN >= 0), last_B1, place_BN)

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

    def watched(self, **incoming: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Where tokens stand before the words: how each word shares out its look among them, rows summing to one."""
        modules = dict(self.attentions())
        with recording(modules) as maps:
            given = self(**incoming)
        before = incoming["tokens"].x_BND.shape[1] if incoming.get("tokens") is not None else 0
        found = {layer: rows[-1] for layer, rows in maps.items() if rows}
        return given, {layer: among_first(rows, before) for layer, rows in found.items()} if before else found

    def attentions(self) -> Mapping[str, nn.Module]:
        """Every layer's attention."""
        return self.stack.attentions()

    def detail(self) -> str:
        """Width and depth."""
        return f"w{self.form.width} d{self.form.depth}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short sentences behind five tokens."""
        return {"text": example_text(), "tokens": example_tokens()}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """One narrow layer, whose heads share keys."""
        return {"width": 16, "depth": 1, "heads": 2, "key_heads": 1}


def among_first(rows_BHNM: Tensor, before: int) -> Tensor:
    """The looks of what comes after the first ``before`` tokens, as shares among those [B, H, N - before, before]."""
    looks = rows_BHNM[..., before:, :before]
    total = looks.sum(-1, keepdim=True)
    return torch.where(total > 0, looks / total.clamp_min(1e-30), 1 / before)


def _places_of(cache: Cache) -> Tensor:
    """The number of each of its places [1, C + 1]; -1 for the one nobody looks at."""
    place_C = torch.arange(cache.capacity + 1, device=cache.lengths_B.device)
    return torch.where(place_C < cache.capacity, place_C, -1)[None]
