"""What text towers from transformers share. Pair a tower that has weights with its own tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from core.blocks.encoders.hub import HubTower
from core.blocks.encoders.text_transformer import example_text
from core.blocks.values import Grid, Text, Tokens
from core.graph.ports import port
from core.problems import refuse


def mask_of(text: Text) -> Tensor | None:
    """The mask as transformers wants it; on meta it cannot be looked into, and shapes do not need it."""
    return None if text.mask_BL.device.type == "meta" else text.mask_BL.long()


class HubTextTower(HubTower):
    """Word pieces to tokens through a transformers text model."""

    modality = "text"
    looks_for_padding: ClassVar[bool] = False  # the model reads its numbers where it is given no mask
    takes = {"text": port("text", "subwords with their mask")}
    gives = {"tokens": port("tokens", "one token per subword", axes="B L D", modality="text")}

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        text: Text = incoming["text"]
        known, longest = self.model.config.vocab_size, self.longest
        if text.vocabulary > known:
            raise refuse(
                f"The tokenizer has {text.vocabulary:,} subwords, this model knows {known:,}.",
                hint="Use the tokenizer that came with the weights (Pretrained tokenizer).",
            )
        if text.positions > longest:
            raise refuse(
                f"Sentences have {text.positions} pieces, this model takes {longest}.",
                hint="Shorten them in the tokenizer.",
            )

    def extra(self, incoming: Mapping[str, Any]) -> dict[str, Any]:
        """Vocabulary and length of what comes in."""
        text: Text = incoming["text"]
        return {
            "vocab_size": text.vocabulary,
            "max_position_embeddings": text.positions,
            "pad_token_id": 0,
            "bos_token_id": None,
            "eos_token_id": text.vocabulary - 1,
        }

    def forward(self, text: Text) -> dict[str, Any]:
        """``text``: ids [B, L] with mask."""
        if self.looks_for_padding and text.ids_BL.device.type == "meta":  # what is on meta cannot be looked into
            x_BLD = self.model.embeddings(input_ids=text.ids_BL)
            return self._tokens(text, self.model.encoder(x_BLD).last_hidden_state)
        return self._tokens(text, self.model(**self.called(text)).last_hidden_state)

    @property
    def longest(self) -> int:
        """Pieces of the longest sentence that the model takes."""
        return int(self.model.config.max_position_embeddings)

    def called(self, text: Text) -> dict[str, Any]:
        """What the model is called with."""
        return {"input_ids": text.ids_BL, "attention_mask": mask_of(text)}

    def _tokens(self, text: Text, x_BLD: Tensor) -> dict[str, Any]:
        grid = Grid(kind="words", sizes=(x_BLD.shape[1],))
        return {"tokens": Tokens(x_BND=x_BLD, mask_BN=text.mask_BL, modality="text", grid=grid)}

    def _with_maps(self, **incoming: Any) -> tuple[dict[str, Any], tuple[Tensor, ...]]:
        text: Text = incoming["text"]
        made = self.model(**self.called(text), output_attentions=True)
        return self._tokens(text, made.last_hidden_state), made.attentions

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short sentences."""
        return {"text": example_text()}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """One narrow layer."""
        return {"width": 16, "depth": 1, "heads": 2}
