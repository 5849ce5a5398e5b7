"""Near lengths, or near shapes, in one batch, so that little is padded (as torchvision's GroupedBatchSampler does for shapes).

Within a window of shuffled samples they are sorted and cut into batches; batches come in a random order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.data.order import Batching, Extent, Group, batchings, cut, in_random_order
from core.knobs import knob

LENGTH, ASPECT = "length", "aspect ratio"


@batchings.register("bucketed")
class Bucketed(Batching):
    """As many samples in every batch, of near lengths or shapes, so that little is padded.

    The epoch's last samples that fill no batch wait for the next epoch.
    """

    title = "Bucketed"
    measures = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """What is near, and how far is looked."""

        by: str = knob(
            LENGTH, "Length: subwords, or patches of an image. Aspect ratio: width over height, then patches.",
            choices=(LENGTH, ASPECT), title="Near in",
        )  # fmt: skip
        window: int = knob(
            32, "Batches whose samples are sorted together: more pads less, fewer mix more.", low=1, high=100_000,
            unit="batches", title="Sorting window",
        )  # fmt: skip

    def shuffled(
        self, indices: Sequence[int], extents: Sequence[Extent], batch_size: int, seed: int, epoch: int
    ) -> list[Group]:
        """Whole batches; a sample's place among equals is that of the epoch's order."""
        whole = len(indices) // batch_size * batch_size
        size = self.config.window * batch_size
        groups: list[Group] = []
        for start in range(0, whole, size):
            places = sorted(range(start, min(start + size, whole)), key=lambda place: self._near(extents[place]))
            groups += cut([indices[place] for place in places], batch_size)
        return in_random_order(groups, seed, epoch)

    def _near(self, extent: Extent) -> tuple[float, float]:
        if self.config.by == LENGTH:
            return extent.tokens, math.log(extent.aspect)
        return math.log(extent.aspect), extent.tokens
