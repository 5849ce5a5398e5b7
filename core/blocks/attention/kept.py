"""Keys and values kept while the same tokens are asked again with the same weights (as transformers' DynamicCache).

One entry, so it cannot grow. It is recognised by the identity and version counters of the tokens and of every parameter
that made them: an optimiser step, a loaded checkpoint or a change in place makes it stale. Never used under autograd.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


class KeptKeys:
    """The last keys and values."""

    def __init__(self) -> None:
        self._known: Any = None
        self._tokens: weakref.ref[Tensor] | None = None
        self._made: tuple[Tensor, Tensor] | None = None
        self.hits = 0

    def find(self, tokens: Tensor, weights: Iterable[Tensor]) -> tuple[Tensor, Tensor] | None:
        """What was kept for these very tokens and weights."""
        if not _usable(tokens) or self._tokens is None or self._tokens() is not tokens:
            return None
        if self._known != _mark(tokens, weights):
            return None
        self.hits += 1
        return self._made

    def keep(self, tokens: Tensor, weights: Iterable[Tensor], made: tuple[Tensor, Tensor]) -> None:
        """In place of what was there."""
        if _usable(tokens):
            self._known, self._tokens, self._made = _mark(tokens, weights), weakref.ref(tokens), made


def _usable(tokens: Tensor) -> bool:
    return not torch.is_grad_enabled() and not tokens.is_inference() and tokens.device.type != "meta"


def _mark(tokens: Tensor, weights: Iterable[Tensor]) -> Any:
    return tokens._version, tuple((weight.data_ptr(), weight._version) for weight in weights)
