"""Samples become a batch: pictures are stacked, pieces, patches, sounds and films become values, sentences stay a list.

Axes: B batch, L word pieces, N patches, C numbers of a patch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from core.blocks.values import Frames, Pictures, Segments, Spectrogram, Text, Views, Waveform, map_tensors
from core.data.base import Patches, Pieces
from core.data.media import Bands, Film, Marks, Sides, Wave
from core.problems import refuse

Key = tuple[str, str]  # node, port
Batch = dict[Any, Any]  # Key -> value, and "indices" -> int64 [B]


def collate(
    samples: Sequence[Mapping[Key, Any]], indices: Sequence[int], *, packs: Sequence[int] | None = None
) -> Batch:
    """One batch by outgoing end, and ``indices``. Sentences and pictures of their own sizes are as long as the longest of the batch.

    ``packs``: which samples share a row of tokens. Raises Refused where samples differ in shape, naming the end and both shapes.
    """
    pack_B = None if packs is None else torch.tensor(packs, dtype=torch.int64)
    batch: Batch = {key: _joined(key, [sample[key] for sample in samples], pack_B) for key in samples[0]}
    batch["indices"] = torch.tensor(indices, dtype=torch.int64)
    return batch


def _joined(key: Key, values: list[Any], pack_B: Tensor | None) -> Any:
    first = values[0]
    if isinstance(first, Pieces):
        return _text(values, pack_B)
    if isinstance(first, Patches):
        return _pictures(values, pack_B)
    if isinstance(first, Wave | Bands | Film):
        return _media(key, values)
    if isinstance(first, Sides):
        views, real = ([getattr(one, name) for one in values] for name in ("views_VCHW", "real_V"))
        hint = "Give every object as many places for views."
        return Views(x_BVCHW=_stacked(key, views, hint), mask_BV=torch.stack(real))
    if isinstance(first, Marks):
        return _segments(values)
    if isinstance(first, Tensor):
        hint = "Put a resize step behind the source."
        return _stacked(key, values, hint)
    if isinstance(first, bool | int | float | np.number):
        return torch.tensor(values)
    return values


def _stacked(key: Key, values: Sequence[Tensor], hint: str) -> Tensor:
    first = values[0]
    other = next((value for value in values if value.shape != first.shape), None)
    if other is not None:
        raise refuse(
            f"Samples of one batch differ in shape: {tuple(first.shape)} and {tuple(other.shape)}.",
            node=key[0], port=key[1], hint=hint,
        )  # fmt: skip
    return torch.stack(list(values))


def _media(key: Key, values: Sequence[Any]) -> Any:
    """Waves, bands or films, all of one make."""
    if isinstance(values[0], Film):
        hint = "Put a resize step behind the source."
        starts, durations = ([getattr(one, name) for one in values] for name in ("starts", "durations"))
        frames = _stacked(key, [one.frames_TCHW for one in values], hint)
        return Frames(x_BTCHW=frames, starts_BT=_doubles(starts), durations_BT=_doubles(durations))
    rates = sorted({one.hertz for one in values})
    if len(rates) > 1:
        raise refuse(
            f"Sounds of one batch have different rates: {rates[0]:,} and {rates[-1]:,} Hz.", node=key[0], port=key[1],
            hint="Read all of them at one sample rate.",
        )  # fmt: skip
    return _sounds(key, values)


def _sounds(key: Key, values: Sequence[Any]) -> Waveform | Spectrogram:
    first, lengths_B = values[0], torch.tensor([one.real for one in values], dtype=torch.int64)
    hint = "Put Audio length behind the source."
    if isinstance(first, Wave):
        samples = _stacked(key, [one.samples_S for one in values], hint)
        return Waveform(samples_BS=samples, lengths_B=lengths_B, hertz=first.hertz)
    x_BFT = _stacked(key, [one.x_FT for one in values], hint)
    facts = {name: getattr(first, name) for name in ("samples", "hertz", "hop", "window")}
    return Spectrogram(x_BFT=x_BFT, lengths_B=lengths_B, **facts)


def _segments(values: Sequence[Marks]) -> Segments:
    most = max(1, *(len(one.spans) for one in values))
    times_BN2 = torch.zeros(len(values), most, 2, dtype=torch.float64)
    class_BN = torch.full((len(values), most), -1)
    for times_N2, class_N, one in zip(times_BN2, class_BN, values):
        for place, (span, code) in enumerate(zip(one.spans, one.classes)):
            times_N2[place], class_N[place] = torch.tensor([span.start, span.end], dtype=torch.float64), code
    return Segments(times_BN2=times_BN2, class_BN=class_BN)


def _doubles(rows: Sequence[Sequence[float]]) -> Tensor:
    return torch.tensor([list(row) for row in rows], dtype=torch.float64)


def _text(pieces: Sequence[Pieces], pack_B: Tensor | None) -> Text:
    real_B1 = torch.tensor([piece.real for piece in pieces])[:, None]
    longest = max(1, int(real_B1.max()))
    ids_BL = torch.stack([piece.ids[:longest] for piece in pieces])
    mask_BL = torch.arange(longest)[None] < real_B1
    return Text(ids_BL=ids_BL, mask_BL=mask_BL, vocabulary=pieces[0].vocabulary, most=len(pieces[0].ids), pack_B=pack_B)


def _pictures(pictures: Sequence[Patches], pack_B: Tensor | None) -> Pictures:
    longest = max(len(picture.patches) for picture in pictures)
    patches_BNC = torch.zeros(len(pictures), longest, pictures[0].patches.shape[1])
    for row_NC, picture in zip(patches_BNC, pictures):
        row_NC[: len(picture.patches)] = picture.patches
    size_B2 = torch.tensor([(picture.rows, picture.columns) for picture in pictures])
    return Pictures(
        patches_BNC=patches_BNC, size_B2=size_B2, patch=pictures[0].patch, most=pictures[0].most, pack_B=pack_B
    )


def flattened(batch: Batch) -> list[tuple[Any, str, Any]]:
    """A batch as arrays and lists, for the way between two processes; :func:`restored` is the inverse.

    Values keep their class, with arrays in place of their tensors.
    """
    return [
        (key, "list", value) if isinstance(value, list) else (key, "value", map_tensors(Tensor.numpy, value))
        for key, value in batch.items()
    ]


def restored(rows: Sequence[tuple[Any, str, Any]]) -> Batch:
    """What :func:`flattened` took apart."""
    return {key: value if form == "list" else pytree.tree_map(_tensor, value) for key, form, value in rows}


def _tensor(leaf: Any) -> Any:
    return torch.from_numpy(leaf) if isinstance(leaf, np.ndarray) else leaf


def pinned(batch: Batch) -> Batch:
    """The batch in page-locked memory, from where a GPU copies without waiting."""
    return {
        key: value if isinstance(value, list) else map_tensors(Tensor.pin_memory, value) for key, value in batch.items()
    }
