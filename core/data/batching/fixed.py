"""As many samples in every batch, whatever their sizes: each is padded to the largest of its batch."""

from __future__ import annotations

from collections.abc import Sequence

from core.data.order import Batching, Extent, Group, batchings, cut


@batchings.register("fixed")
class Fixed(Batching):
    """As many samples in every batch, drawn at random; each is padded to the largest of its batch.

    The epoch's last samples that fill no batch wait for the next epoch.
    """

    title = "Fixed"

    def shuffled(
        self, indices: Sequence[int], extents: Sequence[Extent], batch_size: int, seed: int, epoch: int
    ) -> list[Group]:
        """Whole batches in the epoch's order."""
        return cut(indices[: len(indices) // batch_size * batch_size], batch_size)
