"""Who comes before whom: the one place that decides what a causal query sees.

Queries are the last of the sequence that the keys are the whole of: with as many keys as queries each sees those up to its own
place, and one query against kept keys sees all of them (``torch.nn.attention.bias.causal_lower_right``). PyTorch's own
``is_causal`` aligns the first query with the first key, which is the same only for equal lengths.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def sees(query: Any, key: Any, n: int, m: int) -> Any:
    """Whether query number ``query`` of ``n`` looks at key number ``key`` of ``m``; numbers, arrays or tensors."""
    return key <= query + (m - n)


def seen(n: int, m: int, device: torch.device) -> Tensor:
    """The same as a table [N, M]."""
    return sees(torch.arange(n, device=device)[:, None], torch.arange(m, device=device), n, m)  # type: ignore[no-any-return]


def leaves_out(n: int, *, causal: bool) -> bool:
    """Whether direction hides anything: the last query, alone, sees every key."""
    return causal and n > 1
