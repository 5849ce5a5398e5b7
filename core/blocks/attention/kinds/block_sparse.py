"""Blocks of queries look at their own block of keys, at its two neighbours and at global tokens (BigBird, arXiv:2007.14062).

With unequal lengths the keys are cut into as many parts as there are blocks of queries, so none is left out; the last
block may be short.
"""

from __future__ import annotations

import numpy as np

from core.blocks.attention.banded import Band
from core.blocks.attention.kernel import kinds
from core.blocks.attention.sparse import Sparse


@kinds.register("block-sparse")
class BlockSparse(Sparse):
    """Three blocks of keys for each block of queries, and the global tokens."""

    def band(self, n: int, m: int) -> Band:
        """The stretch of three neighbouring parts of the keys."""
        size = self.reach.block
        block = np.arange(n) // size
        low = (np.maximum(block - 1, 0) * size * m) // n
        high = -((-np.minimum((block + 2) * size, n) * m) // n)
        lead = min(self.reach.global_tokens, n, m)
        return Band(low_N=low, high_N=np.maximum(high, low + 1), keys=m, lead=lead)

    def tile(self) -> int:
        """One block."""
        return self.reach.block
