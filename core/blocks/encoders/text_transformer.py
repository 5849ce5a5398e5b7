"""Text tower: word pieces, positions, transformer layers (arXiv:1706.03762; causal as in CLIP, arXiv:2103.00020).

Sentences of one pack share a row of tokens, each blind to the others and with positions of its own. Axes: B batch or rows, L word
pieces, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.attention.layer import Stack
from core.blocks.attention.options import AttentionKnobs, mlp_ratio
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.packing import laid_out
from core.blocks.positions import angles, sines
from core.blocks.values import Grid, Text, Tokens
from core.graph.ports import port
from core.knobs import knob

LEARNED, SINES, ROTARY = "learned", "sines", "rotary"


def example_text(vocabulary: int = 50, length: int = 6) -> Text:
    """Two short sentences of made-up pieces; the second is padded."""
    ids = torch.arange(2 * length).reshape(2, length) % vocabulary
    mask = torch.ones(2, length, dtype=torch.bool)
    mask[1, length // 2 :] = False
    return Text(ids_BL=ids, mask_BL=mask, vocabulary=vocabulary)


@blocks.register("encoders.text_transformer")
class TextTransformer(Block):
    """Turns subwords into contextual tokens."""

    title = "Text transformer"
    modality = "text"
    takes = {"text": port("text", "subwords with their mask")}
    gives = {"tokens": port("tokens", "one token per subword", axes="B L D", modality="text")}
    reads_packs = True

    causal_when = {"causal": True}

    @dataclass(frozen=True, kw_only=True)
    class Config(AttentionKnobs):
        """Sizes of the tower."""

        width: int = knob(128, "Size of one token.", low=8, high=4096)
        depth: int = knob(2, "Layers; 0 is a bag of subwords.", low=0, high=64, unit="layers")
        heads: int = knob(2, "Attention heads; must divide the width.", low=1, high=64)
        ratio: float = mlp_ratio()
        dropout: float = knob(0.1, "Dropped activations in each layer.", low=0, high=0.9)
        causal: bool = knob(False, "A subword sees only those before it, as in CLIP.", title="Causal mask")
        positions: str = knob(
            LEARNED, "Learned: a vector for each position. Sines and rotary learn none; rotary turns queries and keys.",
            choices=(LEARNED, SINES, ROTARY), advanced=True,
        )  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        text: Text = incoming["text"]
        self.embedding = nn.Embedding(text.vocabulary, config.width)
        if config.positions != LEARNED and config.width % (2 * config.heads):
            raise ValueError(f"The width {config.width} must be a multiple of 2 x {config.heads} heads.")
        learned = config.positions == LEARNED
        self.position_1LD = nn.Parameter(torch.empty(1, text.positions, config.width)) if learned else None
        self.dropout = nn.Dropout(config.dropout)
        self.stack = Stack(
            config.width, config.depth, config.heads, ratio=config.ratio, dropout=config.dropout, causal=config.causal,
            options=config,
        )  # fmt: skip
        nn.init.normal_(self.embedding.weight, std=0.02)
        if self.position_1LD is not None:
            nn.init.normal_(self.position_1LD, std=0.01)

    def forward(self, text: Text) -> dict[str, Any]:
        """``text``: ids [B, L] with mask."""
        if text.pack_B is not None:
            return {"tokens": self._packed(text)}
        place_L = torch.arange(text.ids_BL.shape[1], device=text.ids_BL.device)
        x_BLD = self._embedded(text.ids_BL, place_L)
        x_BLD = self.stack(x_BLD, text.mask_BL, None, self._angles(place_L[None]))
        grid = Grid(kind="words", sizes=(text.ids_BL.shape[1],))
        return {"tokens": Tokens(x_BND=x_BLD, mask_BN=text.mask_BL, modality="text", grid=grid)}

    def _packed(self, text: Text) -> Tokens:
        """Sentences of one pack in one row."""
        assert text.pack_B is not None
        documents = laid_out(text.mask_BL.sum(1).tolist(), text.pack_B.tolist(), text.ids_BL.device)
        length = documents.there_BL.shape[1]
        place_BL = torch.arange(length, device=text.ids_BL.device).expand(len(text.ids_BL), -1)
        place_PL = documents.together(place_BL)
        x_PLD = self._embedded(documents.together(text.ids_BL), place_PL)
        x_PLD = self.stack(x_PLD, documents.has_PN, documents, self._angles(place_PL))
        return Tokens(
            x_BND=x_PLD, mask_BN=documents.has_PN, modality="text", grid=Grid(kind="words", sizes=(length,)),
            document_BN=documents.document_PN, documents=len(text.ids_BL),
        )  # fmt: skip

    def _embedded(self, ids_BL: Tensor, place: Tensor) -> Tensor:
        """``place`` [L] where it is the same for all, else [B, L]."""
        x_BLD: Tensor = self.embedding(ids_BL)
        if self.position_1LD is not None:
            x_BLD = x_BLD + F.embedding(
                place, self.position_1LD[0]
            )  # a slice would fix the length of an exported program
        elif self.config.positions == SINES:
            x_BLD = x_BLD + sines(place[..., None], self.config.width).to(x_BLD.dtype)
        dropped: Tensor = self.dropout(x_BLD)
        return dropped

    def _angles(self, place_BL: Tensor) -> Tensor | None:
        if self.config.positions != ROTARY:
            return None
        return angles(place_BL[..., None], self.config.width // self.config.heads)

    def attentions(self) -> Mapping[str, nn.Module]:
        """Every layer's attention."""
        return self.stack.attentions()

    def detail(self) -> str:
        """Width, depth, direction."""
        return f"w{self.config.width} d{self.config.depth}" + (" · causal" if self.config.causal else "")

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short sentences."""
        return {"text": example_text()}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """One narrow layer."""
        return {"width": 16, "depth": 1}
