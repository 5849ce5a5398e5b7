"""Linear attention (arXiv:2006.16236): a feature map elu(x) + 1 in place of the softmax, so cost grows with N + M.

``y_i = phi(q_i) (sum_j phi(k_j) v_j^T) / (phi(q_i) sum_j phi(k_j))``. Its quadratic form, rows
``phi(q_i) phi(k_j) / sum``, is the same function; the map that is captured is made from it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.attention.kernel import Kernel, kinds

LEAST = 1e-6


def feature_map(x: Tensor) -> Tensor:
    """Positive features."""
    return F.elu(x) + 1


@kinds.register("linear")
class Linear(Kernel):
    """All pairs at linear cost, without a softmax."""

    def __call__(
        self, q: Tensor, k: Tensor, v: Tensor, mask_BM: Tensor | None, *, causal: bool, dropout: float
    ) -> Tensor:
        """Sums over keys first. Raises ValueError for a causal tower; dropout has no map to drop from and is left out."""
        _refuse(causal)
        q, k = feature_map(q), feature_map(k)
        if mask_BM is not None:
            k = k * mask_BM[:, None, :, None].to(k.dtype)
        mixed_BHEE = k.transpose(-1, -2) @ v
        total_BHN1 = q @ k.sum(-2)[..., None]
        return (q @ mixed_BHEE) / total_BHN1.clamp_min(LEAST)

    def pairs(self, n: int, m: int) -> int:
        """None are compared: queries and keys each meet a sum."""
        return n + m

    def rows(self, q: Tensor, k: Tensor, mask_BM: Tensor | None, *, causal: bool) -> tuple[Tensor, Tensor]:
        """The quadratic form's map."""
        _refuse(causal)
        scores = feature_map(q.float()) @ feature_map(k.float()).transpose(-1, -2)
        if mask_BM is None:
            has = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=q.device)
        else:
            has = mask_BM.any(-1)[:, None, None, None]
            scores = torch.where(mask_BM[:, None, None, :] | ~has, scores, 0.0)
        return scores / scores.sum(-1, keepdim=True).clamp_min(LEAST), has


def _refuse(causal: bool) -> None:
    if causal:
        raise ValueError("Linear attention looks both ways here; choose another kind for a causal tower.")
