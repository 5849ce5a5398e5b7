"""Values that flow on wires with more than one tensor: text, sound, film, tokens, negatives.

Axes: B batch, L word pieces, N tokens, D width, K further keys, M candidates; S samples of a sound, F bands, T frames, C H W. All are pytrees, so they chunk, move and sit on meta as one value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from core.telemetry.events import ORIGINS as ORIGINS


@dataclass(frozen=True, kw_only=True)
class Grid:
    """What the tokens stand for: ``extra`` leading tokens (CLS, latents), then cells in row-major order.

    Kinds: ``patches`` (height, width), ``frames`` (time, height, width), ``bins`` (frequency, time), ``words`` (length),
    ``latents`` (length; stand for nothing in the input).
    """

    kind: str
    sizes: tuple[int, ...]
    extra: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For an AttentionMap event."""
        names = {"patches": ("height", "width"), "frames": ("time", "height", "width"), "bins": ("frequency", "time")}
        keys = names.get(self.kind, ("length",))
        return {"kind": self.kind, "extra": self.extra, **dict(zip(keys, self.sizes))}


@dataclass(frozen=True, kw_only=True)
class Text:
    """Word-piece numbers with their mask; ``vocabulary`` is how many numbers there can be."""

    ids_BL: Tensor
    mask_BL: Tensor  # True where a piece is real
    vocabulary: int


@dataclass(frozen=True, kw_only=True)
class Waveform:
    """Sound with its rate; behind a sample's length lies silence that is not its own."""

    samples_BS: Tensor
    lengths_B: Tensor  # int64: how many are real; 0 where there is no sound
    hertz: int


@dataclass(frozen=True, kw_only=True)
class Spectrogram:
    """Bands over time with the rate and the hop they are made at; frame t is centred on sample ``t * hop``.

    Lengths are told in samples of the sound: frames are too coarse to say where it ends.
    """

    x_BFT: Tensor
    lengths_B: Tensor  # int64: how many samples are real; 0 where there is no sound
    samples: int  # of the sound it is of, padding included
    hertz: int
    hop: int
    window: int  # samples that one frame sees

    def real_parts(self, count: int) -> Tensor:
        """Of ``count`` equal parts of its time, which hold any of the real sound, [B, count]."""
        real_B1 = -(-self.lengths_B[:, None] * count // max(self.samples, 1))
        return torch.arange(count, device=self.lengths_B.device) < real_B1


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Frames of a film, never without when each starts and how long it is shown."""

    x_BTCHW: Tensor
    starts_BT: Tensor  # float64, seconds of the film
    durations_BT: Tensor  # float64, seconds


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """A sequence of vectors; True in the mask where a token is real (None: all are)."""

    x_BND: Tensor
    mask_BN: Tensor | None = None
    modality: str = "any"
    grid: Grid | None = None
    cells_BN: Tensor | None = None  # which cell each token is, where some were dropped (patch dropout)

    def with_x(self, x_BND: Tensor, **changes: Any) -> Tokens:
        """The same tokens with other vectors."""
        return replace(self, x_BND=x_BND, **changes)

    def zeroed(self) -> Tokens:
        """The same with zeros for padding, where no gradient goes: whatever lies there, in a product a NaN would reach all."""
        if self.mask_BN is None:
            return self
        return self.with_x(torch.where(self.mask_BN[..., None], self.x_BND, 0.0))


@dataclass(frozen=True, kw_only=True)
class Negatives:
    """What a batch of pairs is contrasted with, both ways: candidates, how much each counts, where it comes from.

    Candidates of a left query are the batch's right sides, then ``right_KD``; M = B + K. A weight is the logarithm of
    how often the candidate counts: 0 once, -inf not at all. The positives' weight (the diagonal) is always 0.
    """

    left_KD: Tensor  # further keys that right queries meet; no gradient
    right_KD: Tensor  # further keys that left queries meet; no gradient
    weight_BM: Tensor
    back_BM: Tensor  # of right queries
    origin_BM: Tensor  # uint8, an index into core.telemetry.events.ORIGINS, of left queries' candidates


def _register(cls: type, tensors: tuple[str, ...]) -> None:
    rest = tuple(field.name for field in fields(cls) if field.name not in tensors)

    def flatten(value: Any) -> tuple[list[Any], Any]:
        return [getattr(value, name) for name in tensors], tuple(getattr(value, name) for name in rest)

    def unflatten(children: Any, context: Any) -> Any:
        return cls(**dict(zip(tensors, children)), **dict(zip(rest, context)))

    pytree.register_pytree_node(cls, flatten, unflatten, serialized_type_name=f"crossmodal.{cls.__name__}")


_register(Text, ("ids_BL", "mask_BL"))
_register(Waveform, ("samples_BS", "lengths_B"))
_register(Spectrogram, ("x_BFT", "lengths_B"))
_register(Frames, ("x_BTCHW", "starts_BT", "durations_BT"))
_register(Tokens, ("x_BND", "mask_BN", "cells_BN"))
_register(Negatives, ("left_KD", "right_KD", "weight_BM", "back_BM", "origin_BM"))

WireValue = Tensor | Text | Waveform | Spectrogram | Frames | Tokens | Negatives
_MAIN = {
    Text: "ids_BL",
    Waveform: "samples_BS",
    Spectrogram: "x_BFT",
    Frames: "x_BTCHW",
    Tokens: "x_BND",
    Negatives: "weight_BM",
}


def main_tensor(value: Any) -> Tensor | None:
    """The tensor whose shape a wire shows."""
    if isinstance(value, Tensor):
        return value
    name = _MAIN.get(type(value))
    return None if name is None else getattr(value, name)


def full(x: Tensor) -> Tensor:
    """In float32, or in float64 where it is that already: what losses and unit vectors are computed in."""
    return x if x.dtype == torch.float64 else x.float()


def map_tensors(function: Any, value: Any) -> Any:
    """Apply a function to every tensor inside a value."""
    return pytree.tree_map(lambda leaf: function(leaf) if isinstance(leaf, torch.Tensor) else leaf, value)


def joined(values: Sequence[Any]) -> Any:
    """Values of the same make, one batch after another: every tensor is put together along its first axis."""
    flat = [pytree.tree_flatten(value) for value in values]
    leaves = [
        torch.cat(list(column)) if isinstance(column[0], torch.Tensor) else column[0]
        for column in zip(*(leaves for leaves, _ in flat))
    ]
    return pytree.tree_unflatten(leaves, flat[0][1])
