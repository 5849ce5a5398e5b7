"""Values that flow on wires with more than one tensor: text, pictures of their own sizes, sound, its segments, film, tokens, codes, negatives.

Axes: B batch, L word pieces, N tokens or patches, V views of one object, C numbers of a patch, D width, K further keys, M candidates; S samples of a
sound, F bands, T frames, C H W of an image. All are pytrees, so they chunk, move and sit on meta as one value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils import _pytree as pytree

from core.telemetry.events import ORIGINS as ORIGINS


@dataclass(frozen=True, kw_only=True)
class Grid:
    """What the tokens stand for: ``extra`` leading tokens (CLS, latents), then cells in row-major order.

    Kinds: ``patches`` (height, width), ``frames`` (time, height, width), ``bins`` (frequency, time), ``times`` (time), ``words``
    (length), ``latents`` (length; stand for nothing in the input). Of sound, time n of ``bins`` and ``times`` is centred on
    ``first + n * step`` seconds; a step of 0 says nothing of seconds.
    """

    kind: str
    sizes: tuple[int, ...]
    extra: int = 0
    first: float = 0.0  # seconds
    step: float = 0.0  # seconds

    def as_dict(self) -> dict[str, Any]:
        """For an AttentionMap event."""
        names = {
            "patches": ("height", "width"), "frames": ("time", "height", "width"), "bins": ("frequency", "time"), "times": ("time",),
        }  # fmt: skip
        keys = names.get(self.kind, ("length",))
        seconds = {"first": self.first, "step": self.step} if self.step else {}
        return {"kind": self.kind, "extra": self.extra, **dict(zip(keys, self.sizes)), **seconds}


@dataclass(frozen=True, kw_only=True)
class Text:
    """Word-piece numbers with their mask; ``vocabulary`` is how many numbers there can be, ``most`` how many pieces.

    A batch is as wide as its longest sentence. ``pack_B``: sentences of one number share a row of tokens.
    """

    ids_BL: Tensor
    mask_BL: Tensor  # True where a piece is real
    vocabulary: int
    most: int = 0  # pieces of the longest sentence there can be; 0: as many as the ids are wide
    pack_B: Tensor | None = None

    @property
    def positions(self) -> int:
        """How many positions a tower must know."""
        return self.most or self.ids_BL.shape[1]


@dataclass(frozen=True, kw_only=True)
class AnySize:
    """What stands for a batch of pictures whose sizes differ, before anything is read; samples are tensors [3, H, W]."""

    channels: int = 3


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Pictures of their own sizes, each cut into square patches in row-major order (NaViT, arXiv:2307.06304).

    ``pack_B``: pictures of one number share a row of tokens.
    """

    patches_BNC: Tensor  # a patch is its channels, rows and columns; zeros behind a picture's own
    size_B2: Tensor  # rows and columns of each picture, in patches
    patch: int  # edge of a patch in pixels
    most: int  # patches of the largest picture there can be
    pack_B: Tensor | None = None

    @property
    def mask_BN(self) -> Tensor:
        """True where a patch is real."""
        place_N = torch.arange(self.patches_BNC.shape[1], device=self.size_B2.device)
        return place_N < self.size_B2.prod(1)[:, None]

    @property
    def place_BN2(self) -> Tensor:
        """Row and column of every patch in its own picture; -1 where there is none."""
        place_N = torch.arange(self.patches_BNC.shape[1], device=self.size_B2.device)
        across_B1 = self.size_B2[:, 1:]
        cells = torch.stack([place_N // across_B1, place_N % across_B1], -1)
        return torch.where(self.mask_BN[..., None], cells, -1)


@dataclass(frozen=True, kw_only=True)
class Views:
    """Several images of one object, in no order; zeros where there is none."""

    x_BVCHW: Tensor
    mask_BV: Tensor  # True where there is an image


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

    @property
    def frames_B(self) -> Tensor:
        """How many of its first frames are centred on real sound, its very end included: all where nothing is padded."""
        return torch.where(self.lengths_B > 0, self.lengths_B // self.hop + 1, 0)

    def real_parts(self, count: int) -> Tensor:
        """Of ``count`` equal parts of its time, which hold any of the real sound, [B, count]."""
        real_B1 = -(-self.lengths_B[:, None] * count // max(self.samples, 1))
        return torch.arange(count, device=self.lengths_B.device) < real_B1


@dataclass(frozen=True, kw_only=True)
class Segments:
    """Spans of time with a class each, half open; behind a sample's own lie empty ones of class -1."""

    times_BN2: Tensor  # float64, seconds: start, end
    class_BN: Tensor  # int64; -1: none

    @property
    def mask_BN(self) -> Tensor:
        """True where there is a span."""
        return self.class_BN >= 0


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Frames of a film, never without when each starts and how long it is shown."""

    x_BTCHW: Tensor
    starts_BT: Tensor  # float64, seconds of the film
    durations_BT: Tensor  # float64, seconds

    def in_unit_range(self) -> Tensor:
        """The frames as floating numbers in [0, 1]; bytes are what readers give."""
        return self.x_BTCHW if self.x_BTCHW.is_floating_point() else self.x_BTCHW.float() / 255

    def part(self, first: int, end: int) -> Frames:
        """The frames from one to before another."""
        return Frames(
            x_BTCHW=self.x_BTCHW[:, first:end], starts_BT=self.starts_BT[:, first:end], durations_BT=self.durations_BT[:, first:end]
        )  # fmt: skip

    def spans(self, together: int = 1) -> Tensor:
        """From when to when every frame is shown, or every so many ``together``, seconds [B, T, 2]."""
        start_BT, end_BT = self.starts_BT, self.starts_BT + self.durations_BT
        return torch.stack([start_BT[:, ::together], end_BT[:, together - 1 :: together]], -1)


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """A sequence of vectors; True in the mask where a token is real (None: all are)."""

    x_BND: Tensor
    mask_BN: Tensor | None = None
    modality: str = "any"
    grid: Grid | None = None
    cells_BN: Tensor | None = None  # which cell each token is, where some were dropped (patch dropout)
    place_BN2: Tensor | None = None  # row and column in its own picture, where sizes differ; -1: CLS, or none
    document_BN: Tensor | None = None  # which document a token is of, where rows hold several: 1, 2 ...; 0: none
    documents: int = 0  # how many there are, where rows hold several
    spans_BT2: Tensor | None = None  # of a film: float64, seconds from when to when each frame of time is shown
    size_BN: Tensor | None = None  # how many tokens each stands for, where some were merged; 0: padding
    into_BM: Tensor | None = None  # of every token before merging: where it is now; -1: it was padding
    before: Grid | None = None  # what the tokens stood for before merging

    def with_x(self, x_BND: Tensor, **changes: Any) -> Tokens:
        """The same tokens with other vectors."""
        return replace(self, x_BND=x_BND, **changes)

    def zeroed(self) -> Tokens:
        """The same with zeros for padding, where no gradient goes: whatever lies there, in a product a NaN would reach all."""
        real_BN = self.mask_BN
        if self.document_BN is not None:
            in_one_BN = self.document_BN > 0
            real_BN = in_one_BN if real_BN is None else real_BN & in_one_BN
        return self if real_BN is None else self.with_x(torch.where(real_BN[..., None], self.x_BND, 0.0))

    def unmerged(self) -> Tokens:
        """Where tokens were merged: as many as before, each the one that it is part of; else the same."""
        if self.into_BM is None:
            return self
        place_BM = self.into_BM.clamp_min(0)
        x_BMD = self.x_BND.gather(1, place_BM[..., None].expand(-1, -1, self.x_BND.shape[-1]))
        real_BM = self.into_BM >= 0
        changes = {"size_BN": None, "into_BM": None, "before": None, "grid": self.before, "mask_BN": real_BM}
        return replace(self, x_BND=torch.where(real_BM[..., None], x_BMD, 0.0), **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Codes:
    """Numbers of code-book entries, with how many there are; what follows on them need not see the code book.

    Where a place has several (residual levels, a coarse and a fine map) every book has numbers of its own, one after another:
    ``books`` are their sizes, and ``vocabulary`` is the sum. ``grid`` is that of the finest map; N is a multiple of its cells,
    or all coarse codes and then all fine ones.
    """

    ids_BN: Tensor  # int64, 0 to vocabulary - 1; 0 where there is no token
    books: tuple[int, ...]
    mask_BN: Tensor | None = None  # True where a code is real; None: all are
    grid: Grid | None = None

    @property
    def vocabulary(self) -> int:
        """How many numbers there can be."""
        return sum(self.books)


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


@dataclass(frozen=True, kw_only=True)
class Denoising:
    """What was predicted of noisy images beside what is right, and at which levels."""

    prediction_BCHW: Tensor
    target_BCHW: Tensor
    cost_B: Tensor  # what a squared error of the prediction is in squared error of the image
    ratio_B: Tensor  # signal to noise
    time_B: Tensor  # 0 is the image, 1 is noise


def _register(cls: type, tensors: tuple[str, ...]) -> None:
    rest = tuple(field.name for field in fields(cls) if field.name not in tensors)

    def flatten(value: Any) -> tuple[list[Any], Any]:
        return [getattr(value, name) for name in tensors], tuple(getattr(value, name) for name in rest)

    def unflatten(children: Any, context: Any) -> Any:
        return cls(**dict(zip(tensors, children)), **dict(zip(rest, context)))

    pytree.register_pytree_node(cls, flatten, unflatten, serialized_type_name=f"crossmodal.{cls.__name__}")


_register(Text, ("ids_BL", "mask_BL", "pack_B"))
_register(Pictures, ("patches_BNC", "size_B2", "pack_B"))
_register(Views, ("x_BVCHW", "mask_BV"))
_register(Waveform, ("samples_BS", "lengths_B"))
_register(Spectrogram, ("x_BFT", "lengths_B"))
_register(Segments, ("times_BN2", "class_BN"))
_register(Frames, ("x_BTCHW", "starts_BT", "durations_BT"))
_register(Tokens, ("x_BND", "mask_BN", "cells_BN", "place_BN2", "document_BN", "spans_BT2", "size_BN", "into_BM"))
_register(Codes, ("ids_BN", "mask_BN"))
_register(Negatives, ("left_KD", "right_KD", "weight_BM", "back_BM", "origin_BM"))

_register(Denoising, ("prediction_BCHW", "target_BCHW", "cost_B", "ratio_B", "time_B"))

WireValue = (
    Tensor
    | Text
    | Pictures
    | Views
    | Waveform
    | Spectrogram
    | Segments
    | Frames
    | Tokens
    | Codes
    | Negatives
    | Denoising
)
_MAIN = {
    Text: "ids_BL",
    Pictures: "patches_BNC",
    Views: "x_BVCHW",
    Waveform: "samples_BS",
    Spectrogram: "x_BFT",
    Segments: "class_BN",
    Frames: "x_BTCHW",
    Tokens: "x_BND",
    Codes: "ids_BN",
    Negatives: "weight_BM",
    Denoising: "prediction_BCHW",
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
    """Values of the same make, one batch after another: every tensor is put together along its first axis.

    Batches of sentences or pictures are as wide as their largest; all become as wide as the widest.
    """
    if isinstance(values[0], Tokens | Text | Pictures | Segments):
        values = _of_one_width(values)
    flat = [pytree.tree_flatten(value) for value in values]
    leaves = [
        torch.cat(list(column)) if isinstance(column[0], torch.Tensor) else column[0]
        for column in zip(*(leaves for leaves, _ in flat))
    ]
    return pytree.tree_unflatten(leaves, flat[0][1])


_WIDE = {  # field -> how many axes come behind tokens, and what padding is
    "x_BND": (1, 0), "mask_BN": (0, False), "cells_BN": (0, 0), "place_BN2": (1, -1), "ids_BL": (0, 0), "mask_BL": (0, False),
    "patches_BNC": (1, 0), "times_BN2": (1, 0), "class_BN": (0, -1), "size_BN": (0, 0),
}  # fmt: skip


def _of_one_width(values: Sequence[Any]) -> list[Any]:
    widths = [tensor.shape[1] for value in values if (tensor := main_tensor(value)) is not None]
    if len(set(widths)) == 1:
        return list(values)
    return _of_as_many_before([widened(value, max(widths)) for value in values])


def _of_as_many_before(values: Sequence[Any]) -> list[Any]:
    """Merged tokens as if there had been as many before in every batch."""
    counts = [0 if getattr(value, "into_BM", None) is None else value.into_BM.shape[1] for value in values]
    if not all(counts):
        return list(values)
    return [
        replace(value, into_BM=F.pad(value.into_BM, (0, max(counts) - count), value=-1))
        for value, count in zip(values, counts)
    ]


def widened(value: Any, width: int) -> Any:
    """Tokens, text or pictures padded to ``width``, and masked there; tokens without a mask get one."""
    tensor = main_tensor(value)
    assert tensor is not None
    own = tensor.shape[1]
    if isinstance(value, Tokens):
        real = value.x_BND.new_ones(value.x_BND.shape[:2], dtype=torch.bool)
        grid = (
            replace(value.grid, sizes=(width - value.grid.extra,))
            if value.grid is not None and value.grid.kind == "words"
            else value.grid
        )
        value = replace(value, mask_BN=real if value.mask_BN is None else value.mask_BN, grid=grid)
    tensors = {f.name: x for f in fields(value) if f.name in _WIDE and isinstance(x := getattr(value, f.name), Tensor)}
    return replace(value, **{
        name: F.pad(x, (0, 0) * _WIDE[name][0] + (0, width - own), value=_WIDE[name][1]) for name, x in tensors.items()
    })  # fmt: skip


def widest(value: Any) -> Any:
    """Text and pictures as wide as they can become, to build a tower from; any other value as it is."""
    if isinstance(value, Text):
        return widened(value, value.positions)
    return widened(value, value.most) if isinstance(value, Pictures) else value
