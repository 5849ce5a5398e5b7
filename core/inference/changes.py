"""Counterfactuals of a batch: a modality dropped, swapped with another sample's, its parts shuffled or masked, or shifted in time.

What is dropped or masked becomes what held-out samples are on average, so that nothing of the sample is left of it. Every change is
drawn with a seed. Axes: B samples, R regions along an edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.values import Frames, Spectrogram, Text, Waveform, map_tensors
from core.graph.document import End
from core.problems import refuse

How = Literal["drop", "swap", "shuffle", "mask", "shift"]
HOWS: Mapping[How, str] = {
    "drop": "without it", "swap": "another sample's", "shuffle": "its parts shuffled", "mask": "a share masked",
    "shift": "shifted in time",
}  # fmt: skip
CELLS = (8, 6, 5, 4, 3, 2)  # along an image's edge, the first that divides it
CHUNKS = 16  # of a sound


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is done to one modality; ``amount``: the share masked, or seconds by which it comes later."""

    modality: str
    how: How
    amount: float = 0.5
    seed: int = 0


def modality_of(value: Any) -> str:
    """image, text, audio or video; empty of what is none of them."""
    if isinstance(value, Text):
        return "text"
    if isinstance(value, Frames):
        return "video"
    if isinstance(value, Waveform | Spectrogram):
        return "audio"
    return "image" if isinstance(value, Tensor) and value.ndim == 4 and value.shape[1] in (1, 3) else ""


def modalities_of(batch: Mapping[End, Any]) -> tuple[str, ...]:
    """What can be changed in a batch."""
    return tuple(dict.fromkeys(name for value in batch.values() if (name := modality_of(value))))


def possible(batch: Mapping[End, Any], modality: str) -> tuple[How, ...]:
    """How a modality can be changed: only what has time is shifted."""
    timed = modality in ("audio", "video")
    return tuple(how for how in HOWS if (how != "shift" or timed) and modality in modalities_of(batch))


def changed(
    batch: Mapping[End, Any], change: Change, typical: Mapping[End, Any], others: Mapping[End, Any] | None = None
) -> dict[End, Any]:
    """The batch with every value of the modality changed. ``typical``: held-out samples whose mean stands for nothing;
    ``others``: where another sample's comes from (the next ones of the batch where not given). Raises Refused."""
    if change.modality not in modalities_of(batch):
        raise refuse(f"These samples have no {change.modality} that can be changed.")
    return {
        end: _one(value, change, typical[end], None if others is None else others[end])
        if modality_of(value) == change.modality
        else value
        for end, value in batch.items()
    }


def _one(value: Any, change: Change, typical: Any, other: Any) -> Any:
    generator = torch.Generator().manual_seed(change.seed)
    if change.how == "swap":
        return other if other is not None else _rolled(value, generator)
    if change.how == "drop":
        return _masked(value, 1.0, typical, generator)
    if change.how == "mask":
        return _masked(value, change.amount, typical, generator)
    if change.how == "shift":
        return _shifted(value, change.amount)
    return _shuffled(value, generator)


def _rolled(value: Any, generator: torch.Generator) -> Any:
    """Every sample gets that of one at least a quarter of all away, for neighbours are often alike. Raises Refused of one alone."""
    found: list[int] = []
    map_tensors(lambda x: found.append(len(x)), value)
    if found[0] < 2:
        raise refuse("One sample alone has no other to swap with.")
    near = max(found[0] // 4, 1)
    by = int(torch.randint(near, found[0] - near + 1, (), generator=generator))
    return map_tensors(lambda x: x.roll(by, 0), value)


def _masked(value: Any, share: float, typical: Any, generator: torch.Generator) -> Any:
    if isinstance(value, Text):
        if share >= 1:  # nothing of the sentence, nor of its length
            mask = torch.zeros_like(value.mask_BL)
            mask[:, 0] = True
            ids = torch.zeros_like(value.ids_BL)
            ids[:, 0] = typical.ids_BL[0, 0]
            return replace(value, ids_BL=ids, mask_BL=mask)
        inner = _inner(value.mask_BL)
        gone = (torch.rand(inner.shape, generator=generator) < share).to(inner.device) & inner
        return replace(value, mask_BL=value.mask_BL & ~gone)
    if isinstance(value, Waveform):
        keep = _kept_times(len(value.samples_BS), value.samples_BS.shape[1], share, generator).to(
            value.samples_BS.device
        )
        return replace(value, samples_BS=value.samples_BS * keep)
    if isinstance(value, Spectrogram):
        keep = _kept_times(len(value.x_BFT), value.x_BFT.shape[2], share, generator).to(value.x_BFT.device)
        mean = typical.x_BFT.mean((0, 2), keepdim=True)
        return replace(value, x_BFT=torch.where(keep[:, None], value.x_BFT, mean))
    if isinstance(value, Frames):
        x, mean = value.in_unit_range(), typical.in_unit_range().mean((0, 1), keepdim=True)
        gone = torch.rand(x.shape[:2], generator=generator).to(x.device) < share
        return replace(value, x_BTCHW=torch.where(gone[:, :, None, None, None], mean, x))
    keep = _kept_cells(value, share, generator)
    return torch.where(keep[:, None], value, typical.mean(0, keepdim=True))


def _inner(mask_BL: Tensor) -> Tensor:
    """Real places without the first and the last, which are signs."""
    place_L = torch.arange(mask_BL.shape[1], device=mask_BL.device)
    last_B1 = mask_BL.sum(1, keepdim=True) - 1
    return mask_BL & (place_L > 0) & (place_L < last_B1)


def _cells(value: Tensor) -> int:
    return next((count for count in CELLS if not (value.shape[2] % count or value.shape[3] % count)), 1)


def _kept_cells(value: Tensor, share: float, generator: torch.Generator) -> Tensor:
    count = _cells(value)
    order_BR = torch.rand(len(value), count * count, generator=generator).argsort(1).argsort(1)
    keep = (order_BR >= round(share * count * count)).reshape(len(value), 1, count, count).float().to(value.device)
    return F.interpolate(keep, value.shape[2:], mode="nearest")[:, 0] > 0.5


def _kept_times(rows: int, length: int, share: float, generator: torch.Generator) -> Tensor:
    order_BR = torch.rand(rows, CHUNKS, generator=generator).argsort(1).argsort(1)
    keep = (order_BR >= round(share * CHUNKS)).float()[:, None]
    return F.interpolate(keep, length, mode="nearest")[:, 0] > 0.5


def _shuffled(value: Any, generator: torch.Generator) -> Any:
    """Words, cells, chunks of time or frames in another order, each sample in its own."""
    if isinstance(value, Text):
        ids = value.ids_BL.clone()
        for row, inner in enumerate(_inner(value.mask_BL)):
            places = inner.nonzero()[:, 0]
            order = torch.randperm(len(places), generator=generator).to(places.device)
            ids[row, places] = ids[row, places[order]]
        return replace(value, ids_BL=ids)
    if isinstance(value, Waveform):
        return replace(value, samples_BS=_chunks_shuffled(value.samples_BS, generator))
    if isinstance(value, Spectrogram):
        return replace(value, x_BFT=_chunks_shuffled(value.x_BFT, generator))
    if isinstance(value, Frames):
        order_BT = torch.rand(value.x_BTCHW.shape[:2], generator=generator).argsort(1).to(value.x_BTCHW.device)
        return replace(value, x_BTCHW=value.x_BTCHW[torch.arange(len(order_BT))[:, None], order_BT])
    count = _cells(value)
    high, wide = value.shape[2] // count, value.shape[3] // count
    cells = F.unfold(value, (high, wide), stride=(high, wide))  # [B, C high wide, R R]
    order_BR = torch.rand(len(value), count * count, generator=generator).argsort(1).to(value.device)
    mixed = cells.gather(2, order_BR[:, None].expand_as(cells))
    return F.fold(mixed, value.shape[2:], (high, wide), stride=(high, wide))


def _chunks_shuffled(x: Tensor, generator: torch.Generator) -> Tensor:
    """Equal parts of the last axis in another order; what is left over stays."""
    size = x.shape[-1] // CHUNKS
    if not size:
        return x
    parts = x[..., : size * CHUNKS].unflatten(-1, (CHUNKS, size))
    rows = [part[..., torch.randperm(CHUNKS, generator=generator).to(x.device), :] for part in parts]
    return torch.cat([torch.stack(rows).flatten(-2), x[..., size * CHUNKS :]], -1)


def _shifted(value: Any, seconds: float) -> Any:
    """Later by so many seconds, earlier below 0: silence, or the first or last frame, where nothing is. Raises Refused of what has no time."""
    if isinstance(value, Waveform):
        return replace(value, samples_BS=_moved(value.samples_BS, round(seconds * value.hertz), 0.0))
    if isinstance(value, Spectrogram):
        low = value.x_BFT.amin((1, 2), keepdim=True)
        return replace(value, x_BFT=_moved(value.x_BFT - low, round(seconds * value.hertz / value.hop), 0.0) + low)
    if isinstance(value, Frames):
        by = round(seconds / max(float(value.durations_BT.median()), 1e-6))
        count = value.x_BTCHW.shape[1]
        place = (torch.arange(count, device=value.x_BTCHW.device) - by).clamp(0, count - 1)
        return replace(value, x_BTCHW=value.x_BTCHW[:, place])
    raise refuse("Only audio and video can be shifted in time.")


def _moved(x: Tensor, by: int, fill: float) -> Tensor:
    made = torch.full_like(x, fill)
    length = x.shape[-1]
    if abs(by) < length:
        if by >= 0:
            made[..., by:] = x[..., : length - by]
        else:
            made[..., : length + by] = x[..., -by:]
    return made
