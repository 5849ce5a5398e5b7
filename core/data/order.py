"""Which samples come together and when: groups of one epoch, a pure function of (seed, epoch) and of how large samples are.

A way of grouping is one file in ``batching/``; the recipe's choice, its form and its tests follow from the folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from core.catalog import Catalog
from core.problems import Problem

_ORDER = 0x6F726465  # keeps the shuffle's random numbers apart from the samples'
_BATCHES = 0x62617463  # and from those that shuffle batches
_SOME = 0x736F6D65  # and from those that choose some of a split


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How large a sample is to a tower: subwords, or patches; ``aspect`` is a picture's width over its height."""

    tokens: int
    aspect: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Group:
    """The samples of one batch; ``packs`` says which of them share a row of tokens, where some do."""

    indices: tuple[int, ...]
    packs: tuple[int, ...] | None = None


def evenly(indices: Sequence[int], count: int) -> list[int]:
    """So many of them in order, one from each of as many equal stretches; all where there are not so many.

    Neighbours are often alike, so the first of them would stand for one kind alone. Where in its stretch one lies is drawn by a fixed
    seed: of data that comes in turns (two views, three speakers) equal distances would always meet the same turn.
    """
    kept = min(count, len(indices))
    edges = [place * len(indices) // kept for place in range(kept + 1)] if kept else []
    draw = np.random.Generator(np.random.PCG64([len(indices), kept, _SOME]))
    return [indices[int(draw.integers(low, high))] for low, high in pairwise(edges)]


class Batching:
    """One way of grouping samples into batches."""

    key: ClassVar[str]
    title: ClassVar[str] = ""
    measures: ClassVar[bool] = False  # needs the samples' extents
    packs_rows: ClassVar[bool] = False  # samples share rows of tokens, also where a split is evaluated

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """No knobs."""

    def __init__(self, config: Any = None) -> None:
        self.config: Any = self.Config() if config is None else config

    def shuffled(
        self, indices: Sequence[int], extents: Sequence[Extent], batch_size: int, seed: int, epoch: int
    ) -> list[Group]:
        """One epoch of training. ``indices`` are in the epoch's order, ``extents`` beside them (empty: not measured)."""
        raise NotImplementedError

    def in_order(self, indices: Sequence[int], extents: Sequence[Extent], batch_size: int) -> list[Group]:
        """Every sample once, in order: how a split is evaluated."""
        return cut(indices, batch_size)

    def problem(self, count: int, batch_size: int) -> Problem | None:
        """Why ``count`` samples cannot be trained on; None where they can."""
        if count >= batch_size:
            return None
        return Problem(
            what=f"There are {count:,} samples, fewer than one batch of {batch_size:,}; an epoch would train nothing.",
            hint="Choose a smaller batch.",
        )


batchings: Catalog[Batching] = Catalog("core.data.batching", "way of batching")


def packs_rows(key: str) -> bool:
    """Whether samples share rows of tokens with this way of batching; no way of this name: they do not."""
    return key in batchings and batchings[key].packs_rows


def order(indices: Sequence[int], seed: int, epoch: int, training: bool) -> list[int]:
    """The epoch's order: shuffled when training, as given otherwise."""
    if not training:
        return [int(index) for index in indices]
    shuffle = np.random.Generator(np.random.PCG64([seed, epoch, _ORDER])).permutation(len(indices))
    return [int(indices[place]) for place in shuffle]


def cut(indices: Sequence[int], batch_size: int) -> list[Group]:
    """One batch after another; the last may be short."""
    return [Group(indices=tuple(indices[at : at + batch_size])) for at in range(0, len(indices), batch_size)]


def in_random_order(groups: Sequence[Group], seed: int, epoch: int) -> list[Group]:
    """Batches in an order of their own, so that what was sorted together does not follow upon itself."""
    shuffle = np.random.Generator(np.random.PCG64([seed, epoch, _BATCHES])).permutation(len(groups))
    return [groups[place] for place in shuffle]


@dataclass(frozen=True, kw_only=True)
class Share:
    """Which part of every batch a process has: ``rank`` counts from 0 to ``world`` - 1."""

    rank: int = 0
    world: int = 1


ALL = Share()


def share_of(group: Group, share: Share, pieces: int = 1) -> Group:
    """What a process has of a batch: its part of each of the pieces that the batch is run in.

    All of them, in order of ranks, are the batch; of several pieces, each piece is. Packs stay whole where there are enough.
    """
    if group.packs is not None:
        return _share_of_packs(group, group.packs, share)
    size = len(group.indices) // pieces
    part = size // share.world
    if part * share.world * pieces != len(group.indices):
        raise ValueError(f"{len(group.indices)} samples in {pieces} pieces cannot be shared by {share.world} processes")
    starts = [piece * size + share.rank * part for piece in range(pieces)]
    return Group(indices=tuple(index for start in starts for index in group.indices[start : start + part]))


def _share_of_packs(group: Group, packs: Sequence[int], share: Share) -> Group:
    """Packs behind one another; of fewer packs than processes, samples behind one another."""
    together = list(dict.fromkeys(packs))
    by_pack = len(together) >= share.world
    number = {pack: place for place, pack in enumerate(together)}
    places = [number[pack] for pack in packs] if by_pack else range(len(packs))
    count = len(together) if by_pack else len(packs)
    mine = [at for at, place in enumerate(places) if place * share.world // count == share.rank]
    if not mine:
        raise ValueError(f"{len(packs)} samples cannot be shared by {share.world} processes")
    return Group(indices=tuple(group.indices[at] for at in mine), packs=tuple(packs[at] for at in mine))


def none_without(groups: Sequence[Group], world: int) -> list[Group]:
    """Steps of which every process has a sample: one of fewer samples than processes is taken together with the one before."""
    found: list[Group] = []
    for group in groups:
        if found and (len(group.indices) < world or len(found[-1].indices) < world):
            group = _behind(found.pop(), group)
        found.append(group)
    return found


def _behind(first: Group, then: Group) -> Group:
    if first.packs is None or then.packs is None:
        return Group(indices=first.indices + then.indices)
    later = tuple(max(first.packs) + 1 + pack for pack in then.packs)
    return Group(indices=first.indices + then.indices, packs=first.packs + later)
