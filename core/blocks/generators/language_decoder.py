"""A language model that writes: word pieces, behind tokens of a picture where they are wired, to what each says comes next.

Llama's form (arXiv:2302.13971), with Qwen3's norm of queries and keys where wanted (arXiv:2505.09388). Tokens stand before the words
as in LLaVA (arXiv:2304.08485): read forwards, or among themselves both ways (prefix-LM, arXiv:1910.10683). With a folder its weights
are those of a Llama or Qwen3 model of transformers. Axes: B batch, P tokens before the words, L word pieces, N = P + L, M keys,
D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from core.blocks.attention.core import recording
from core.blocks.catalog import blocks
from core.blocks.connectors.pool import example_tokens
from core.blocks.encoders.text_transformer import example_text
from core.blocks.fusion.sides import width_of
from core.blocks.generators.causal import CausalDecoder
from core.blocks.values import Grid, Text, Tokens
from core.graph.ports import port
from core.problems import refuse


@blocks.register("generators.language_decoder")
class LanguageDecoder(CausalDecoder):
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

    def __init__(self, config: CausalDecoder.Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming, incoming["text"].vocabulary)

    def check(self, incoming: Mapping[str, Any]) -> None:
        """Raises Refused where subwords or tokens are not what the decoder reads."""
        if self.known > self.vocabulary:
            raise refuse(
                f"The tokenizer has {self.known:,} subwords, this model knows {self.vocabulary:,}.",
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

    def watched(self, **incoming: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Where tokens stand before the words: how each word shares out its look among them, rows summing to one."""
        modules = dict(self.attentions())
        with recording(modules) as maps:
            given = self(**incoming)
        before = incoming["tokens"].x_BND.shape[1] if incoming.get("tokens") is not None else 0
        found = {layer: rows[-1] for layer, rows in maps.items() if rows}
        return given, {layer: among_first(rows, before) for layer, rows in found.items()} if before else found

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
