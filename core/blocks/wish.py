"""What is asked of a block that makes something: seeds, and how a person wants it drawn and told while it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from core.blocks.values import Codes


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One thing a row, each from a seed of its own.

    ``shares``: the rows are places that one thing lies between, each counting so much; then one is made of all.
    """

    seeds: tuple[int, ...]
    steps: int | None = None  # None: as many as the block is set to
    guidance: Callable[[], float | None] | None = None  # read at every step, so it can be turned; None: the block's own
    told: Callable[[Tensor, int, int], None] | None = None  # after a step: what there is, steps done, of; may raise
    looked: Callable[[Tensor], None] | None = None  # before told: where each word was attended to so far, [B, M, h, w]
    said: Callable[[Codes, int, int], None] | None = (
        None  # of what is drawn code by code: those so far, how many, of; may raise
    )
    shares: tuple[float, ...] = ()

    @property
    def count(self) -> int:
        """How many things there will be."""
        return 1 if self.shares else len(self.seeds)
