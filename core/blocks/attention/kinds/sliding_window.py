"""A sliding window with global tokens (Longformer, arXiv:2004.05150).

Query i stands at key ``(i + 1/2) M / N``: with as many keys as queries that is its own place, otherwise its share of
the way. Every key is in somebody's window, whatever the lengths.
"""

from __future__ import annotations

import numpy as np

from core.blocks.attention.banded import Band
from core.blocks.attention.kernel import kinds
from core.blocks.attention.sparse import Sparse


@kinds.register("sliding window")
class SlidingWindow(Sparse):
    """A query looks ``window`` keys to each side, and at the global tokens."""

    def band(self, n: int, m: int) -> Band:
        """A stretch around each query's own place; it covers what lies between two queries' places."""
        place = (np.arange(n) * m) // n
        after = ((np.arange(n) + 1) * m) // n
        window, lead = self.reach.window, min(self.reach.global_tokens, n, m)
        low = np.maximum(place - window, 0)
        return Band(low_N=low, high_N=np.minimum(np.maximum(after, place + 1) + window, m), keys=m, lead=lead)

    def tile(self) -> int:
        """About as many queries as a window has keys."""
        return max(16, self.reach.window)
