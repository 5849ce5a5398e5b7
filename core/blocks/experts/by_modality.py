"""One expert for each modality, as in VLMo (arXiv:2111.02358) and BEiT-3 (arXiv:2208.10442): vision, text, audio, general.

A stream's expert is picked by index and runs on that stream alone: none ever sees another's tokens, and the cost is that
of one feed-forward layer. Axes: B batch, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.blocks.catalog import blocks
from core.blocks.experts.grouped import Experts
from core.blocks.experts.streams import ExpertBlock, present
from core.blocks.values import Tokens
from core.knobs import knob

NAMES = ("vision", "text", "audio", "general")
_OF_MODALITY = {"image": 0, "video": 0, "text": 1, "audio": 2}


@blocks.register("experts.by_modality")
class ByModality(ExpertBlock):
    """Gives every modality an expert of its own, picked by index."""

    title = "Experts by modality"

    @dataclass(frozen=True, kw_only=True)
    class Config(ExpertBlock.Config):
        """The experts' size."""

        ratio: float = knob(4.0, "Hidden width of an expert over the tokens' width.", low=0.25, high=16)

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.experts = Experts(len(NAMES), self.width, max(1, int(self.width * config.ratio)))

    def forward(self, tokens: Tokens, more: Tokens | None = None) -> dict[str, Any]:
        """Tokens [B, N, D] to the same."""
        return {
            name: stream.with_x(
                stream.x_BND + self.experts.one(expert_of(stream.modality), self.norm(stream.zeroed().x_BND))
            )
            for name, stream in zip(("tokens", "more"), present(tokens, more))
        }

    def detail(self) -> str:
        """Whose experts are used."""
        return " · ".join(dict.fromkeys(NAMES[expert_of(name)] for name in self.modalities))


def expert_of(modality: str) -> int:
    """The expert of a modality; the general one for joined and unnamed tokens."""
    return _OF_MODALITY.get(modality, len(NAMES) - 1)
