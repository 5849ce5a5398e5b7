"""A language model that writes: word pieces, behind tokens of a picture where they are wired, to what each says comes next.

Llama's form (arXiv:2302.13971), with Qwen3's norm of queries and keys where wanted (arXiv:2505.09388). Tokens stand before the words
as in LLaVA (arXiv:2304.08485): read forwards, or among themselves both ways (prefix-LM, arXiv:1910.10683). Or they stand beside the
words, which look at them in gated layers between the decoder's own, closed at first (Flamingo, arXiv:2204.14198, in the form of
IDEFICS, arXiv:2306.16527). With a folder its weights are those of a Llama or Qwen3 model of transformers. Axes: B batch, P tokens before the words, L word pieces, N = P + L, M keys,
D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.attention.core import recording
from core.blocks.catalog import blocks
from core.blocks.connectors.pool import example_tokens
from core.blocks.encoders.text_transformer import example_text
from core.blocks.fusion.gated import IDEFICS, Gated
from core.blocks.fusion.sides import width_of
from core.blocks.generators.causal import NONE, CausalDecoder
from core.blocks.values import Grid, Text, Tokens
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse

BEFORE, BESIDE = "before the words", "gated cross-attention"


@blocks.register("generators.language_decoder")
class LanguageDecoder(CausalDecoder):
    """Writes text word by word, about the tokens that stand before it where they are wired."""

    title = "Language decoder"
    modality = "text"
    takes = {
        "text": port("text", "subwords that are read, and in training said one by one"),
        "tokens": port(
            "tokens",
            "what the words are about; as wide as the decoder, where it stands before them",
            axes="B P D",
            optional=True,
        ),
    }
    gives = {
        "tokens": port("tokens", "one token per subword, made of it and all before it", axes="B L D", modality="text"),
        "logits": port(
            "predictions", "for each subword, how likely each of the vocabulary comes next", modality="text"
        ),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config(CausalDecoder.Config):
        """How it reads what the words are about."""

        reads: str = knob(
            BEFORE, "Tokens stand before the words in one sequence (LLaVA), or words look at them in layers of their own, whose gates begin "
            "closed: at first the decoder says what it says without (Flamingo).",
            choices=(BEFORE, BESIDE), title="Tokens are read",
        )  # fmt: skip
        every: int = knob(
            1, "A gated layer before the first decoder layer, and before every so many further ones.", low=1, high=128, unit="layers",
            title="Gated layer every", advanced=True,
        )  # fmt: skip
        adapter_start: float = knob(
            0.0, "Share of the run in which the decoder first learns to write from words alone, without the tokens they are about; then its "
            "weights freeze and the adapter learns. 0: the tokens are read and the adapter learns from the first step.", low=0, high=1,
            title="Adapter start", advanced=True,
        )  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        self._has_tokens = "tokens" in incoming
        super().__init__(config, incoming, incoming["text"].vocabulary)
        self.gated = nn.ModuleDict()
        if self.looks_beside:
            places = range(0, self.form.depth, config.every)
            self.gated.update({str(number): self._gated_layer(incoming["tokens"]) for number in places})
        self._adapters = frozenset(name for name, parameter in self.named_parameters() if parameter.requires_grad)

    def _gated_layer(self, tokens: Tokens) -> Gated:
        form = self.form
        knobs = Gated.Config(
            form=IDEFICS, heads=form.heads, rank=form.heads * form.head if form.head else None, dropout=form.dropout, keep_keys=True
        )  # fmt: skip
        width_BLD = Tokens(x_BND=self.embedding.weight.new_empty(1, 1, form.width), modality="text")
        return Gated(knobs, {"tokens": width_BLD, "context": tokens})

    @classmethod
    def freezes_itself(cls, config: Any) -> bool:
        """Not where it first learns to write: then nothing stays as random as it begins."""
        return super().freezes_itself(config) and not config.adapter_start

    @property
    def writes_alone(self) -> bool:
        """Whether it still learns from words alone what will be adapted later."""
        return self.training and self.progress < self.config.adapter_start

    def set_progress(self, share: float) -> None:
        """Before the adapter starts the weights learn, after it the adapter; whatever a stage has frozen stays so."""
        super().set_progress(share)
        if not self.training or not self.config.adapter_start or self.config.adapter == NONE:
            return
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(self.writes_alone != (name in self._adapters))
            if not parameter.requires_grad:
                parameter.grad = None

    @property
    def looks_beside(self) -> bool:
        """Whether gated layers read the tokens."""
        return self._has_tokens and self.config.reads == BESIDE

    def let_in(self, seen: Tokens | None, number: int, x_BND: Tensor) -> Tensor:
        """Through the gated layer before this one, where there is one and something to look at."""
        if seen is None or str(number) not in self.gated:
            return x_BND
        made: Tensor = self.gated[str(number)](Tokens(x_BND=x_BND, modality="text"), seen)["tokens"].x_BND
        return made

    def readings(self) -> Mapping[str, float | Tensor]:
        """How far the gates are open."""
        opened = [layer.readings()["gate"] for layer in self.gated.values()]  # type: ignore[operator]
        return {"gate": torch.stack(opened).mean()} if opened else {}

    def attentions(self) -> Mapping[str, nn.Module]:
        """Where words look at what they are about: in the gated layers, else in every layer."""
        if not self.looks_beside:
            return super().attentions()
        return {number: layer.attention for number, layer in self.gated.items()}  # type: ignore[misc]

    def check(self, incoming: Mapping[str, Any]) -> None:
        """Raises Refused where subwords or tokens are not what the decoder reads."""
        if self.known > self.vocabulary:
            raise refuse(
                f"The tokenizer has {self.known:,} subwords, this model knows {self.vocabulary:,}.",
                hint="Use the tokenizer that came with the weights (Pretrained tokenizer).",
            )
        if self._has_tokens and not self.looks_beside and (width := width_of(incoming["tokens"])) != self.form.width:
            raise refuse(
                f"The tokens before the words are {width} wide, the decoder {self.form.width}.",
                hint=f"Put a connector between them that gives tokens {self.form.width} wide.",
            )

    def forward(self, text: Text, tokens: Tokens | None = None) -> dict[str, Any]:
        """Ids [B, L], and tokens [B, P, D] before them, to tokens [B, L, D] and logits [B, L, V]; zeros where text is padding."""
        x_BLD, _ = self.read(text.ids_BL, text.mask_BL, None if self.writes_alone else tokens)
        grid = Grid(kind="words", sizes=(text.ids_BL.shape[1],))
        made = Tokens(x_BND=x_BLD, mask_BN=text.mask_BL, modality="text", grid=grid)
        return {"tokens": made, "logits": self.said(made.zeroed().x_BND)}

    def watched(self, **incoming: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Where tokens stand before the words: how each word shares out its look among them, rows summing to one."""
        modules = dict(self.attentions())
        with recording(modules) as maps:
            given = self(**incoming)
        before = incoming["tokens"].x_BND.shape[1] if incoming.get("tokens") is not None else 0
        return given, {layer: self.looks(rows[-1], before) for layer, rows in maps.items() if rows}

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short sentences behind five tokens."""
        return {"text": example_text(), "tokens": example_tokens()}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """One narrow layer, whose heads share keys."""
        return {"width": 16, "depth": 1, "heads": 2, "key_heads": 1}
