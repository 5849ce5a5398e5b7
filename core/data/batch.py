"""Samples become a batch: pictures are stacked, pieces become Text, sentences stay a list.

Axes: B batch, L word pieces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.blocks.values import Text
from core.data.base import Pieces
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
    if isinstance(first, Tensor):
        other = next((value for value in values if value.shape != first.shape), None)
        if other is not None:
            raise refuse(
                f"Samples of one batch differ in shape: {tuple(first.shape)} and {tuple(other.shape)}.",
                node=key[0], port=key[1], hint="Put a resize step behind the source.",
            )  # fmt: skip
        return torch.stack(values)
    if isinstance(first, bool | int | float | np.number):
        return torch.tensor(values)
    return values


def _text(pieces: Sequence[Pieces], trim: bool) -> Text:
    ids_BL = torch.stack([piece.ids for piece in pieces])
    real_B1 = torch.tensor([piece.real for piece in pieces])[:, None]
    if trim:
        ids_BL = ids_BL[:, : int(real_B1.max())].contiguous()
    mask_BL = torch.arange(ids_BL.shape[1])[None] < real_B1
    return Text(ids_BL=ids_BL, mask_BL=mask_BL, vocabulary=pieces[0].vocabulary)


def flattened(batch: Batch) -> list[tuple[Any, str, Any]]:
    """A batch as plain arrays and lists, for the way between two processes; :func:`restored` is the inverse."""
    rows: list[tuple[Any, str, Any]] = []
    for key, value in batch.items():
        if isinstance(value, Text):
            rows.append((key, "text", (value.ids_BL.numpy(), value.mask_BL.numpy(), value.vocabulary)))
        elif isinstance(value, Tensor):
            rows.append((key, "tensor", value.numpy()))
        else:
            rows.append((key, "list", value))
    return rows


def restored(rows: Sequence[tuple[Any, str, Any]]) -> Batch:
    """What :func:`flattened` took apart."""
    batch: Batch = {}
    for key, form, value in rows:
        if form == "text":
            ids, mask, vocabulary = value
            batch[key] = Text(ids_BL=torch.from_numpy(ids), mask_BL=torch.from_numpy(mask), vocabulary=vocabulary)
        else:
            batch[key] = torch.from_numpy(value) if form == "tensor" else value
    return batch


def pinned(batch: Batch) -> Batch:
    """The batch in page-locked memory, from where a GPU copies without waiting."""
    found: Batch = {}
    for key, value in batch.items():
        if isinstance(value, Text):
            found[key] = Text(
                ids_BL=value.ids_BL.pin_memory(), mask_BL=value.mask_BL.pin_memory(), vocabulary=value.vocabulary
            )
        else:
            found[key] = value.pin_memory() if isinstance(value, Tensor) else value
    return found
