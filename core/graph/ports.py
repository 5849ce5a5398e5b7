"""What flows on a wire: a port says kind, modality and axes.

Axes letters: B batch, C channels, H height, W width, T time or frames, S audio samples, F frequency bins, L words or
word pieces, N tokens, D width, K classes, G levels of a taxonomy,
M candidates, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KINDS: Final[dict[str, str]] = {
    "image": "B C H W",
    "pictures": "B N C",  # pictures of their own sizes, cut into patches
    "views": "B V C H W",  # several images of one object, in no order
    "waveform": "B S",
    "spectrogram": "B F T",
    "video": "B T C H W",
    "clip": "B",  # a film still in its file: its frames are chosen and decoded behind the source
    "sentence": "B",  # raw text, one string a sample
    "text": "B L",  # word-piece numbers with their mask
    "tokens": "B N D",
    "embedding": "B D",
    "codes": "B N",
    "logits": "B K",
    "predictions": "B L V",  # what each word piece says comes next
    "segments": "B N",  # spans of time with a class each
    "number": "B",
    "labels": "B G",  # codes of nested classes, coarse to fine
    "negatives": "B M",  # what each pair is contrasted with
    "denoising": "B C H W",  # what was predicted of noisy images, beside what is right
    "boxes": "B N 4",  # left, top, right, bottom as shares of the picture
    "loss": "",
}

MODALITIES: Final[tuple[str, ...]] = ("image", "text", "audio", "video", "shared", "loss", "any")

_MODALITY_OF_KIND = {
    "image": "image", "pictures": "image", "views": "image", "sentence": "text", "text": "text", "predictions": "text", "waveform": "audio", "spectrogram": "audio",
    "video": "video", "clip": "video", "boxes": "image", "denoising": "image", "loss": "loss",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Port:
    """One way in or out of a block."""

    name: str
    kind: str
    axes: str
    help: str = ""
    modality: str = "any"
    optional: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"port {self.name!r} has kind {self.kind!r}; known kinds: {', '.join(KINDS)}")
        if self.modality not in MODALITIES:
            raise ValueError(f"port {self.name!r} has modality {self.modality!r}; known: {', '.join(MODALITIES)}")


def port(kind: str, help: str = "", *, axes: str = "", modality: str = "", optional: bool = False) -> Port:
    """A port before it has a name; :class:`core.blocks.block.Block` names it after its key in takes or gives."""
    return Port(
        name="",
        kind=kind,
        axes=axes or KINDS[kind],
        help=help,
        modality=modality or _MODALITY_OF_KIND.get(kind, "any"),
        optional=optional,
    )


def mismatch(source: Port, target: Port) -> str:
    """Why a wire from ``source`` to ``target`` cannot be, naming the axis that differs; empty where it can."""
    if source.kind == target.kind:
        return ""
    have, want = source.axes.split(), target.axes.split()
    extra, lacking = ", ".join(a for a in have if a not in want), ", ".join(a for a in want if a not in have)
    one, other = source.name, target.name
    detail = "their axes agree but their meaning differs"
    if extra and lacking:
        detail = (
            f"{one} has axis {extra} that {other} does not take; {other} needs axis {lacking} that {one} does not have"
        )
    elif extra:
        detail = f"{one} has axis {extra} that {other} does not take"
    elif lacking:
        detail = f"{other} needs axis {lacking} that {one} does not have"
    return (
        f"{source.name} is {source.kind} ({source.axes or 'one number'}), "
        f"{target.name} takes {target.kind} ({target.axes or 'one number'}): {detail}."
    )
