"""What sparse kinds share: dense where the band is everything, FlexAttention on CUDA, gathered tiles elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor

from core.blocks.attention import flex
from core.blocks.attention.banded import Band, banded
from core.blocks.attention.kernel import Kernel
from core.blocks.attention.kinds.dense import fused


class Sparse(Kernel):
    """A kernel that follows a :class:`Band`."""

    def band(self, n: int, m: int) -> Band:
        """Where each of ``n`` queries looks among ``m`` keys."""
        raise NotImplementedError

    def tile(self) -> int:
        """Queries that share one gathered stretch of keys."""
        raise NotImplementedError

    def __call__(
        self, q: Tensor, k: Tensor, v: Tensor, mask_BM: Tensor | None, *, causal: bool, dropout: float
    ) -> Tensor:
        """Work follows the band; a band that is everything is the dense form."""
        n, m = q.shape[-2], k.shape[-2]
        band = self.placed(n, m, causal=causal)
        size = min(self.tile(), n)
        near_TS, _ = band.tiles(size)
        if near_TS.shape[1] >= m:  # gathering would cost more than it saves
            return fused(q, k, v, self.mask(mask_BM, n, m, causal=causal, device=q.device), dropout=dropout)
        if flex.fits(q, q.shape[-1], dropout):
            return flex.attend(q, k, v, mask_BM, band, causal=causal)
        return banded(q, k, v, mask_BM, band, size, causal=causal, dropout=dropout)

    def placed(self, n: int, m: int, *, causal: bool) -> Band:
        """The band; of causal queries, which are the last of as many as there are keys, the band's last rows."""
        return self.band(m, m).last(n) if causal and n != m else self.band(n, m)

    def allowed(self, n: int, m: int, device: torch.device, *, causal: bool = False) -> Tensor | None:
        """None where the band is everything."""
        table_NM = self.placed(n, m, causal=causal).allowed()
        return None if table_NM.all() else torch.from_numpy(table_NM).to(device)

    def pairs(self, n: int, m: int) -> int:
        """Those of the band."""
        return self.band(n, m).pairs()
