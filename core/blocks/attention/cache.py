"""Keys and values of what was read so far, so that a causal model reads each word once (as transformers' StaticCache).

A value owned by whoever writes: every step gives a new one, nothing hides in a module. A token's place is its own number among the
real tokens of its row, so padding on either side takes no room and every row may be of another length.

Axes: B batch, G heads of keys, C places, N new tokens, E width of a head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.blocks.values import Tokens, map_tensors

KeysValues = tuple[
    Tensor, Tensor
]  # [B, G, C + 1, E] each: what is no token goes to the last place, which nobody looks at


class LayerCache:
    """One layer's keys and values during one call; :meth:`put` lays new ones among them."""

    def __init__(self, filled: KeysValues, place_BN: Tensor) -> None:
        self.filled = filled
        self._place_BN = torch.where(place_BN < 0, filled[0].shape[2] - 1, place_BN)

    def put(self, k_BGNE: Tensor, v_BGNE: Tensor) -> KeysValues:
        """All keys and values, the new ones in their places."""
        place = self._place_BN[:, None, :, None].expand_as(k_BGNE)
        old_k, old_v = self.filled
        self.filled = old_k.scatter(2, place, k_BGNE), old_v.scatter(2, place, v_BGNE)
        return self.filled


@dataclass(frozen=True, kw_only=True)
class Cache:
    """Every layer's keys (turned to their place) and values, and how many places of each row are taken."""

    layers: tuple[KeysValues, ...]
    lengths_B: Tensor
    seen: Tokens | None = None  # what every word looks at beside the words

    @classmethod
    def empty(cls, layers: int, rows: int, capacity: int, key_heads: int, head: int, like: Tensor) -> Cache:
        """Room for ``capacity`` tokens a row, of the type and on the device of ``like``."""
        shape = rows, key_heads, capacity + 1, head
        return cls(
            layers=tuple((like.new_zeros(shape), like.new_zeros(shape)) for _ in range(layers)),
            lengths_B=torch.zeros(rows, dtype=torch.int64, device=like.device),
        )

    @property
    def capacity(self) -> int:
        """Tokens that a row has room for."""
        return self.layers[0][0].shape[2] - 1

    def places(self, real_BN: Tensor) -> Tensor:
        """The places of new tokens [B, N], -1 for padding. Raises ValueError where a row has no room for its own."""
        place_BN = torch.where(real_BN, self.lengths_B[:, None] + real_BN.cumsum(1) - 1, -1)
        if place_BN.device.type != "meta" and int(place_BN.max()) >= self.capacity:
            raise ValueError(
                f"The cache has room for {self.capacity} tokens a row; {int(place_BN.max()) + 1} are there."
            )
        return place_BN

    def opened(self, place_BN: Tensor) -> list[LayerCache]:
        """Each layer's part, for one call."""
        return [LayerCache(filled, place_BN) for filled in self.layers]

    def closed(self, layers: Sequence[LayerCache], real_BN: Tensor) -> Cache:
        """After the call: what the layers hold now."""
        return replace(self, layers=tuple(layer.filled for layer in layers), lengths_B=self.lengths_B + real_BN.sum(1))

    def rows(self, chosen_B: Tensor) -> Cache:
        """Some rows, in some order, any of them several times: beams."""
        layers = tuple((k.index_select(0, chosen_B), v.index_select(0, chosen_B)) for k, v in self.layers)
        seen = map_tensors(lambda x: x.index_select(0, chosen_B) if x.ndim else x, self.seen)
        return Cache(layers=layers, lengths_B=self.lengths_B[chosen_B], seen=seen)
