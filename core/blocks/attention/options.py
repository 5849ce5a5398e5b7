"""The knobs of attention that fusion blocks and towers share: its kind, and what can be saved, alone or together."""

from __future__ import annotations

from dataclasses import dataclass

from core.blocks.attention.kernel import Kernel, Reach, kinds
from core.knobs import knob


def mlp_ratio() -> float:
    """The knob of a layer's feed-forward width; a field of its own for every Config."""
    ratio: float = knob(
        4.0, "Width of the feed-forward part, relative to the width.", low=0.5, high=8, title="MLP ratio", advanced=True
    )
    return ratio


PRECISIONS = ("as the run", "bfloat16", "int8")


@dataclass(frozen=True, kw_only=True)
class AttentionKnobs:
    """How attention is computed."""

    attention: str = knob(
        "dense", "Dense: all pairs, fused. Naive: all pairs, the map kept in memory. The others look at fewer pairs or do without a softmax.",
        choices=tuple(kinds), advanced=True,
    )  # fmt: skip
    rank: int | None = knob(
        None, "Width of queries, keys and values; smaller is low-rank, automatic is the full width. The heads must divide it.",
        low=1, high=65536, advanced=True,
    )  # fmt: skip
    window: int = knob(
        64, "Sliding window: keys a query sees on each side.", low=1, high=1_000_000, unit="tokens", advanced=True
    )
    block: int = knob(
        64, "Block-sparse: tokens of one block; each sees its own block and the two beside it.",
        low=1, high=1_000_000, unit="tokens", advanced=True,
    )  # fmt: skip
    global_tokens: int = knob(
        1,
        "Sparse kinds: leading tokens that see all and are seen by all.",
        low=0,
        high=4096,
        unit="tokens",
        advanced=True,
    )
    precision: str = knob(
        "as the run", "bfloat16 halves what attention keeps; int8 rounds weights and activations as an int8 model would (straight-through gradient).",
        choices=PRECISIONS, advanced=True,
    )  # fmt: skip
    recompute: bool = knob(
        False,
        "Compute attention again in the backward pass instead of keeping it.",
        advanced=True,
        title="Recompute attention",
    )
    keep_keys: bool = knob(
        False, "Cross-attention without gradients: keys and values are kept while the same context is asked again with the same weights.", advanced=True,
        title="Keep keys and values",
    )  # fmt: skip

    def kernel(self) -> Kernel:
        """The kind that was chosen."""
        reach = Reach(window=self.window, block=self.block, global_tokens=self.global_tokens)
        return kinds[self.attention](reach)


PLAIN = AttentionKnobs()
