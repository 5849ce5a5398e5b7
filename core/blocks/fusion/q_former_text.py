"""BLIP-2's querying transformer with its text side (arXiv:2301.12597, section 3.1): what its three losses are asked of.

Queries and subwords share the self-attention, each kind has a feed-forward of its own, and queries alone look at the image. Three masks:
queries and words apart (contrast, ITC), words that see the queries and the words before them (captions, ITG), and all seeing all
(matching, ITM). The numbers are those of transformers' ``Blip2QFormerModel`` with text input on the same weights. Axes: B batch,
N image tokens, D their width, Q queries, L subwords, T = Q + L, E width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.attention.core import recording
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.connectors.pool import example_tokens
from core.blocks.connectors.q_former import EPSILON, QFormerLayer, reads_every_knob
from core.blocks.encoders.text_transformer import example_text
from core.blocks.fusion.sides import mask_of, width_of
from core.blocks.values import Grid, Text, Tokens
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse


class TextLayer(QFormerLayer):
    """A layer of the Q-Former whose self-attention words share, with a feed-forward of their own."""

    def __init__(self, width: int, heads: int, *, reads: int | None, dropout: float) -> None:
        super().__init__(width, heads, reads=reads, dropout=dropout)
        self.mlp_text = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.norm_text = nn.LayerNorm(width, eps=EPSILON)

    def read(self, x_BTE: Tensor, queries: int, seen_BTT: Tensor, image: tuple[Tensor, Tensor] | None) -> Tensor:
        """Queries first, then words, [B, T, E] to the same; ``seen_BTT``: who sees whom; ``image``: tokens, and which are real."""
        x_BTE = self.norm_1(x_BTE + self.dropout(self.attention(x_BTE, None, seen_BTT)))
        query_BQE, word_BLE = x_BTE[:, :queries], x_BTE[:, queries:]
        if image is not None and self.cross is not None and self.norm_2 is not None:
            query_BQE = self.norm_2(query_BQE + self.dropout(self.cross(query_BQE, *image)))
        query_BQE = self.norm_3(query_BQE + self.dropout(self.mlp(query_BQE)))
        word_BLE = self.norm_text(word_BLE + self.dropout(self.mlp_text(word_BLE)))
        return torch.cat([query_BQE, word_BLE], 1)


@blocks.register("fusion.q_former_text")
class QFormerText(Block):
    """Learned queries read the image; subwords share their layers: apart, said one by one behind the queries, or seen by them."""

    title = "Q-Former with text"
    modality = "shared"
    takes = {
        "tokens": port("tokens", "tokens of the image, of any number"),
        "text": port("text", "subwords of the image's own caption: read alone, and said one by one", optional=True),
        "matched": port("text", "subwords that may belong to the image or not: queries see them", optional=True),
    }
    gives = {
        "queries": port("tokens", "queries that have read the image and no word", axes="B Q E", modality="shared"),
        "words": port("tokens", "subwords that have seen no image", axes="B L E", modality="text"),
        "logits": port("predictions", "for each subword, how likely each of the vocabulary comes next", modality="text"),
        "together": port("tokens", "queries that have read the image and the words", axes="B Q E", modality="shared"),
    }  # fmt: skip

    hangs_on = {"queries": ("tokens",), "words": ("text",)}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Layers."""

        width: int = knob(128, "Width of queries and words.", low=2, high=16384)
        count: int = knob(16, "Learned queries.", low=1, high=65536, unit="tokens", title="Queries")
        depth: int = knob(2, "Layers.", low=1, high=64, unit="layers")
        heads: int = knob(4, "Attention heads; must divide the width.", low=1, high=64)
        reads_every: int = reads_every_knob()
        dropout: float = knob(0.0, "Dropped activations in each layer.", low=0, high=0.9)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        text: Text | None = incoming.get("text", incoming.get("matched"))
        if text is None:
            raise refuse(
                "The Q-Former with text has no text.", hint="Wire subwords to it, or use the connector Q-Former."
            )
        width, reads = config.width, width_of(incoming["tokens"])
        self.queries_QE = nn.Parameter(torch.randn(config.count, width) * 0.02)
        self.embedding, self.position = nn.Embedding(text.vocabulary, width), nn.Embedding(text.positions, width)
        for table in (self.embedding, self.position):
            nn.init.normal_(table.weight, std=0.02)
        self.norm, self.dropout = nn.LayerNorm(width, eps=EPSILON), nn.Dropout(config.dropout)
        layers = (
            TextLayer(width, config.heads, reads=None if n % config.reads_every else reads, dropout=config.dropout)
            for n in range(config.depth)
        )
        self.layers = nn.ModuleList(layers)
        self.said = nn.Linear(width, text.vocabulary)

    def forward(self, tokens: Tokens, text: Text | None = None, matched: Text | None = None) -> dict[str, Any]:
        """[B, N, D] and ids [B, L] to queries [B, Q, E], words [B, L, E], logits [B, L, V]; with ``matched``, queries that saw it."""
        count, image = self.config.count, (tokens.zeroed().x_BND, mask_of(tokens))
        made: dict[str, Any] = {}
        if text is None and matched is None:
            made["queries"] = self._queries(self._read(self._apart(tokens, None), image, None, causal=True))
        if text is not None:
            x_BTE = self._read(
                self._apart(tokens, text), image, text, causal=True
            )  # no query sees a word: they are as if alone
            alone_BLE = self._read(self._embedded(text), None, text, causal=False)
            grid = Grid(kind="words", sizes=(text.ids_BL.shape[1],))
            made["queries"] = self._queries(x_BTE[:, :count])
            made["words"] = Tokens(x_BND=alone_BLE, mask_BN=text.mask_BL, modality="text", grid=grid).zeroed()
            made["logits"] = self.said(x_BTE[:, count:]) * text.mask_BL[..., None]
        if matched is not None:
            x_BTE = self._read(self._apart(tokens, matched), image, matched, causal=False)
            made["together"] = self._queries(x_BTE[:, :count])
        return made

    def _embedded(self, text: Text) -> Tensor:
        place_L = torch.arange(text.ids_BL.shape[1], device=text.ids_BL.device)
        return self.embedding(text.ids_BL) + self.position(place_L)  # type: ignore[no-any-return]

    def _apart(self, tokens: Tokens, text: Text | None) -> Tensor:
        """Queries, and the words behind them, before they have met [B, T, E]."""
        query_BQE = self.queries_QE.expand(len(tokens.x_BND), -1, -1)
        return query_BQE if text is None else torch.cat([query_BQE, self._embedded(text)], 1)

    def _read(self, x_BTE: Tensor, image: tuple[Tensor, Tensor] | None, text: Text | None, *, causal: bool) -> Tensor:
        words = 0 if text is None else text.ids_BL.shape[1]
        queries = x_BTE.shape[1] - words
        seen_BTT = seen(queries, text.mask_BL, causal=causal) if text is not None else None
        x_BTE = self.dropout(self.norm(x_BTE))
        for layer in self.layers:
            x_BTE = layer.read(x_BTE, queries, seen_BTT, image)  # type: ignore[operator]
        return x_BTE

    def _queries(self, x_BQE: Tensor) -> Tokens:
        return Tokens(x_BND=x_BQE, modality="shared")

    def attentions(self) -> Mapping[str, nn.Module]:
        """The queries' looks at the image, by layer."""
        layers: Any = enumerate(self.layers)
        return {str(number): layer.cross for number, layer in layers if layer.cross is not None}

    def meets(self, layer: str) -> tuple[str, str] | None:
        """Queries ask, the image is asked."""
        return "queries", "tokens"

    def watched(self, **incoming: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The looks of queries that have read no word, where those are made."""
        modules = dict(self.attentions())
        with recording(modules) as maps:
            given = self(**incoming)
        return given, {layer: rows[0] for layer, rows in maps.items() if rows}

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two images with their captions, and the same as pairs to be matched."""
        return {"tokens": example_tokens(), "text": example_text(), "matched": example_text()}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Narrow layers, few queries."""
        return {"width": 16, "count": 3, "depth": 2, "heads": 2}


def seen(queries: int, mask_BL: Tensor, *, causal: bool) -> Tensor:
    """Who sees whom, of queries and the words behind them [B, T, T]; ``causal``: no query sees a word, a word none after it."""
    count, length = mask_BL.shape
    total = queries + length
    real_BT = torch.cat([mask_BL.new_ones(count, queries), mask_BL], 1)
    seen_BTT = real_BT[:, None].expand(count, total, total)
    if not causal:
        return seen_BTT
    place_T = torch.arange(total, device=mask_BL.device)
    place_T = torch.where(place_T < queries, queries - 1, place_T)  # queries stand at one place, before the first word
    return seen_BTT & (place_T[None, :] <= place_T[:, None])
