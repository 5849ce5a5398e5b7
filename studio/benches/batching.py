"""Batches that are not rectangles, beside the same samples padded: towers of text, pictures and audio, forward and backward.

Captions of 3 to 60 words (start and end beside them) through four layers: padded to the tokenizer's length, beside cut to the
longest of their batch and grouped by length. Pictures of 32 to 256 pixels a side (each side's logarithm is uniform) in patches of
16 through four layers: padded to the largest of their batch of 16, beside packed. Clips of 1 to 30 seconds (uniform) as log-mel
spectrograms of 128 bands and 100 frames a second, in patches of 16 by 16: likewise. One epoch of each in turn, the same samples, one torch thread,
processor time. Wanted: at most 0.6 of the padded form.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from core.blocks.encoders.navit import NaViT
from core.blocks.encoders.navit_audio import NaViTAudio
from core.blocks.encoders.text_transformer import TextTransformer
from core.blocks.packing import unpacked
from core.blocks.values import widest
from core.data.base import Patches, Pieces
from core.data.batch import collate
from core.data.batching.bucketed import Bucketed
from core.data.batching.fixed import Fixed
from core.data.batching.packed import Packed
from core.data.order import Batching, Extent, Group, order
from core.data.transforms.sizing import Limits, proportional
from studio.benches.figure import Figure

title = "Batches that are not rectangles"
SAMPLES, BATCH, LAYERS, ROUNDS, WARM = 2048, 64, 4, 3, 1
LENGTH, VOCABULARY, SHORTEST, LONGEST = 64, 2048, 3, 60  # subwords of a sentence; words of a caption
CLIPS, SECONDS, BANDS, FRAMES = 32, (1.0, 30.0), 128, 100  # clips, their lengths, mel bands, frames a second
SMALLEST, LARGEST, PATCH, MOST, BUDGET = 32, 256, 16, 256, 2048  # pixels a side; patches; tokens of a pack


def measure() -> list[Figure]:
    """Ratios of processor time, milliseconds an epoch, and how much of what is computed is real."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [*_text(), *_pictures(), *_clips()]
    finally:
        torch.set_num_threads(threads)


def _text() -> list[Figure]:
    generator = np.random.default_rng(0)
    real = [int(words) + 2 for words in generator.integers(SHORTEST, LONGEST + 1, SAMPLES)]
    ids = torch.from_numpy(generator.integers(4, VOCABULARY, (SAMPLES, LENGTH)))
    pieces = [Pieces(ids=row, real=length, vocabulary=VOCABULARY) for row, length in zip(ids, real)]
    extents = [Extent(tokens=length) for length in real]
    padded = [widest(value) for value in _values(pieces, _groups(Fixed(), extents))]
    bucketed = _values(pieces, _groups(Bucketed(), extents))
    torch.manual_seed(0)
    config = TextTransformer.Config(width=128, depth=LAYERS, heads=2, dropout=0.0)
    tower = TextTransformer(config, {"text": padded[0]})
    sizes = [value.ids_BL.numel() for value in bucketed]
    return _figures("text", "cut and bucketed", tower, "text", padded, bucketed, sum(real) / sum(sizes))


def _pictures() -> list[Figure]:
    generator = np.random.default_rng(0)
    sides = np.exp(generator.uniform(np.log(SMALLEST), np.log(LARGEST), (SAMPLES // 8, 2))).round()
    grids = [proportional(int(height), int(width), Limits(patch=PATCH, most=MOST)) for height, width in sides]
    pictures = [
        Patches(patches=torch.rand(rows * columns, 3 * PATCH**2), rows=rows, columns=columns, patch=PATCH, most=MOST)
        for rows, columns in grids
    ]
    extents = [Extent(tokens=rows * columns, aspect=columns / rows) for rows, columns in grids]
    padded = _values(pictures, _groups(Fixed(), extents, batch=BATCH // 4))
    groups = _groups(Packed(Packed.Config(budget=BUDGET)), extents)
    packed = _values(pictures, groups)
    torch.manual_seed(0)
    tower = NaViT(NaViT.Config(width=192, depth=LAYERS, heads=3), {"pictures": padded[0]})
    fill = sum(extent.tokens for extent in extents) / (BUDGET * len(groups))
    return _figures("images", "packed", tower, "pictures", padded, packed, fill)


def _clips() -> list[Figure]:
    generator = np.random.default_rng(0)
    columns = np.ceil(generator.uniform(*SECONDS, CLIPS) * FRAMES / PATCH).astype(int)
    rows = BANDS // PATCH
    clips = [
        Patches(
            patches=torch.rand(rows * int(number), PATCH**2),
            rows=rows,
            columns=int(number),
            patch=PATCH,
            most=rows * int(columns.max()),
        )
        for number in columns
    ]
    extents = [Extent(tokens=rows * int(number), aspect=float(number) / rows) for number in columns]
    padded = _values(clips, _groups(Fixed(), extents, batch=BATCH // 4))
    groups = _groups(Packed(Packed.Config(budget=BUDGET)), extents)
    packed = _values(clips, groups)
    torch.manual_seed(0)
    tower = NaViTAudio(NaViTAudio.Config(width=192, depth=LAYERS, heads=3), {"pictures": padded[0]})
    fill = sum(extent.tokens for extent in extents) / (BUDGET * len(groups))
    return _figures("audio clips", "packed", tower, "pictures", padded, packed, fill)


def _groups(way: Batching, extents: Sequence[Extent], batch: int = BATCH) -> list[Group]:
    ordered = order(range(len(extents)), 0, 0, True)
    return way.shuffled(ordered, [extents[index] for index in ordered], batch, 0, 0)


def _values(samples: Sequence[Any], groups: Sequence[Group]) -> list[Any]:
    key = ("source", "value")
    return [
        collate([{key: samples[index]} for index in group.indices], group.indices, packs=group.packs)[key]
        for group in groups
    ]


def _figures(
    what: str, how: str, tower: nn.Module, port: str, padded: list[Any], other: list[Any], fill: float
) -> list[Figure]:
    times: dict[str, list[float]] = {"padded": [], how: []}
    for _ in range(WARM + ROUNDS):
        for name, values in (("padded", padded), (how, other)):
            times[name].append(_epoch(tower, port, values))
    first, second = (1000 * statistics.median(row[WARM:]) for row in times.values())
    return [
        Figure(name=f"{what}: {how} / padded, processor time", value=second / first, most=0.6),
        Figure(name=f"{what}: padded", value=first, unit="ms"),
        Figure(name=f"{what}: {how}", value=second, unit="ms"),
        Figure(name=f"{what}: share of {how} that is real", value=fill),
    ]


def _epoch(tower: nn.Module, port: str, values: Sequence[Any]) -> float:
    began = time.process_time()
    for value in values:
        tower.zero_grad()
        tokens = unpacked(tower(**{port: value})["tokens"])  # as a block behind it takes them
        (tokens.x_BND * tokens.mask_BN[..., None]).sum().backward()
    return time.process_time() - began
