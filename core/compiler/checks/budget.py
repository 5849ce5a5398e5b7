"""A guard against token explosion: attention's cost grows with the square of its tokens, so it has a budget.

Limits are on what one node's attention meets at once and on what it keeps for the backward pass; past the first a
person is warned, past the second the drawing does not run.
"""

from __future__ import annotations

from core.compiler.shapes import MEBIBYTE, TracedNode
from core.problems import Problem

TOKENS = (8_192, 65_536)  # in one attention: warning, error
MEBIBYTES = (16_384, 1_048_576)  # kept by one node for one batch: warning, error


def budget_problems(key: str, node: TracedNode, title: str) -> list[Problem]:
    """What is over budget at one node."""
    found = []
    tokens = max(node.attention)
    kept = node.saved_bytes / MEBIBYTE
    if tokens > TOKENS[0]:
        queries, keys = node.attention
        found.append(
            Problem(
                what=f"{title} attends from {queries:,} tokens to {keys:,}: over the budget of {TOKENS[tokens > TOKENS[1]]:,}.",
                node=key, severity="error" if tokens > TOKENS[1] else "warning",
                hint="Compress the tokens before it, cut larger patches, or keep fewer frames.",
            )
        )  # fmt: skip
    if kept > MEBIBYTES[0]:
        found.append(
            Problem(
                what=f"{title} would keep {kept / 1024:,.0f} GiB for the backward pass of one batch: over the budget of "
                f"{MEBIBYTES[kept > MEBIBYTES[1]] // 1024:,} GiB.",
                node=key, severity="error" if kept > MEBIBYTES[1] else "warning",
                hint="Choose a smaller batch, smaller images, fewer tokens, or gradient checkpointing.",
            )
        )  # fmt: skip
    return found
