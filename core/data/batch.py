"""Samples become a batch: pictures are stacked, pieces, sounds and films become values, sentences stay a list.

Axes: B batch, L word pieces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from core.blocks.values import Frames, Spectrogram, Text, Waveform, map_tensors
from core.data.base import Pieces
from core.data.media import Bands, Film, Wave
from core.problems import refuse

Key = tuple[str, str]  # node, port
Batch = dict[Any, Any]  # Key -> value, and "indices" -> int64 [B]


def collate(samples: Sequence[Mapping[Key, Any]], indices: Sequence[int], *, trim: bool = False) -> Batch:
    """One batch by outgoing end, and ``indices``. ``trim`` cuts text to the longest sentence of the batch.

    Raises Refused where samples differ in shape, naming the end and both shapes.
    """
    batch: Batch = {key: _joined(key, [sample[key] for sample in samples], trim) for key in samples[0]}
    batch["indices"] = torch.tensor(indices, dtype=torch.int64)
    return batch


def _joined(key: Key, values: list[Any], trim: bool) -> Any:
    first = values[0]
    if isinstance(first, Pieces):
        return _text(values, trim)
    if isinstance(first, Wave | Bands | Film):
        return _media(key, values)
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


def _doubles(rows: Sequence[Sequence[float]]) -> Tensor:
    return torch.tensor([list(row) for row in rows], dtype=torch.float64)


def _text(pieces: Sequence[Pieces], trim: bool) -> Text:
    ids_BL = torch.stack([piece.ids for piece in pieces])
    real_B1 = torch.tensor([piece.real for piece in pieces])[:, None]
    if trim:
        ids_BL = ids_BL[:, : int(real_B1.max())].contiguous()
    mask_BL = torch.arange(ids_BL.shape[1])[None] < real_B1
    return Text(ids_BL=ids_BL, mask_BL=mask_BL, vocabulary=pieces[0].vocabulary)


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
