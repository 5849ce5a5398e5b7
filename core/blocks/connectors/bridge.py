"""What stands between a tower and a language model: tokens in, tokens out, as wide as the model that reads them.

Every connector of this family has the same two ports and the same first settings, so one can be exchanged for another with its wires.
Axes: B batch, N tokens that come in, D their width, K tokens that go out, E their width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from core.blocks.block import Block
from core.blocks.connectors.pool import example_tokens
from core.blocks.fusion.sides import mask_of, width_of
from core.blocks.values import Grid, Tokens, widened
from core.graph.ports import port
from core.knobs import knob


def count_knob() -> int:
    """The setting of those that give a number of tokens of their own; a field of its own for every Config."""
    count: int = knob(
        16, "Tokens that go out, whatever comes in.", low=1, high=65536, unit="tokens", title="Tokens out"
    )
    return count


class Bridge(Block):
    """A connector from tokens to tokens."""

    modality = "shared"
    takes = {"tokens": port("tokens", "tokens of any number")}
    gives = {"tokens": port("tokens", "tokens for a language model", axes="B K E", modality="shared")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Width."""

        width: int = knob(
            128, "Width of the tokens that go out: that of the model which reads them.", low=2, high=16384
        )

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        tokens: Tokens = incoming["tokens"]
        self.incoming, self.count = width_of(tokens), tokens.x_BND.shape[1]
        self.lead = tokens.grid.extra if tokens.grid is not None else 0
        flat = tokens.grid is not None and tokens.grid.kind == "patches" and tokens.cells_BN is None
        self.cells = (tokens.grid.sizes[0], tokens.grid.sizes[1]) if flat and tokens.grid is not None else None

    def forward(self, tokens: Tokens) -> dict[str, Any]:
        """[B, N, D] to [B, K, E]; where K is N each token stays what it was of."""
        if tokens.x_BND.shape[1] < self.count:  # what is left of a sample must not hang on the longest beside it
            tokens = widened(tokens, self.count)
        tokens = tokens.zeroed()
        y_BKE, real_BK = self._bridged(tokens.x_BND, mask_of(tokens))
        if real_BK is None:
            return {"tokens": tokens.with_x(y_BKE)}
        grid = Grid(kind="latents", sizes=(y_BKE.shape[1],))
        return {"tokens": Tokens(x_BND=y_BKE, mask_BN=real_BK, modality=tokens.modality, grid=grid)}

    def _bridged(self, x_BND: Tensor, real_BN: Tensor) -> tuple[Tensor, Tensor | None]:
        """Other tokens and which are real; None where each stands for the one that came in."""
        raise NotImplementedError

    def detail(self) -> str:
        """How wide."""
        return f"→ {self.config.width}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """CLS and four patches, two of them padding in the second sample."""
        return {"tokens": replace(example_tokens(), modality="image")}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Few and narrow."""
        return {"width": 16, **({"count": 2} if hasattr(cls.Config, "count") else {})}
