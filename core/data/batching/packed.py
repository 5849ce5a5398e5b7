"""A budget of tokens instead of a number of samples: many samples share one row of tokens (NaViT, arXiv:2307.06304).

First-fit decreasing within a window of shuffled samples (the largest first, each into the first pack with room), or best-fit
(into the pack it fills most). The emptiest packs of a window are opened again in the next one.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.data.order import Batching, Extent, Group, batchings, in_random_order
from core.knobs import knob
from core.problems import Problem, refuse

FIRST, BEST = "first fit", "best fit"
FULL = 0.98  # share of its budget from which a pack is not opened again


@dataclass
class Pack:
    """Places of samples that share a row, and the room that is left."""

    room: int
    places: list[int] = field(default_factory=list)


@batchings.register("packed")
class Packed(Batching):
    """As many samples as a budget of tokens holds, side by side without padding.

    Every sample is seen in every epoch; the last step may hold fewer packs.
    """

    title = "Packed"
    measures = True
    packs_rows = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """The budget and how it is filled."""

        budget: int = knob(
            4096, "Tokens of one pack: subwords, or patches of images. The batch size is not used.", low=16,
            high=1_048_576, unit="tokens", title="Token budget",
        )  # fmt: skip
        packs: int = knob(
            1, "Packs in one step; an objective compares the samples of all.", low=1, high=4096, unit="packs"
        )
        window: int = knob(
            1024, "Samples that are packed together: more fills better, fewer mix more.", low=2, high=1_000_000,
            unit="samples", title="Packing window",
        )  # fmt: skip
        fit: str = knob(
            FIRST,
            "First fit takes the first pack with room; best fit the one that is filled most.",
            choices=(FIRST, BEST),
        )

    def shuffled(
        self, indices: Sequence[int], extents: Sequence[Extent], batch_size: int, seed: int, epoch: int
    ) -> list[Group]:
        """Steps of ``packs`` packs each, the last of fewer."""
        lengths = self._lengths(extents)
        made: list[list[int]] = []
        left: list[int] = []
        for start in range(0, len(indices), self.config.window):
            stop = min(start + self.config.window, len(indices))
            packs = self._fitted([*left, *range(start, stop)], lengths)
            last = stop == len(indices)
            packs.sort(key=lambda pack: pack.room)
            kept = sum(last or pack.room <= (1 - FULL) * self.config.budget for pack in packs)
            kept = max(kept, len(packs) // 2, 1)  # the emptier half at most is opened again
            left = sorted(place for pack in packs[kept:] for place in pack.places)
            made += [pack.places for pack in packs[:kept]]
        packed = in_random_order(
            [Group(indices=tuple(indices[place] for place in places)) for places in made], seed, epoch
        )
        return [_step(packed[at : at + self.config.packs]) for at in range(0, len(packed), self.config.packs)]

    def in_order(self, indices: Sequence[int], extents: Sequence[Extent], batch_size: int) -> list[Group]:
        """A pack is full where the next sample does not fit; batches of at most ``batch_size`` samples, at least one pack."""
        lengths = self._lengths(extents)
        packs: list[Pack] = []
        for place, length in enumerate(lengths):
            if not packs or packs[-1].room < length or len(packs[-1].places) == batch_size:
                packs.append(Pack(room=self.config.budget))
            packs[-1].places.append(place)
            packs[-1].room -= length
        groups: list[list[Group]] = []
        for pack in packs:
            group = Group(indices=tuple(indices[place] for place in pack.places))
            if groups and sum(len(one.indices) for one in groups[-1]) + len(group.indices) <= batch_size:
                groups[-1].append(group)
            else:
                groups.append([group])
        return [_step(some) for some in groups]

    def problem(self, count: int, batch_size: int) -> Problem | None:
        """One sample is enough."""
        return super().problem(count, 1)

    def _lengths(self, extents: Sequence[Extent]) -> list[int]:
        largest = max((extent.tokens for extent in extents), default=0)
        if largest > self.config.budget:
            raise refuse(
                f"A sample has {largest:,} tokens, more than a pack's {self.config.budget:,}.",
                hint="Give packs a larger budget, or samples fewer tokens.",
            )  # fmt: skip
        return [extent.tokens for extent in extents]

    def _fitted(self, places: Sequence[int], lengths: Sequence[int]) -> list[Pack]:
        """The longest first; equals in the epoch's order."""
        longest_first = sorted(places, key=lambda place: -lengths[place])
        return (_first_fit if self.config.fit == FIRST else _best_fit)(longest_first, lengths, self.config.budget)


def _first_fit(places: Sequence[int], lengths: Sequence[int], budget: int) -> list[Pack]:
    """``[5, 4, 3, 2, 1]`` in packs of 6: ``[5, 1]``, ``[4, 2]``, ``[3]``."""
    packs: list[Pack] = []
    for place in places:
        pack = next((pack for pack in packs if pack.room >= lengths[place]), None)
        if pack is None:
            packs.append(pack := Pack(room=budget))
        pack.places.append(place)
        pack.room -= lengths[place]
    return packs


def _best_fit(places: Sequence[int], lengths: Sequence[int], budget: int) -> list[Pack]:
    """``[5, 4, 2, 1]`` in packs of 7: ``[5, 2]``, ``[4, 1]``."""
    packs: list[Pack] = []
    rooms: list[tuple[int, int]] = []  # room and number of the pack, ascending
    for place in places:
        at = bisect_left(rooms, (lengths[place], -1))
        number = rooms.pop(at)[1] if at < len(rooms) else len(packs)
        if number == len(packs):
            packs.append(Pack(room=budget))
        packs[number].places.append(place)
        packs[number].room -= lengths[place]
        insort(rooms, (packs[number].room, number))
    return packs


def _step(packs: Sequence[Group]) -> Group:
    return Group(
        indices=tuple(index for pack in packs for index in pack.indices),
        packs=tuple(number for number, pack in enumerate(packs) for _ in pack.indices),
    )
