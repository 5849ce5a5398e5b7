"""Taps of a tower's layers, and a learned mix of them: a softmax weight for each (ELMo, arXiv:1802.05365; SUPERB, arXiv:2105.01051).

Tap 0 is what goes into the first layer, the last one what the tower gives, behind its last norm. Axes: K taps, B batch, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class LayerMix(nn.Module):
    """The weighted mean of several taps; at the beginning all count alike."""

    def __init__(self, taps: int) -> None:
        super().__init__()
        self.weight_K = nn.Parameter(torch.zeros(taps))

    def shares(self) -> Tensor:
        """How much each tap counts [K]; their sum is one."""
        return self.weight_K.softmax(0)

    def forward(self, taps: Sequence[Tensor]) -> Tensor:
        """Taps [B, N, D] to one of their size."""
        mixed: Tensor = torch.einsum("k,kbnd->bnd", self.shares().to(taps[0].dtype), torch.stack(list(taps)))
        return mixed


@contextmanager
def into(layers: Iterable[nn.Module]) -> Iterator[list[Tensor]]:
    """What goes into each layer during the forward inside, in order."""
    found: list[Tensor] = []
    hooks = [layer.register_forward_pre_hook(lambda _, given: found.append(given[0])) for layer in layers]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
